/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's timers: the one under test, armed and taken by the guest, exactly as
 * often as it expires and never early. Include it in one file of a program.
 */
#ifndef VGIC5_TIMER_H
#define VGIC5_TIMER_H

#include "arch_timer.h"
#include "vgic5_guest.h"

#define HOUR_US		3600000000UL

/* What the guest says. */
enum { READY = 1, ARMED, LOOK };

static const struct {
	int ppi;
	u64 attr;	/* in KVM_ARM_VCPU_TIMER_CTRL */
	u64 count;	/* its counter, for KVM_SET_ONE_REG */
	u64 cval;
} timers[] = {
	[VIRTUAL] = { PPI_CNTV, KVM_ARM_VCPU_TIMER_IRQ_VTIMER,
		      KVM_REG_ARM_TIMER_CNT, KVM_REG_ARM_TIMER_CVAL },
	[PHYSICAL] = { PPI_CNTP, KVM_ARM_VCPU_TIMER_IRQ_PTIMER,
		       KVM_REG_ARM_PTIMER_CNT, KVM_REG_ARM_PTIMER_CVAL },
};

/* The timer under test, set on both sides before the guest starts. */
static enum arch_timer timer;

/* ---- guest ---- */

static u32 taken;
static u64 deadline;	/* as it was set: CVAL has been through the host */
static u64 latest;	/* the longest time past one, in us */

static inline void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();
	u64 late;

	/* A level may fall after the exception: then there is nothing. */
	if (!intid)
		return;
	GUEST_ASSERT_EQ(intid, PPI_INTID(timers[timer].ppi));
	GUEST_ASSERT_EQ(timer_get_cval(timer), deadline);
	late = timer_get_cntct(timer) - deadline;
	__GUEST_ASSERT((s64)late >= 0, "%lu cycles early", (unsigned long)-late);
	timer_set_ctl(timer, CTL_IMASK);
	latest = max(latest, cycles_to_usec(late));
	WRITE_ONCE(taken, taken + 1);
	guest_drop_priority();
	guest_deactivate(intid);
}

/* All of a guest's PPIs are enabled, so that the other timer's would be seen. */
static inline void guest_begin(void)
{
	timer_set_ctl(VIRTUAL, 0);
	timer_set_ctl(PHYSICAL, 0);
	guest_gic_on(GUEST_PPIS);
}

static inline void set_deadline(u64 usec)
{
	deadline = timer_get_cntct(timer) + usec_to_cycles(usec);
	timer_set_cval(timer, deadline);
}

static inline void arm(u64 usec)
{
	/* Off, lest it expire and be taken before it is turned on, and again then. */
	timer_set_ctl(timer, 0);
	set_deadline(usec);
	timer_set_ctl(timer, CTL_ENABLE);
}

static inline void take_one(u32 before)
{
	while (READ_ONCE(taken) == before)
		isb();
	GUEST_ASSERT_EQ(taken, before + 1);
}

static inline void let_pass(u64 usec)
{
	u64 until = timer_get_cntct(timer) + usec_to_cycles(usec);

	while (timer_get_cntct(timer) < until)
		cpu_relax();
}

static inline bool pending(void)
{
	return read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & BIT_ULL(timers[timer].ppi);
}

static inline bool expired(void)
{
	return timer_get_ctl(timer) & CTL_ISTATUS;
}

/*
 * An emulator's ISTATUS may lag behind its counter, and the interrupt of a
 * timer that KVM emulates comes when the host gets round to it.
 */
static inline void wait_expired(bool and_pending)
{
	while (!expired() || (and_pending && !pending()))
		isb();
}

/* Nothing comes any more, but the next one does. */
static inline void guest_end(u32 expected)
{
	let_pass(1000);
	GUEST_ASSERT_EQ(taken, expected);
	arm(100);
	take_one(expected);
	let_pass(1000);
	GUEST_ASSERT_EQ(taken, expected + 1);
	GUEST_DONE();
}

static inline void guest_takes_one(void)
{
	guest_begin();
	guest_end(0);
}

/* ---- host ---- */

static inline struct vgic5_vm timer_vm(guest_fn code)
{
	struct vgic5_vm v = vgic5_vm_create(1, code, guest_irq);

	sync_global_to_guest(v.vm, timer);
	return v;
}

/* What the counter of the timer under test has to do with its deadline. */
static inline bool past_deadline(struct vgic5_vm *v)
{
	return vcpu_get_reg(v->vcpu[0], timers[timer].count) >=
	       vcpu_get_reg(v->vcpu[0], timers[timer].cval);
}

static inline void sleep_past_deadline(struct vgic5_vm *v)
{
	while (!past_deadline(v))
		usleep(1000);
}

/* ---- tests, each of both timers ---- */

#define FOR_EACH_TIMER(test)						\
	static void test##_virtual(void)				\
	{								\
		timer = VIRTUAL;					\
		test();							\
	}								\
	static void test##_physical(void)				\
	{								\
		timer = PHYSICAL;					\
		test();							\
	}

#define EACH_TIMER(rows, what, test)					\
	{ rows ": virtual timer, " what, test##_virtual },		\
	{ rows ": physical timer, " what, test##_physical }

#endif
