// SPDX-License-Identifier: GPL-2.0
/*
 * Saving a VM with a GICv5, and restoring it.
 */
#include <string.h>

#include "processor.h"
#include "vgic5_save.h"

#define SW	BIT_ULL(PPI_SW)
#define CNTV	BIT_ULL(PPI_CNTV)

const struct vgic5_reg vgic5_regs[VGIC5_NR_REGS] = {
#define R(name, bits)	{ #name, SYS_##name, bits }
	R(ICC_ICSR_EL1, 0x0000ffff0000f83fUL),
	R(ICC_PPI_ENABLER0_EL1, SW | CNTV),
	R(ICC_PPI_ENABLER1_EL1, 0),
	R(ICC_PPI_SACTIVER0_EL1, SW | CNTV),
	R(ICC_PPI_SACTIVER1_EL1, 0),
	R(ICC_PPI_SPENDR0_EL1, SW),
	R(ICC_PPI_SPENDR1_EL1, 0),
	R(ICC_PPI_PRIORITYR0_EL1, 0x1f000000),
	R(ICC_PPI_PRIORITYR1_EL1, 0),
	R(ICC_PPI_PRIORITYR2_EL1, 0),
	R(ICC_PPI_PRIORITYR3_EL1, 0x1f000000),
	R(ICC_PPI_PRIORITYR4_EL1, 0),
	R(ICC_PPI_PRIORITYR5_EL1, 0),
	R(ICC_PPI_PRIORITYR6_EL1, 0),
	R(ICC_PPI_PRIORITYR7_EL1, 0),
	R(ICC_PPI_PRIORITYR8_EL1, 0),
	R(ICC_PPI_PRIORITYR9_EL1, 0),
	R(ICC_PPI_PRIORITYR10_EL1, 0),
	R(ICC_PPI_PRIORITYR11_EL1, 0),
	R(ICC_PPI_PRIORITYR12_EL1, 0),
	R(ICC_PPI_PRIORITYR13_EL1, 0),
	R(ICC_PPI_PRIORITYR14_EL1, 0),
	R(ICC_PPI_PRIORITYR15_EL1, 0),
	R(ICC_APR_EL1, 0xffffffff),
	R(ICC_CR0_EL1, 1),
	R(ICC_PCR_EL1, 0x1f),
#undef R
};

int vgic5_get_reg(int gic, u64 attr, u64 *val)
{
	return __kvm_device_attr_get(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr,
				     val) ? -errno : 0;
}

int vgic5_set_reg(int gic, u64 attr, u64 val)
{
	return __kvm_device_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr,
				     &val) ? -errno : 0;
}

int vgic5_has_reg(int gic, u64 attr)
{
	return __kvm_has_device_attr(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				     attr) ? -errno : 0;
}

struct vgic5_vm vgic5_saver_vm(int nr_vcpus, guest_fn code, guest_irq_fn irq)
{
	struct vgic5_vm v = vgic5_vm_create(nr_vcpus, code, irq);

	/* Mainline's C backend of 7.3 has none of this. */
	if (vgic5_has_reg(v.gic, vgic5_sysreg_attr(0, SYS_ICC_PCR_EL1)))
		vgic5_skip("this backend does not save and restore");
	return v;
}

void vgic5_copy_memory(struct kvm_vm *to, struct kvm_vm *from)
{
	struct userspace_mem_region *src, *dst;
	int slot;

	hash_for_each(from->regions.slot_hash, slot, src, slot_node) {
		dst = memslot2region(to, src->region.slot);
		TEST_ASSERT(dst->region.memory_size == src->region.memory_size,
			    "memory slot %u", src->region.slot);
		memcpy(dst->host_mem, src->host_mem, src->region.memory_size);
	}
}

void vgic5_copy_vcpu(struct kvm_vcpu *to, struct kvm_vcpu *from)
{
	static struct kvm_reg_list *list;
	u8 value[256];

	if (!list)
		list = vcpu_get_reg_list(from);
	for (u64 i = 0; i < list->n; i++) {
		struct kvm_one_reg reg = { list->reg[i], (u64)value };

		/* Free-running counters are not state. */
		if (list->reg[i] == KVM_REG_ARM_TIMER_CNT ||
		    list->reg[i] == KVM_REG_ARM_PTIMER_CNT)
			continue;
		if (__vcpu_ioctl(from, KVM_GET_ONE_REG, &reg))
			continue;
		TEST_ASSERT(!__vcpu_ioctl(to, KVM_SET_ONE_REG, &reg),
			    "restoring register 0x%llx: errno %d", list->reg[i], errno);
	}
}

void vgic5_copy_gic_in_order(int to, u32 to_id, int from, u32 from_id,
			     const int order[VGIC5_NR_REGS])
{
	for (int i = 0; i < VGIC5_NR_REGS; i++) {
		const struct vgic5_reg *reg = &vgic5_regs[order ? order[i] : i];
		u64 val;
		int ret;

		TEST_ASSERT(!vgic5_get_reg(from, vgic5_sysreg_attr(from_id, reg->reg), &val),
			    "saving %s", reg->name);
		ret = vgic5_set_reg(to, vgic5_sysreg_attr(to_id, reg->reg), val);
		TEST_ASSERT(!ret, "restoring %s to %lx: %d", reg->name, (unsigned long)val, ret);
	}
}

void vgic5_copy_gic(int to, u32 to_id, int from, u32 from_id)
{
	vgic5_copy_gic_in_order(to, to_id, from, from_id, NULL);
}
