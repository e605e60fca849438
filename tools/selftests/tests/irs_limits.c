// SPDX-License-Identifier: GPL-2.0
/*
 * Many VMs with an IRS, more than the host's IRS has IDs for, and guests that do
 * with theirs what they like.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "vgic5_irs_guest.h"

#define SPIS	64

static void more_files(rlim_t nr)
{
	struct rlimit limit = { .rlim_cur = nr, .rlim_max = nr };

	TEST_ASSERT(!setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE: errno %d", errno);
}

/* ---- VMs ---- */

#define VMS	140	/* a second-level table of the host's has 128 */

static void guest_own(void)
{
	guest_poll_on();
	guest_irs_enable(true);
	guest_lpis_on();
	guest_irq_setup(SPI_INTID(1), 0, 16);
	guest_irq_setup(LPI_INTID(1), 0, 16);
	for (int i = 0; ; i++) {
		GUEST_SYNC(i);
		GUEST_ASSERT_EQ(guest_ack(), SPI_INTID(1));
		guest_eoi(SPI_INTID(1));
		GUEST_ASSERT_EQ(guest_ack(), 0);
		guest_irq_pend(LPI_INTID(1), true);
		GUEST_ASSERT_EQ(guest_ack(), LPI_INTID(1));
		guest_eoi(LPI_INTID(1));
		GUEST_ASSERT_EQ(guest_ack(), 0);
	}
}

static void many(void)
{
	static struct vgic5_vm v[VMS];

	more_files(64 * VMS);
	for (int i = 0; i < VMS; i++) {
		v[i] = vgic5_irs_vm(1, guest_own, NULL, SPIS);
		vgic5_expect(v[i].vcpu[0], 0);
	}
	/* All of them there, each takes its own. */
	for (int n = 1; n < 3; n++) {
		for (int i = 0; i < VMS; i++)
			vgic5_set_spi(v[i].vm, 1, 1);
		for (int i = VMS - 1; i >= 0; i--)
			vgic5_expect(v[i].vcpu[0], n);
	}
	/* New ones in the places of old ones. */
	for (int i = 0; i < VMS; i += 3) {
		vgic5_vm_free(&v[i]);
		v[i] = vgic5_irs_vm(1, guest_own, NULL, SPIS);
		vgic5_expect(v[i].vcpu[0], 0);
		vgic5_set_spi(v[i].vm, 1, 1);
		vgic5_expect(v[i].vcpu[0], 1);
	}
	for (int i = 0; i < VMS; i++)
		vgic5_vm_free(&v[i]);
}

#define MOST_VMS	2000

/* No memory, no program: all that INIT wants is a vCPU. */
static int bare_vm(struct kvm_vm **vm)
{
	int gic, vcpu;

	*vm = vm_create_barebones();
	if (__kvm_test_create_device(*vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	gic = kvm_create_device(*vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	vgic5_need_irs(gic);
	vcpu = __vm_ioctl(*vm, KVM_CREATE_VCPU, NULL);
	TEST_ASSERT(vcpu >= 0, "a vCPU: errno %d", errno);
	/* It is there as long as the VM, which it would hold. */
	close(vcpu);
	TEST_ASSERT(!vgic5_set_irs_address(gic, IRS_BASE), "the IRS's address");
	return gic;
}

static void no_vm_id(void)
{
	static struct kvm_vm *vms[MOST_VMS];
	static int gics[MOST_VMS];
	int nr, ret = 0;

	more_files(16 * MOST_VMS);
	for (nr = 0; nr < MOST_VMS; nr++) {
		gics[nr] = bare_vm(&vms[nr]);
		ret = vgic5_init(gics[nr]);
		if (ret)
			break;
	}
	if (nr == MOST_VMS)
		vgic5_skip("this host's IRS has IDs for more VMs than fit here");
	TEST_ASSERT(ret == -ENOSPC, "INIT of VM %d: %d", nr, ret);
	pr_info("# %d VMs\n", nr);
	ret = vgic5_init(gics[nr]);
	TEST_ASSERT(ret == -ENOSPC, "INIT of VM %d, again: %d", nr, ret);

	/* There is one when another VM goes, whichever. */
	for (int n = 0; n < 10; n++) {
		int gone = rand() % nr;

		close(gics[gone]);
		kvm_vm_free(vms[gone]);
		ret = vgic5_init(gics[nr]);
		TEST_ASSERT(!ret, "INIT, once VM %d has gone: %d", gone, ret);
		gics[gone] = gics[nr];
		vms[gone] = vms[nr];
		gics[nr] = bare_vm(&vms[nr]);
		ret = vgic5_init(gics[nr]);
		TEST_ASSERT(ret == -ENOSPC, "INIT of one too many: %d", ret);
	}
}

/* ---- hostile guests ---- */

#define VCPUS	4
#define TRICKS	5000

static u32 enough;

static u64 next(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Mostly what there is, and now and then anything at all. */
static u32 any_offset(u64 *seed)
{
	static const u16 interesting[] = {
		IRS_CR0, IRS_CR1, IRS_SPI_SELR, IRS_SPI_CFGR, IRS_PE_SELR, IRS_IST_BASER,
		IRS_IST_BASER + 4, IRS_IST_CFGR, 0x0c0, 0x100, 0x1c0, 0x200, 0x210, 0x2c0, 0x2c8,
		0x2d0, 0x2e0, 0x300,
	};
	u64 r = next(seed);

	if (r & 3)
		return interesting[(r >> 8) % ARRAY_SIZE(interesting)];
	return (r >> 8) % KVM_VGIC_V5_IRS_SIZE & ~7U;
}

static void access_frame(u64 *seed)
{
	u32 offset = any_offset(seed);
	u64 val = next(seed), how = next(seed);

	/* An IST that is possible, every other time. */
	if (offset == IRS_IST_CFGR && how & 64)
		val = 12 + val % 5;
	if (offset == IRS_IST_BASER && how & 64)
		val |= IRS_IST_BASER_VALID;
	switch (how % 6) {
	case 0:
		irs_read(offset);
		break;
	case 1:
		if (!(offset & 7))
			irs_read64(offset);
		break;
	case 2:
	case 3:
		irs_write(offset, val);
		break;
	default:
		if (!(offset & 7))
			irs_write64(offset, val);
	}
}

static void any_instruction(u64 *seed)
{
	u64 val = next(seed), how = next(seed), intid;

	intid = how & 1 ? LPI_INTID((how >> 8) & 0xffff) : SPI_INTID((how >> 8) % (2 * SPIS));
	/* Now and then all bits, reserved types among them. */
	val = how & 30 ? (val & ~GENMASK_ULL(31, 0)) | intid : val;
	switch (next(seed) % 12) {
	case 0:
		gic_insn(val, CDDIS);
		break;
	case 1:
	case 2:
		gic_insn(val, CDEN);
		break;
	case 3:
		gic_insn(val, CDPRI);
		break;
	case 4:
		gic_insn(val, CDAFF);
		break;
	case 5:
		gic_insn(val & ~GENMASK_ULL(47, 34), CDAFF);
		break;
	case 6:
	case 7:
		gic_insn(val, CDPEND);
		break;
	case 8:
		gic_insn(val, CDRCFG);
		break;
	case 9:
		gic_insn(val, CDHM);
		break;
	case 10:
		gic_insn(val, CDDI);
		break;
	default:
		gicr_insn(CDIA);
		if (how & 1024)
			guest_drop_priority();
	}
}

static void guest_hostile(void)
{
	u64 seed = (guest_iaffid() + 1) * 0x9e3779b97f4a7c15UL;

	guest_poll_on();
	for (int i = 0; i < TRICKS; i++) {
		if (next(&seed) % 8)
			any_instruction(&seed);
		else
			access_frame(&seed);
		if (!(i % 64))
			write_sysreg_s(PRIORITY_LOWEST, SYS_ICC_PCR_EL1);
	}
	GUEST_DONE();
}

static void *run_to_end(void *vcpu)
{
	vgic5_expect(vcpu, VGIC5_DONE);
	return NULL;
}

static void *raise_all(void *vm)
{
	for (u32 n = 0; !READ_ONCE(enough); n++)
		vgic5_set_spi(vm, n % SPIS, n / SPIS & 1);
	return NULL;
}

/* What four vCPUs do at once harms nobody else, and can be saved. */
static void hostile(void)
{
	struct vgic5_vm v = vgic5_irs_vm(VCPUS, guest_hostile, NULL, SPIS);
	struct vgic5_vm w = vgic5_irs_vm(1, guest_own, NULL, SPIS);
	pthread_t threads[VCPUS], device;
	u64 neighbour = 0;

	vgic5_expect(w.vcpu[0], neighbour);
	for (int i = 0; i < VCPUS; i++)
		pthread_create(&threads[i], NULL, run_to_end, v.vcpu[i]);
	pthread_create(&device, NULL, raise_all, v.vm);
	for (int i = 0; i < VCPUS; i++) {
		while (pthread_tryjoin_np(threads[i], NULL)) {
			vgic5_set_spi(w.vm, 1, 1);
			vgic5_expect(w.vcpu[0], ++neighbour);
		}
	}
	WRITE_ONCE(enough, 1);
	pthread_join(device, NULL);
	free(vgic5_irs_save(v.gic).entries);
	vgic5_vm_free(&v);
	vgic5_set_spi(w.vm, 1, 1);
	vgic5_expect(w.vcpu[0], ++neighbour);
	vgic5_vm_free(&w);
}

static const struct vgic5_test tests[] = {
	{ "140 VMs, each with its own SPIs and LPIs", many, 300 },
	{ "INIT without a VM ID left is ENOSPC, until a VM goes", no_vm_id, 400 },
	{ "four hostile vCPUs harm no other VM", hostile, 300 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
