// SPDX-License-Identifier: GPL-2.0
/*
 * For `make bench` only: give a VM more or fewer PPIs than this machine's
 * hardware and KVM's in-kernel devices would, so that a backend's cost can be
 * measured against their number. The backends themselves are untouched: what
 * changes is what KVM's core tells them.
 *
 *	debugfs bench_ppis/implemented	the PPIs that there are, a mask; for VMs
 *					that are created later
 *	debugfs bench_ppis/own		write a VM's file descriptor: its PPIs get
 *					an owner, as if a device in the kernel
 *					drove them, but for the SW_PPI and those
 *					that KVM's timers are about to take
 *
 * KVM exports nothing of this, so the module is told the two addresses, from
 * /proc/kallsyms: kvm_vgic_global_state and kvm_vgic_set_owner. Nor can it
 * tell a VM's file from another one; whoever writes has to.
 */
#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include <kvm/arm_vgic.h>

static unsigned long state_address;
module_param_named(state, state_address, ulong, 0);
static unsigned long set_owner_address;
module_param_named(set_owner, set_owner_address, ulong, 0);

static unsigned long *implemented(void)
{
	struct vgic_global *state = (struct vgic_global *)state_address;

	return state->vgic_v5_ppi_caps.impl_ppi_mask;
}

static int implemented_get(void *data, u64 *value)
{
	*value = bitmap_read(implemented(), 0, 64);
	return 0;
}

/* The mask is read-only since the end of the boot, but not in a mapping anew. */
static int implemented_set(void *data, u64 value)
{
	unsigned long *mask = implemented();
	struct page *page = virt_to_page(lm_alias(mask));
	void *writable = vmap(&page, 1, VM_MAP, PAGE_KERNEL);

	if (!writable)
		return -ENOMEM;
	bitmap_write(writable + offset_in_page(mask), value, 0, 64);
	vunmap(writable);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(implemented_fops, implemented_get, implemented_set, "0x%llx\n");

static int own_set(void *data, u64 fd)
{
	int (*set_owner)(struct kvm_vcpu *vcpu, unsigned int intid, void *owner) =
		(void *)set_owner_address;
	DECLARE_BITMAP(ppis, VGIC_V5_NR_PRIVATE_IRQS);
	struct kvm_vcpu *vcpu;
	unsigned long i, ppi;
	struct file *file;
	struct kvm *kvm;
	int ret = 0;

	bitmap_copy(ppis, implemented(), VGIC_V5_NR_PRIVATE_IRQS);
	__clear_bit(GICV5_ARCH_PPI_SW_PPI, ppis);
	__clear_bit(GICV5_ARCH_PPI_CNTV, ppis);
	__clear_bit(GICV5_ARCH_PPI_CNTP, ppis);

	file = fget(fd);
	if (!file)
		return -EBADF;
	kvm = file->private_data;
	kvm_for_each_vcpu(i, vcpu, kvm) {
		for_each_set_bit(ppi, ppis, VGIC_V5_NR_PRIVATE_IRQS) {
			ret = set_owner(vcpu, vgic_v5_make_ppi(ppi), &state_address);
			if (ret)
				goto out;
		}
	}
out:
	fput(file);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(own_fops, NULL, own_set, "%llu\n");

static struct dentry *dir;

static int __init bench_ppis_init(void)
{
	if (!state_address || !set_owner_address)
		return -EINVAL;
	dir = debugfs_create_dir("bench_ppis", NULL);
	debugfs_create_file_unsafe("implemented", 0600, dir, NULL, &implemented_fops);
	debugfs_create_file_unsafe("own", 0200, dir, NULL, &own_fops);
	return 0;
}
module_init(bench_ppis_init);

static void __exit bench_ppis_exit(void)
{
	debugfs_remove(dir);
}
module_exit(bench_ppis_exit);

MODULE_DESCRIPTION("PPIs at will for the bench of KVM's GICv5 backends");
MODULE_LICENSE("GPL");
