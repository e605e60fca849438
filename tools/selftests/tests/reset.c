// SPDX-License-Identifier: GPL-2.0
/*
 * Reset: after KVM_ARM_VCPU_INIT, after PSCI turned a vCPU off and on again,
 * and after PSCI reset the system, a CPU interface reads as after power-on, and
 * interrupts arrive.
 */
#include <linux/psci.h>
#include <pthread.h>

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
static void init_again(struct vgic5_vm *v, int vcpu, u32 features, guest_fn code)
{
	struct kvm_vcpu_init init;

	kvm_get_default_vcpu_target(v->vm, &init);
	init.features[0] |= features;
	aarch64_vcpu_setup(v->vcpu[vcpu], &init);
	vcpu_arch_set_entry_point(v->vcpu[vcpu], code);
	vcpu_init_descriptor_tables(v->vcpu[vcpu]);
}

static void vcpu_init_again(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_boot, NULL);

	for (int i = 0; i < 10; i++) {
		vgic5_expect(v.vcpu[0], 1);
		vgic5_expect(v.vcpu[0], VGIC5_DONE);
		init_again(&v, 0, 0, guest_boot);
	}
	vgic5_vm_free(&v);
}

/* An edge that userspace injected before the reset does not survive it. */
static void edge_before_reset(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_boot, NULL);

	vgic5_expect(v.vcpu[0], 1);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	init_again(&v, 0, 0, guest_boot);
	vgic5_expect(v.vcpu[0], 1);
	vgic5_vm_free(&v);
}

/* ---- by PSCI, as a guest does it ---- */

enum { READY = 10, INJECT, RESETTING };

#define LIVES		5	/* how often vCPU 1 is turned on */

static u32 taken[2][64];	/* by vCPU and PPI */
static bool dirty;		/* whether a life ends with a dirty interface */
static u32 life, may_end;	/* vCPU 1's, counted by vCPU 0 */

static u64 psci(u32 fn, u64 a, u64 b, u64 c)
{
	struct arm_smccc_res res;

	do_smccc(fn, a, b, c, 0, 0, 0, 0, &res);
	return res.a0;
}

static void count_irq(struct ex_regs *regs)
{
	u32 *count = taken[read_sysreg(tpidr_el1)];
	u32 intid = guest_ack();

	if (!intid)
		return;
	count += intid - PPI_INTID(0);
	if (intid == PPI_INTID(PPI_CNTV))
		timer_set_ctl(VIRTUAL, CTL_IMASK);
	if (intid == PPI_INTID(PPI_CNTP))
		timer_set_ctl(PHYSICAL, CTL_IMASK);
	WRITE_ONCE(*count, *count + 1);
	guest_drop_priority();
	guest_deactivate(intid);
}

static void arm(enum arch_timer timer)
{
	timer_set_cval(timer, timer_get_cntct(timer) + usec_to_cycles(500));
	timer_set_ctl(timer, CTL_ENABLE);
}

/* Everything that interrupts a guest does so, once each. */
static void interrupts_work(void)
{
	u32 *count = taken[read_sysreg(tpidr_el1)];

	memset(count, 0, sizeof(taken[0]));
	guest_gic_on(GUEST_PPIS);
	GUEST_SYNC(INJECT);
	arm(VIRTUAL);
	arm(PHYSICAL);
	while (!READ_ONCE(count[PPI_SW]) || !READ_ONCE(count[PPI_CNTV]) ||
	       !READ_ONCE(count[PPI_CNTP]))
		isb();
	GUEST_ASSERT_EQ(count[PPI_SW], 1);
	GUEST_ASSERT_EQ(count[PPI_CNTV], 1);
	GUEST_ASSERT_EQ(count[PPI_CNTP], 1);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), 0);
	local_irq_disable();
}

/* From one reset to the next. */
static void live(void)
{
	if (dirty)
		assert_power_on();
	interrupts_work();
	if (dirty) {
		dirty_everything();
		assert_dirty();
	}
}

/* Run until the guest says @what, which is not INJECT: that is done for it. */
static void expect_and_inject(struct vgic5_vm *v, int vcpu, u64 what)
{
	u64 said;

	while ((said = vgic5_vcpu_run(v->vcpu[vcpu])) == INJECT) {
		vgic5_set_ppi(v->vm, vcpu, PPI_SW, 1);
		vgic5_set_ppi(v->vm, vcpu, PPI_SW, 0);
	}
	TEST_ASSERT(said == what, "vCPU %d said 0x%lx, not 0x%lx", vcpu,
		    (unsigned long)said, (unsigned long)what);
}

/*
 * Where CPU_ON starts a vCPU: with the MMU off, at a physical address, and x0
 * pointing to what it needs to become one of this program's guests.
 */
static struct el1 {
	u64 mair, tcr, ttbr0, cpacr, vbar, tpidr, sp, sctlr, entry;
} el1;

void cpu_on_entry(void);

/* Aligned, so that it is in one page, which is mapped 1:1. */
asm(
	".pushsection .text\n"
	".balign 256\n"
	".global cpu_on_entry\n"
	"cpu_on_entry:\n"
	"ldp x1, x2, [x0]\n"
	"ldp x3, x4, [x0, #16]\n"
	"ldp x5, x6, [x0, #32]\n"
	"ldp x7, x8, [x0, #48]\n"
	"ldr x9, [x0, #64]\n"
	"msr mair_el1, x1\n"
	"msr tcr_el1, x2\n"
	"msr ttbr0_el1, x3\n"
	"msr cpacr_el1, x4\n"
	"msr vbar_el1, x5\n"
	"msr tpidr_el1, x6\n"
	"mov sp, x7\n"
	"isb\n"
	"tlbi vmalle1\n"
	"dsb nsh\n"
	"msr sctlr_el1, x8\n"
	"isb\n"
	"br x9\n"
	".popsection\n");

static u64 entry_gpa, el1_gpa;

static void guest_secondary(void)
{
	u32 me = READ_ONCE(life);

	local_irq_disable();
	live();
	if (me == LIVES)
		GUEST_DONE();
	/* vCPU 0 wants to see it on. */
	while (READ_ONCE(may_end) != me)
		cpu_relax();
	psci(PSCI_0_2_FN_CPU_OFF, 0, 0, 0);
	GUEST_FAIL("CPU_OFF returned");
}

static u64 affinity_of_1(void)
{
	return psci(PSCI_0_2_FN64_AFFINITY_INFO, 1, 0, 0);
}

static void guest_primary(void)
{
	local_irq_disable();
	GUEST_SYNC(READY);
	GUEST_ASSERT_EQ(psci(PSCI_0_2_FN64_CPU_ON, 17, entry_gpa, el1_gpa),
			(u64)PSCI_RET_INVALID_PARAMS);
	for (u32 n = 1; n <= LIVES; n++) {
		while (affinity_of_1() != PSCI_0_2_AFFINITY_LEVEL_OFF)
			cpu_relax();
		WRITE_ONCE(life, n);
		GUEST_ASSERT_EQ(psci(PSCI_0_2_FN64_CPU_ON, 1, entry_gpa, el1_gpa),
				PSCI_RET_SUCCESS);
		GUEST_ASSERT_EQ(affinity_of_1(), PSCI_0_2_AFFINITY_LEVEL_ON);
		GUEST_ASSERT_EQ(psci(PSCI_0_2_FN64_CPU_ON, 1, entry_gpa, el1_gpa),
				(u64)PSCI_RET_ALREADY_ON);
		WRITE_ONCE(may_end, n);
	}
	GUEST_DONE();
}

static void *secondary(void *arg)
{
	expect_and_inject(arg, 1, VGIC5_DONE);
	return NULL;
}

/*
 * vCPU 1 turns itself off, and vCPU 0 turns it on again; userspace does nothing
 * but to run both. Each time vCPU 1 finds its interface as after power-on.
 */
static void psci_off_on(void)
{
	struct vgic5_vm v = vgic5_vm_create_with(2, guest_primary, count_irq,
						 BIT(KVM_ARM_VCPU_PSCI_0_2));
	struct kvm_mp_state off = { .mp_state = KVM_MP_STATE_STOPPED };
	struct kvm_vcpu *vcpu = v.vcpu[1];
	pthread_t thread;

	el1.mair = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_MAIR_EL1));
	el1.tcr = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_TCR_EL1));
	el1.ttbr0 = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_TTBR0_EL1));
	el1.cpacr = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_CPACR_EL1));
	el1.vbar = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_VBAR_EL1));
	el1.tpidr = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_TPIDR_EL1));
	el1.sp = vcpu_get_reg(vcpu, ARM64_CORE_REG(sp_el1));
	el1.sctlr = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_SCTLR_EL1));
	el1.entry = (u64)guest_secondary;
	entry_gpa = addr_gva2gpa(v.vm, (gva_t)cpu_on_entry);
	el1_gpa = addr_gva2gpa(v.vm, (gva_t)&el1);
	sync_global_to_guest(v.vm, el1);
	sync_global_to_guest(v.vm, entry_gpa);
	sync_global_to_guest(v.vm, el1_gpa);
	sync_global_to_guest(v.vm, dirty);
	virt_map(v.vm, entry_gpa & ~(v.vm->page_size - 1UL),
		 entry_gpa & ~(v.vm->page_size - 1UL), 1);

	vcpu_mp_state_set(vcpu, &off);
	/* Which vCPU runs first is lifecycle.c's business. */
	vgic5_expect(v.vcpu[0], READY);
	pthread_create(&thread, NULL, secondary, &v);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	pthread_join(thread, NULL);
	vgic5_vm_free(&v);
}

static void psci_off_on_clean(void)
{
	psci_off_on();
}

static void psci_off_on_dirty(void)
{
	dirty = true;
	psci_off_on();
}

/* ---- SYSTEM_RESET ---- */

static void guest_resets(void)
{
	local_irq_disable();
	live();
	if (!read_sysreg(tpidr_el1))
		psci(PSCI_0_2_FN_SYSTEM_RESET, 0, 0, 0);
	GUEST_SYNC(RESETTING);
	GUEST_FAIL("SYSTEM_RESET returned");
}

static void expect_system_reset(struct kvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct ucall uc;

	vcpu_run(vcpu);
	if (get_ucall(vcpu, &uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	TEST_ASSERT(run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
		    run->system_event.type == KVM_SYSTEM_EVENT_RESET,
		    "exit reason %d, system event %u", run->exit_reason,
		    run->system_event.type);
}

/* vCPU 0 asks for it, and userspace does as a VMM does: INIT of every vCPU. */
static void system_reset(void)
{
	struct vgic5_vm v = vgic5_vm_create_with(2, guest_resets, count_irq,
						 BIT(KVM_ARM_VCPU_PSCI_0_2));

	sync_global_to_guest(v.vm, dirty);
	for (int i = 0; i < LIVES; i++) {
		vgic5_expect(v.vcpu[0], INJECT);
		expect_and_inject(&v, 1, RESETTING);
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
		vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
		expect_system_reset(v.vcpu[0]);
		for (int n = 0; n < 2; n++)
			init_again(&v, n, BIT(KVM_ARM_VCPU_PSCI_0_2), guest_resets);
	}
	vgic5_vm_free(&v);
}

static void system_reset_clean(void)
{
	system_reset();
}

static void system_reset_dirty(void)
{
	dirty = true;
	system_reset();
}

static const struct vgic5_test tests[] = {
	{ "row 22: KVM_ARM_VCPU_INIT is a power-on", vcpu_init_again },
	{ "row 22: an injected edge does not survive a reset", edge_before_reset },
	{ "rows 17 22 23: interrupts arrive after CPU_OFF and CPU_ON", psci_off_on_clean },
	{ "row 22: PSCI CPU_ON of a stopped vCPU is a power-on", psci_off_on_dirty },
	{ "rows 17 22 23: interrupts arrive after SYSTEM_RESET", system_reset_clean },
	{ "row 22: PSCI SYSTEM_RESET and INIT are a power-on", system_reset_dirty },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
