// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual and the physical EL1 timer, wherever the guest is when they
 * expire, masked, and cancelled: each interrupt is taken once, and not before
 * its deadline.
 *
 * What the host does for a timer depends on how it was booted. Every test has
 * to pass in each of these, and "which are injected directly" says which it is:
 *
 *   VHE			both are injected directly (DVI)
 *   kvm-arm.mode=nvhe		the virtual one is; the physical one has DVI off:
 *				KVM emulates it, with an hrtimer and injection
 *   VHE, id_aa64mmfr0.ecv=0	both are; given an offset, the physical timer's
 *				registers trap, as there is no CNTPOFF_EL2
 *
 * Nothing turns DVI off for the virtual timer of a guest without EL2: KVM maps
 * it in every mode, and leaves its injection to the hardware.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "vgic5_timer.h"

#define PRIORITY	GICV5_IRQ_DEFAULT_PRI

/* ---- expiry in the guest, with the CPU to itself ---- */

#define IN_GUEST	200

static void guest_spins(void)
{
	guest_begin();
	GUEST_SYNC(READY);
	for (u32 n = 0; n < IN_GUEST; n++) {
		arm(50 + n);
		take_one(n);
	}
	guest_end(IN_GUEST);
}

static void in_guest(void)
{
	struct vgic5_vm v = timer_vm(guest_spins);

	vgic5_expect(v.vcpu[0], READY);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- expiry while userspace runs; the vCPU may come back elsewhere ---- */

#define IN_HOST		20

static void guest_leaves(void)
{
	guest_begin();
	for (u32 n = 0; n < IN_HOST; n++) {
		/* With PSTATE.I set, it is certain that it is not taken before. */
		if (n & 1)
			local_irq_disable();
		arm(3000);
		GUEST_SYNC(ARMED);
		local_irq_enable();
		take_one(n);
	}
	guest_end(IN_HOST);
}

static void in_host(void)
{
	struct vgic5_vm v = timer_vm(guest_leaves);

	for (int i = 0; i < IN_HOST; i++) {
		vgic5_expect(v.vcpu[0], ARMED);
		sleep_past_deadline(&v);
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

static void on_other_cpu(void)
{
	struct vgic5_vm v = timer_vm(guest_leaves);
	int cpus = vgic5_nr_cpus();

	if (cpus < 2)
		vgic5_skip("one CPU");
	for (int i = 0; i < IN_HOST; i++) {
		vgic5_pin(i % cpus);
		vgic5_expect(v.vcpu[0], ARMED);
		vgic5_pin((i + 1) % cpus);
		/* It expires there, or has expired on the way. */
		if (i & 2)
			sleep_past_deadline(&v);
	}
	vgic5_pin(0);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

static void moved_while_armed(void)
{
	struct vgic5_vm v = timer_vm(guest_spins);
	pthread_t mover;

	if (vgic5_nr_cpus() < 2)
		vgic5_skip("one CPU");
	vgic5_expect(v.vcpu[0], READY);
	mover = vgic5_move_about();
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_stop(mover);
	vgic5_vm_free(&v);
}

/* ---- expiry while the vCPU is preempted ---- */

#define PREEMPTED	30
#define HOG_US		12000

static void guest_is_preempted(void)
{
	guest_begin();
	GUEST_SYNC(READY);
	for (u32 n = 0; n < PREEMPTED; n++) {
		arm(1000);
		take_one(n);
	}
	guest_end(PREEMPTED);
}

static u64 now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000UL + t.tv_nsec / 1000;
}

/* Real time: whenever it wants to run on its CPU, the vCPU does not. */
static void *hog(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	u64 until;

	TEST_ASSERT(!pthread_setschedparam(pthread_self(), SCHED_FIFO, &param),
		    "SCHED_FIFO");
	for (;;) {
		for (until = now_us() + HOG_US; now_us() < until; )
			;
		usleep(HOG_US / 4);
		pthread_testcancel();
	}
	return NULL;
}

static void preempted(void)
{
	struct vgic5_vm v = timer_vm(guest_is_preempted);
	pthread_t thread;

	vgic5_pin(0);
	vgic5_expect(v.vcpu[0], READY);
	pthread_create(&thread, NULL, hog, NULL);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_stop(thread);
	sync_global_from_guest(v.vm, latest);
	TEST_ASSERT(latest > HOG_US / 4, "no expiry fell into a preemption: %lu us late at most",
		    (unsigned long)latest);
	vgic5_vm_free(&v);
}

/* ---- expiry while the vCPU is blocked in WFI ---- */

#define BLOCKED		20

static u32 slept;	/* set by the host once it has seen it sleep */

static void guest_waits(void)
{
	u32 n;

	guest_begin();
	GUEST_SYNC(READY);
	for (n = 0; n < BLOCKED || !READ_ONCE(slept); n++) {
		arm(10000);
		while (READ_ONCE(taken) == n) {
			local_irq_disable();
			if (READ_ONCE(taken) == n)
				wfi();
			local_irq_enable();
			isb();
		}
		GUEST_ASSERT_EQ(taken, n + 1);
		GUEST_SYNC(LOOK);
	}
	guest_end(n);
}

static void blocked(void)
{
	struct vgic5_vm v = timer_vm(guest_waits);
	u32 *has_slept = addr_gva2hva(v.vm, (gva_t)&slept);
	pthread_t other = vgic5_share_cpu();
	u64 before;

	vgic5_expect(v.vcpu[0], READY);
	before = vcpu_get_stat(v.vcpu[0], halt_wakeup);
	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE) {
		if (vcpu_get_stat(v.vcpu[0], halt_wakeup) > before)
			WRITE_ONCE(*has_slept, 1);
		TEST_ASSERT(!vgic5_out_of_time(), "it never slept");
	}
	vgic5_stop(other);
	vgic5_vm_free(&v);
}

/* ---- masked: not taken, and taken when opened ---- */

static void set_apr(u32 apr)
{
	write_sysreg_s(apr, SYS_ICC_APR_EL1);
	isb();
}

static void set_en(bool en)
{
	write_sysreg_s(en ? ICC_CR0_EL1_EN : 0, SYS_ICC_CR0_EL1);
	isb();
}

static void close_nothing(void) { }
static void close_ppi(void) { guest_enable(GUEST_PPIS & ~BIT_ULL(timers[timer].ppi)); }
static void close_mask(void) { guest_set_mask(PRIORITY - 1); }
static void close_running(void) { set_apr(BIT(PRIORITY)); }
static void close_en(void) { set_en(false); }
static void close_pstate(void) { local_irq_disable(); }

static void close_active(void)
{
	write_sysreg_s(BIT_ULL(timers[timer].ppi), SYS_ICC_PPI_SACTIVER0_EL1);
	isb();
}

static void open_ctl(void) { timer_set_ctl(timer, CTL_ENABLE); }
static void open_ppi(void) { guest_enable(GUEST_PPIS); }
static void open_mask(void) { guest_set_mask(PRIORITY_LOWEST); }
static void open_running(void) { set_apr(0); }
static void open_en(void) { set_en(true); }
static void open_pstate(void) { local_irq_enable(); }

static void open_active(void)
{
	write_sysreg_s(BIT_ULL(timers[timer].ppi), SYS_ICC_PPI_CACTIVER0_EL1);
	isb();
}

static const struct gate {
	const char *name;
	void (*close)(void);
	void (*open)(void);
	u32 ctl;		/* CNTx_CTL while closed, but for ENABLE */
} gates[] = {
	{ "CTL.IMASK", close_nothing, open_ctl, CTL_IMASK },
	{ "PPI disabled", close_ppi, open_ppi },
	{ "priority mask", close_mask, open_mask },
	{ "running priority", close_running, open_running },
	{ "active itself", close_active, open_active },
	{ "ICC_CR0.EN", close_en, open_en },
	{ "PSTATE.I", close_pstate, open_pstate },
};

static void still_closed(const struct gate *g, u32 before)
{
	__GUEST_ASSERT(taken == before, "%s: taken", g->name);
	__GUEST_ASSERT(expired(), "%s: not expired", g->name);
	__GUEST_ASSERT(pending() == !g->ctl, "%s: pending: %d", g->name, pending());
}

static void guest_masked(void)
{
	u32 before = 0;

	guest_begin();
	for (const struct gate *g = gates; g < gates + ARRAY_SIZE(gates); g++) {
		/* Closed before it expires, and expired in guest or host. */
		for (int in_host = 0; in_host < 2; in_host++, before++) {
			g->close();
			set_deadline(1000);
			timer_set_ctl(timer, CTL_ENABLE | g->ctl);
			if (!in_host) {
				wait_expired(!g->ctl);
				still_closed(g, before);
			}
			GUEST_SYNC(LOOK);
			still_closed(g, before);
			let_pass(200);
			still_closed(g, before);
			g->open();
			take_one(before);
		}
	}
	guest_end(before);
}

static void masked(void)
{
	struct vgic5_vm v = timer_vm(guest_masked);

	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		sleep_past_deadline(&v);
	vgic5_vm_free(&v);
}

/* ---- cancelled: never taken ---- */

static void cancel_disable(void) { timer_set_ctl(timer, 0); }
static void cancel_mask(void) { timer_set_ctl(timer, CTL_ENABLE | CTL_IMASK); }
static void cancel_move(void) { set_deadline(HOUR_US); }

static void (*const cancel[])(void) = { cancel_disable, cancel_mask, cancel_move };

/* How a timer is cancelled, one bit each. */
#define EXPIRES		BIT(0)	/* it has expired by then */
#define OUT_BEFORE	BIT(1)	/* an exit before that */
#define OUT_AFTER	BIT(2)	/* and one after it */
#define NR_HOWS		8

static void guest_cancels(void)
{
	guest_begin();
	for (int way = 0; way < (int)ARRAY_SIZE(cancel); way++) {
		for (int how = 0; how < NR_HOWS; how++) {
			local_irq_disable();
			arm(how & EXPIRES ? 0 : 1500);
			if (how & EXPIRES)
				GUEST_ASSERT(expired() && pending());
			if (how & OUT_BEFORE)
				GUEST_SYNC(LOOK);
			if (how & EXPIRES)
				GUEST_ASSERT(expired() && pending());
			cancel[way]();
			if (how & OUT_AFTER)
				GUEST_SYNC(LOOK);
			__GUEST_ASSERT(!pending(), "way %d, how %d: pending", way, how);
			local_irq_enable();
			isb();
			/* Long enough for it to expire, were it not cancelled. */
			let_pass(2000);
			GUEST_SYNC(LOOK);
			__GUEST_ASSERT(!pending(), "way %d, how %d: pending at last", way, how);
			__GUEST_ASSERT(!taken, "way %d, how %d: taken", way, how);
		}
	}
	guest_end(0);
}

static void cancelled(void)
{
	struct vgic5_vm v = timer_vm(guest_cancels);

	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		usleep(100);
	vgic5_vm_free(&v);
}

/* ---- what this host injects directly ---- */

/*
 * How often the host had a hand in one of IN_GUEST + 1 interrupts of a timer. One that
 * it emulates it looks at whenever the guest sets it.
 */
static unsigned int work_of_host(enum arch_timer t)
{
	static const char *const events[] = { VGIC5_TIMER_EVENTS, "kvm/kvm_timer_emulate", NULL };
	const char *emulated = t == VIRTUAL ? "arch_timer_ctx_index: 1 " : "arch_timer_ctx_index: 0 ";
	unsigned int work = 0;
	struct vgic5_vm v;
	char line[512];
	FILE *f;

	timer = t;
	v = timer_vm(guest_spins);
	vgic5_expect(v.vcpu[0], READY);
	vgic5_trace_start(events);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	f = vgic5_trace_stop(events);
	while (fgets(line, sizeof(line), f))
		work += vgic5_is_timer_work(line) ||
			(strstr(line, "kvm_timer_emulate: ") && strstr(line, emulated));
	fclose(f);
	vgic5_vm_free(&v);
	pr_info("# the %s timer: %u interrupts, the host had a hand in them %u times\n",
		t == VIRTUAL ? "virtual" : "physical", IN_GUEST + 1, work);
	return work;
}

/*
 * By what is seen of it: an interrupt that the guest took, and for which the host
 * did nothing, was injected by the hardware. In nVHE the physical timer shows that
 * what the host does is noticed.
 *
 * A timer that expires while the host has the CPU, for its tick or another task,
 * is the host's to handle in any case, if the backend stops direct injection at
 * an exit. A run with a few of those says nothing, and is done again.
 */
static bool is_direct(enum arch_timer t)
{
	unsigned int work;

	do {
		work = work_of_host(t);
	} while (work && work <= IN_GUEST / 2);
	return !work;
}

static void which_are_direct(void)
{
	TEST_ASSERT(is_direct(VIRTUAL), "the virtual timer is not");
	TEST_ASSERT(is_direct(PHYSICAL) == vgic5_host_is_vhe(), "the physical timer");
}

FOR_EACH_TIMER(in_guest)
FOR_EACH_TIMER(in_host)
FOR_EACH_TIMER(preempted)
FOR_EACH_TIMER(blocked)
FOR_EACH_TIMER(on_other_cpu)
FOR_EACH_TIMER(moved_while_armed)
FOR_EACH_TIMER(masked)
FOR_EACH_TIMER(cancelled)

static const struct vgic5_test tests[] = {
	{ "row 15: which are injected directly", which_are_direct },
	EACH_TIMER("rows 15 23", "expiry in the guest", in_guest),
	EACH_TIMER("rows 15 23", "expiry in the host", in_host),
	EACH_TIMER("rows 14 15 23", "expiry while preempted", preempted),
	EACH_TIMER("rows 15 18 23", "expiry while blocked in WFI", blocked),
	EACH_TIMER("rows 14 15 23", "expiry on the CPU it was moved to", on_other_cpu),
	EACH_TIMER("rows 14 15 23", "moved about while armed", moved_while_armed),
	EACH_TIMER("rows 15 23", "masked is not taken, opened is", masked),
	EACH_TIMER("rows 15 23", "cancelled is never taken", cancelled),
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
