// SPDX-License-Identifier: GPL-2.0
/*
 * Priorities as a guest sees them: 32 levels, the mask, preemption up to
 * three deep, equal priorities.
 */
#include "arch_timer.h"
#include "vgic5_guest.h"

#define SW	BIT_ULL(PPI_SW)
#define CNTV	BIT_ULL(PPI_CNTV)
#define CNTP	BIT_ULL(PPI_CNTP)

static void run_guest(guest_fn code, guest_irq_fn irq)
{
	struct vgic5_vm v = vgic5_vm_create(1, code, irq);

	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		;
	vgic5_vm_free(&v);
}

static void timer_fire(enum arch_timer timer)
{
	timer_set_cval(timer, 0);
	timer_set_ctl(timer, CTL_ENABLE);
}

static void timer_quiet(enum arch_timer timer)
{
	timer_set_ctl(timer, CTL_IMASK);
}

static void gic_on_masked(u64 ppis)
{
	local_irq_disable();
	timer_quiet(VIRTUAL);
	timer_quiet(PHYSICAL);
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(ppis);
}

/* An interrupt is signalled if its priority is not above (in value) the mask. */
static void guest_mask_grid(void)
{
	gic_on_masked(SW);
	for (int p = 0; p <= PRIORITY_LOWEST; p++) {
		guest_set_priority(PPI_SW, p);
		for (int mask = 0; mask <= PRIORITY_LOWEST; mask++) {
			u32 want = p <= mask ? PPI_INTID(PPI_SW) : 0;

			guest_set_mask(mask);
			guest_pend_sw();
			GUEST_ASSERT_EQ(guest_ack(), want);
			if (want) {
				GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), BIT(p));
				guest_deactivate(want);
				guest_drop_priority();
			}
			write_sysreg_s(SW, SYS_ICC_PPI_CPENDR0_EL1);
			isb();
		}
		/* Across an exit for one mask of each. */
		GUEST_SYNC(p);
	}
	GUEST_DONE();
}

/* An interrupt preempts if its priority is strictly higher than what runs. */
static void guest_running_grid(void)
{
	gic_on_masked(SW);
	for (int p = 0; p <= PRIORITY_LOWEST; p++) {
		guest_set_priority(PPI_SW, p);
		for (int running = 0; running <= PRIORITY_LOWEST; running++) {
			u32 want = p < running ? PPI_INTID(PPI_SW) : 0;

			write_sysreg_s(BIT(running), SYS_ICC_APR_EL1);
			guest_pend_sw();
			GUEST_ASSERT_EQ(guest_ack(), want);
			if (want) {
				GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1),
						BIT(p) | BIT(running));
				guest_deactivate(want);
				guest_drop_priority();
				isb();
			}
			GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), BIT(running));
			write_sysreg_s(SW, SYS_ICC_PPI_CPENDR0_EL1);
		}
		GUEST_SYNC(p);
	}
	GUEST_DONE();
}

/* The order in which three pending interrupts are taken. */
static void guest_order(void)
{
	static const struct {
		u8 sw, cntv, cntp;
		u8 first, second, third;
	} cases[] = {
		{ 1, 2, 3, PPI_SW, PPI_CNTV, PPI_CNTP },
		{ 1, 3, 2, PPI_SW, PPI_CNTP, PPI_CNTV },
		{ 2, 1, 3, PPI_CNTV, PPI_SW, PPI_CNTP },
		{ 3, 1, 2, PPI_CNTV, PPI_CNTP, PPI_SW },
		{ 2, 3, 1, PPI_CNTP, PPI_SW, PPI_CNTV },
		{ 31, 30, 29, PPI_CNTP, PPI_CNTV, PPI_SW },
	};

	gic_on_masked(SW | CNTV | CNTP);
	for (int i = 0; i < (int)ARRAY_SIZE(cases); i++) {
		const u8 want[] = { cases[i].first, cases[i].second, cases[i].third };

		guest_set_priority(PPI_SW, cases[i].sw);
		guest_set_priority(PPI_CNTV, cases[i].cntv);
		guest_set_priority(PPI_CNTP, cases[i].cntp);
		guest_pend_sw();
		timer_fire(VIRTUAL);
		timer_fire(PHYSICAL);
		GUEST_SYNC(i);

		for (int n = 0; n < 3; n++) {
			u32 intid = guest_ack();

			GUEST_ASSERT_EQ(intid, PPI_INTID(want[n]));
			if (want[n] == PPI_CNTV)
				timer_quiet(VIRTUAL);
			if (want[n] == PPI_CNTP)
				timer_quiet(PHYSICAL);
			guest_drop_priority();
			guest_deactivate(intid);
		}
		GUEST_ASSERT_EQ(guest_ack(), 0);
	}
	GUEST_DONE();
}

/* Equal priorities do not preempt each other, whichever is first. */
static void guest_equal(void)
{
	u32 first, second;

	gic_on_masked(SW | CNTV);
	guest_set_priority(PPI_SW, 12);
	guest_set_priority(PPI_CNTV, 12);
	guest_pend_sw();
	timer_fire(VIRTUAL);
	first = guest_ack();
	GUEST_ASSERT(first == PPI_INTID(PPI_SW) || first == PPI_INTID(PPI_CNTV));
	GUEST_ASSERT_EQ(guest_ack(), 0);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(guest_ack(), 0);
	/* Deactivating is not dropping the priority. */
	if (first == PPI_INTID(PPI_CNTV))
		timer_quiet(VIRTUAL);
	guest_deactivate(first);
	GUEST_ASSERT_EQ(guest_ack(), 0);
	guest_drop_priority();
	isb();
	second = guest_ack();
	GUEST_ASSERT_EQ(second ^ first, PPI_INTID(PPI_SW) ^ PPI_INTID(PPI_CNTV));
	GUEST_DONE();
}

/* Three handlers, one inside the other, each with an exit in the middle. */
static u32 depth, deepest, stack[4], finished[8], nr_finished;

/* What runs in each depth. */
static const u32 running[] = {
	BIT(20), BIT(20) | BIT(10), BIT(20) | BIT(10) | BIT(5),
};

static void preempt_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	if (!intid)
		return;
	stack[depth++] = intid;
	if (depth > deepest)
		deepest = depth;

	/* What this handler does before the next one may come. */
	if (intid == PPI_INTID(PPI_SW)) {
		timer_fire(VIRTUAL);
	} else if (intid == PPI_INTID(PPI_CNTV)) {
		timer_quiet(VIRTUAL);
		timer_fire(PHYSICAL);
	} else {
		timer_quiet(PHYSICAL);
	}
	GUEST_SYNC(depth);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), running[depth - 1]);

	/* The exception return state is the one thing the CPU does not nest. */
	u64 elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);

	local_irq_enable();
	isb();
	for (int i = 0; i < 1000; i++)
		cpu_relax();
	local_irq_disable();
	write_sysreg(elr, elr_el1);
	write_sysreg(spsr, spsr_el1);
	isb();

	finished[nr_finished++] = intid;
	depth--;
	guest_drop_priority();
	guest_deactivate(intid);
}

static void guest_preempt(void)
{
	gic_on_masked(SW | CNTV | CNTP);
	guest_set_priority(PPI_SW, 20);
	guest_set_priority(PPI_CNTV, 10);
	guest_set_priority(PPI_CNTP, 5);
	local_irq_enable();
	guest_pend_sw();
	while (READ_ONCE(nr_finished) < 3)
		isb();

	GUEST_ASSERT_EQ(deepest, 3);
	GUEST_ASSERT_EQ(finished[0], PPI_INTID(PPI_CNTP));
	GUEST_ASSERT_EQ(finished[1], PPI_INTID(PPI_CNTV));
	GUEST_ASSERT_EQ(finished[2], PPI_INTID(PPI_SW));
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SACTIVER0_EL1), 0);
	GUEST_DONE();
}

#define GUEST_TEST(name, irq)			\
	static void name(void)			\
	{					\
		run_guest(guest_##name, irq);	\
	}

GUEST_TEST(mask_grid, NULL)
GUEST_TEST(running_grid, NULL)
GUEST_TEST(order, NULL)
GUEST_TEST(equal, NULL)
GUEST_TEST(preempt, preempt_irq)

static const struct vgic5_test tests[] = {
	{ "row 17: 32 priorities against 32 masks", mask_grid },
	{ "row 17: 32 priorities against 32 running priorities", running_grid },
	{ "rows 14 17: the order of three pending interrupts", order },
	{ "row 17: equal priorities do not preempt", equal },
	{ "rows 14 17: preemption three deep, an exit in each handler", preempt },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
