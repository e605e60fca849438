// SPDX-License-Identifier: GPL-2.0
/*
 * The PMU's interrupt is PPI 23 on a GICv5 and no other. It is a level: taken for
 * as long as the overflow is there, kept while it is masked, gone when the overflow
 * is; wherever the vCPU runs.
 */
#include <perf/arm_pmuv3.h>
#include <pthread.h>

#include "vgic5_guest.h"

#define PMU	BIT_ULL(PPI_PMU)
#define CYCLES	BIT(31)

enum { LOOK = 1 };

static u32 taken;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	GUEST_ASSERT_EQ(intid, PPI_INTID(PPI_PMU));
	GUEST_ASSERT(read_sysreg(pmovsclr_el0) & CYCLES);
	write_sysreg(CYCLES, pmintenclr_el1);
	write_sysreg(CYCLES, pmovsclr_el0);
	isb();
	WRITE_ONCE(taken, taken + 1);
	guest_drop_priority();
	guest_deactivate(intid);
}

static bool pmu_pending(void)
{
	return read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & PMU;
}

static void pmu_begin(void)
{
	/* Out of reset these are UNKNOWN. */
	write_sysreg(0, pmcr_el0);
	write_sysreg(~0UL, pmcntenclr_el0);
	write_sysreg(~0UL, pmintenclr_el1);
	write_sysreg(~0UL, pmovsclr_el0);
	guest_gic_on(PMU);
}

static void guest_overflow(void)
{
	pmu_begin();
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1), PMU);
	for (u32 n = 0; n < 10; n++) {
		write_sysreg(CYCLES, pmovsclr_el0);
		write_sysreg(~0UL - 2000, pmccntr_el0);
		write_sysreg(CYCLES, pmintenset_el1);
		write_sysreg(CYCLES, pmcntenset_el0);
		write_sysreg(ARMV8_PMU_PMCR_E | ARMV8_PMU_PMCR_LC, pmcr_el0);
		isb();
		while (READ_ONCE(taken) == n)
			isb();
		write_sysreg(0, pmcr_el0);
		isb();
	}
	GUEST_ASSERT_EQ(taken, 10);
	GUEST_DONE();
}

static struct vgic5_vm pmu_vm(guest_fn code, guest_irq_fn irq)
{
	if (!kvm_has_cap(KVM_CAP_ARM_PMU_V3))
		vgic5_skip("no PMU");
	return vgic5_vm_create_with(1, code, irq, BIT(KVM_ARM_VCPU_PMU_V3));
}

static int pmu_attr(struct kvm_vcpu *vcpu, u64 attr, void *data)
{
	return __vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, attr, data) ?
		-errno : 0;
}

static void overflow(int *irq)
{
	struct vgic5_vm v = pmu_vm(guest_overflow, guest_irq);

	if (irq)
		TEST_ASSERT(!pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_IRQ, irq),
			    "PMU interrupt 0x%x: errno %d", *irq, errno);
	TEST_ASSERT(!pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_INIT, NULL),
		    "PMU INIT: errno %d", errno);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- level: the handler leaves the overflow, once ---- */

static u32 kept;

static void keeping_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	GUEST_ASSERT_EQ(intid, PPI_INTID(PPI_PMU));
	GUEST_ASSERT(read_sysreg(pmovsclr_el0) & CYCLES);
	if (!kept++) {
		GUEST_SYNC(LOOK);
	} else {
		write_sysreg(CYCLES, pmintenclr_el1);
		write_sysreg(CYCLES, pmovsclr_el0);
		isb();
	}
	WRITE_ONCE(taken, taken + 1);
	guest_drop_priority();
	guest_deactivate(intid);
}

static void overflow_now(void)
{
	write_sysreg(0, pmcr_el0);
	write_sysreg(CYCLES, pmovsclr_el0);
	write_sysreg(~0UL - 2000, pmccntr_el0);
	write_sysreg(CYCLES, pmintenset_el1);
	write_sysreg(CYCLES, pmcntenset_el0);
	write_sysreg(ARMV8_PMU_PMCR_E | ARMV8_PMU_PMCR_LC, pmcr_el0);
	isb();
}

static void guest_level(void)
{
	pmu_begin();
	overflow_now();
	while (READ_ONCE(taken) < 2)
		isb();
	write_sysreg(0, pmcr_el0);
	isb();
	GUEST_SYNC(LOOK);
	GUEST_ASSERT_EQ(taken, 2);
	GUEST_ASSERT(!pmu_pending());
	GUEST_DONE();
}

static void run_to_done(guest_fn code, guest_irq_fn irq)
{
	struct vgic5_vm v = pmu_vm(code, irq);

	TEST_ASSERT(!pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_INIT, NULL),
		    "PMU INIT: errno %d", errno);
	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		;
	vgic5_vm_free(&v);
}

static void level(void)
{
	run_to_done(guest_level, keeping_irq);
}

/* ---- masked: not taken, and taken when opened; cleared: never taken ---- */

static void close_pstate(void) { local_irq_disable(); }
static void open_pstate(void) { local_irq_enable(); }
static void close_ppi(void) { guest_enable(0); }
static void open_ppi(void) { guest_enable(PMU); }
static void close_mask(void) { guest_set_mask(GICV5_IRQ_DEFAULT_PRI - 1); }
static void open_mask(void) { guest_set_mask(PRIORITY_LOWEST); }

static void set_cr0(u64 en)
{
	write_sysreg_s(en, SYS_ICC_CR0_EL1);
	isb();
}

static void close_en(void) { set_cr0(0); }
static void open_en(void) { set_cr0(ICC_CR0_EL1_EN); }

static void (*const gates[][2])(void) = {
	{ close_pstate, open_pstate },
	{ close_ppi, open_ppi },
	{ close_mask, open_mask },
	{ close_en, open_en },
};

static void guest_masked(void)
{
	u32 before = 0;

	pmu_begin();
	for (int i = 0; i < (int)ARRAY_SIZE(gates); i++) {
		for (int cleared = 0; cleared < 2; cleared++) {
			gates[i][0]();
			overflow_now();
			while (!pmu_pending())
				GUEST_SYNC(LOOK);
			__GUEST_ASSERT(taken == before, "gate %d: taken", i);
			if (cleared) {
				write_sysreg(0, pmcr_el0);
				write_sysreg(CYCLES, pmovsclr_el0);
				isb();
				GUEST_SYNC(LOOK);
				__GUEST_ASSERT(!pmu_pending(), "gate %d: pending", i);
				gates[i][1]();
				GUEST_SYNC(LOOK);
			} else {
				gates[i][1]();
				while (READ_ONCE(taken) == before)
					isb();
				before++;
			}
			__GUEST_ASSERT(taken == before, "gate %d: taken %u times", i, taken - before);
		}
	}
	GUEST_DONE();
}

static void masked(void)
{
	run_to_done(guest_masked, guest_irq);
}

/* ---- moved between CPUs meanwhile ---- */

#define MOVED		100

static void guest_is_moved(void)
{
	pmu_begin();
	GUEST_SYNC(LOOK);
	for (u32 n = 0; n < MOVED; n++) {
		overflow_now();
		while (READ_ONCE(taken) == n)
			isb();
		GUEST_ASSERT_EQ(taken, n + 1);
	}
	GUEST_DONE();
}

static void moved(void)
{
	struct vgic5_vm v = pmu_vm(guest_is_moved, guest_irq);
	pthread_t mover;

	if (vgic5_nr_cpus() < 2)
		vgic5_skip("one CPU");
	TEST_ASSERT(!pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_INIT, NULL),
		    "PMU INIT: errno %d", errno);
	vgic5_expect(v.vcpu[0], LOOK);
	mover = vgic5_move_about();
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_stop(mover);
	vgic5_vm_free(&v);
}

static void by_default(void)
{
	overflow(NULL);
}

static void explicitly(void)
{
	int irq = PPI_INTID(PPI_PMU);

	overflow(&irq);
}

static void others_refused(void)
{
	struct vgic5_vm v = pmu_vm(guest_overflow, guest_irq);

	for (int id = 0; id < 128; id++) {
		int irq = PPI_INTID(id), ret;

		if (id == PPI_PMU)
			continue;
		ret = pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
		TEST_ASSERT(ret == -EINVAL, "PPI %d: %d", id, ret);
	}
	for (int type = 0; type < 8; type++) {
		int irq = (type << 29) | PPI_PMU, ret;

		if (type == 1)
			continue;
		ret = pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
		TEST_ASSERT(ret == -EINVAL, "type %d: %d", type, ret);
	}
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "rows 17 24: overflow interrupts on PPI 23 by default", by_default },
	{ "rows 17 24: overflow interrupts on PPI 23 when asked for", explicitly },
	{ "rows 17 24: an overflow that is left interrupts again", level },
	{ "rows 17 24: a masked overflow is kept, a cleared one is not", masked },
	{ "rows 14 17 24: overflows while moved between CPUs", moved },
	{ "row 24: any other interrupt is EINVAL", others_refused },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
