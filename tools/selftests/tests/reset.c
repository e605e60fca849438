// SPDX-License-Identifier: GPL-2.0
/*
 * Reset: after KVM_ARM_VCPU_INIT, and after PSCI turned a vCPU off and on
 * again, its CPU interface reads as after power-on.
 */
#include <linux/psci.h>

#include "arch_timer.h"
#include "vgic5_guest.h"

#define SW	BIT_ULL(PPI_SW)

static void dirty_everything(void)
{
	write_sysreg_s(0x1111111111111111UL, SYS_ICC_PPI_PRIORITYR0_EL1);
	write_sysreg_s(0x0101010101010101UL, SYS_ICC_PPI_PRIORITYR3_EL1);
	write_sysreg_s(17, SYS_ICC_PCR_EL1);
	write_sysreg_s(BIT(9) | BIT(20), SYS_ICC_APR_EL1);
	write_sysreg_s(SW, SYS_ICC_PPI_SACTIVER0_EL1);
	write_sysreg_s(SW, SYS_ICC_PPI_SPENDR0_EL1);
	write_sysreg_s(ICC_CR0_EL1_EN, SYS_ICC_CR0_EL1);
	guest_enable(GUEST_PPIS);
	timer_set_cval(VIRTUAL, 0);
	timer_set_ctl(VIRTUAL, CTL_ENABLE);
	isb();
}

static void assert_dirty(void)
{
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PCR_EL1), 17);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), BIT(9) | BIT(20));
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1), GUEST_PPIS);
	GUEST_ASSERT(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & BIT_ULL(PPI_CNTV));
}

static void assert_power_on(void)
{
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PCR_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_CR0_EL1) & ICC_CR0_EL1_EN, 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SACTIVER0_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_PRIORITYR0_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_PRIORITYR3_EL1), 0);
}

static void guest_boot(void)
{
	local_irq_disable();
	assert_power_on();
	dirty_everything();
	GUEST_SYNC(1);
	assert_dirty();
	GUEST_DONE();
}

/* As userspace does it: KVM_ARM_VCPU_INIT again, and set the entry point. */
static void vcpu_init_again(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_boot, NULL);
	struct kvm_vcpu_init init;

	for (int i = 0; i < 10; i++) {
		vgic5_expect(v.vcpu[0], 1);
		vgic5_expect(v.vcpu[0], VGIC5_DONE);
		kvm_get_default_vcpu_target(v.vm, &init);
		aarch64_vcpu_setup(v.vcpu[0], &init);
		vcpu_arch_set_entry_point(v.vcpu[0], guest_boot);
		vcpu_init_descriptor_tables(v.vcpu[0]);
	}
	vgic5_vm_free(&v);
}

/* An edge that userspace injected before the reset does not survive it. */
static void edge_before_reset(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_boot, NULL);
	struct kvm_vcpu_init init;

	vgic5_expect(v.vcpu[0], 1);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	kvm_get_default_vcpu_target(v.vm, &init);
	aarch64_vcpu_setup(v.vcpu[0], &init);
	vcpu_arch_set_entry_point(v.vcpu[0], guest_boot);
	vcpu_init_descriptor_tables(v.vcpu[0]);
	vgic5_expect(v.vcpu[0], 1);
	vgic5_vm_free(&v);
}

/* ---- PSCI ---- */

static u64 psci(u32 fn, u64 a, u64 b, u64 c)
{
	struct arm_smccc_res res;

	do_smccc(fn, a, b, c, 0, 0, 0, 0, &res);
	return res.a0;
}

static void guest_secondary(void)
{
	local_irq_disable();
	assert_power_on();
	dirty_everything();
	GUEST_SYNC(1);
	assert_dirty();
	GUEST_DONE();
}

static void guest_primary(void)
{
	u64 mpidr = 1;	/* vCPU 1 */

	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(psci(PSCI_0_2_FN64_CPU_ON, mpidr,
			     (u64)guest_secondary, 0), PSCI_RET_SUCCESS);
	GUEST_DONE();
}

/*
 * vCPU 1 dirties its interface and is turned off; vCPU 0 turns it on. Its
 * EL1 state is gone then (the MMU is off), so userspace gives it back before
 * it runs, as it does at the first start: the GIC is not touched by that.
 */
static void psci_off_on(void)
{
	struct vgic5_vm v = vgic5_vm_create_with(2, guest_primary, NULL,
						 BIT(KVM_ARM_VCPU_PSCI_0_2));
	struct kvm_mp_state mp;
	u64 regs[5];
	static const u64 ids[] = {
		KVM_ARM64_SYS_REG(SYS_SCTLR_EL1), KVM_ARM64_SYS_REG(SYS_TCR_EL1),
		KVM_ARM64_SYS_REG(SYS_MAIR_EL1), KVM_ARM64_SYS_REG(SYS_TTBR0_EL1),
		KVM_ARM64_SYS_REG(SYS_TPIDR_EL1),
	};
	u64 cpacr = vcpu_get_reg(v.vcpu[1], KVM_ARM64_SYS_REG(SYS_CPACR_EL1));
	u64 sp = vcpu_get_reg(v.vcpu[1], ARM64_CORE_REG(sp_el1));

	for (int i = 0; i < (int)ARRAY_SIZE(ids); i++)
		regs[i] = vcpu_get_reg(v.vcpu[1], ids[i]);

	vcpu_arch_set_entry_point(v.vcpu[1], guest_secondary);
	vgic5_expect(v.vcpu[0], 2);
	vgic5_expect(v.vcpu[1], 1);

	/* Off; a KVM_RUN would wait for it to be turned on. */
	mp.mp_state = KVM_MP_STATE_STOPPED;
	vcpu_mp_state_set(v.vcpu[1], &mp);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vcpu_mp_state_get(v.vcpu[1], &mp);
	TEST_ASSERT(mp.mp_state == KVM_MP_STATE_RUNNABLE, "CPU_ON did not turn it on");

	/* A read performs the pending reset; then the state that is ours. */
	TEST_ASSERT(vcpu_get_reg(v.vcpu[1], ARM64_CORE_REG(regs.pc)) == (u64)guest_secondary,
		    "CPU_ON's entry point");
	for (int i = 0; i < (int)ARRAY_SIZE(ids); i++)
		vcpu_set_reg(v.vcpu[1], ids[i], regs[i]);
	vcpu_set_reg(v.vcpu[1], KVM_ARM64_SYS_REG(SYS_CPACR_EL1), cpacr);
	vcpu_set_reg(v.vcpu[1], ARM64_CORE_REG(sp_el1), sp);
	vcpu_init_descriptor_tables(v.vcpu[1]);
	vgic5_expect(v.vcpu[1], 1);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "row 22: KVM_ARM_VCPU_INIT is a power-on", vcpu_init_again },
	{ "row 22: an injected edge does not survive a reset", edge_before_reset },
	{ "row 22: PSCI CPU_ON of a stopped vCPU is a power-on", psci_off_on },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
