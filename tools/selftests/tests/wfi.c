// SPDX-License-Identifier: GPL-2.0
/*
 * WFI: a vCPU wakes for an interrupt that can be delivered, injected before,
 * during or after it went to sleep; it sleeps on for one that is masked by
 * priority, by its enable, by ICC_CR0.EN, or by an active one.
 *
 * The guest says when it is about to sleep and the host watches whether its
 * run ends: PSTATE.I is set throughout, so that waking shows as the next
 * GUEST_SYNC() and not as an interrupt taken.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "arch_timer.h"
#include "vgic5_guest.h"

#define SW	BIT_ULL(PPI_SW)

enum { ASLEEP = 1, AWAKE };

/* How the guest's interface is set before it sleeps. */
static struct setup {
	u64 enable;
	u8 priority, mask;
	bool en;
	u32 apr;
	u64 active;
} setup;

static void guest_sleep(void)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_priority(PPI_SW, setup.priority);
	guest_set_mask(setup.mask);
	guest_enable(setup.enable);
	write_sysreg_s(setup.apr, SYS_ICC_APR_EL1);
	write_sysreg_s(setup.active, SYS_ICC_PPI_SACTIVER0_EL1);
	write_sysreg_s(setup.en ? ICC_CR0_EL1_EN : 0, SYS_ICC_CR0_EL1);
	isb();
	GUEST_SYNC(ASLEEP);
	for (;;) {
		wfi();
		GUEST_SYNC(AWAKE);
	}
}

struct run {
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	int wakes;
};

static void on_signal(int sig)
{
}

/*
 * The guest stays in WFI for as long as it is not woken: a signal ends the
 * run. WFI may end early for any reason, so only a wake-up that comes with
 * no interrupt deliverable again and again would be wrong; the check below is
 * that the interrupt in question does not end it.
 */
static void *run_vcpu(void *arg)
{
	struct run *r = arg;
	struct ucall uc;

	for (;;) {
		if (__vcpu_run(r->vcpu)) {
			TEST_ASSERT(errno == EINTR, "KVM_RUN: errno %d", errno);
			return NULL;
		}
		TEST_ASSERT(get_ucall(r->vcpu, &uc) == UCALL_SYNC &&
			    uc.args[1] == AWAKE, "the guest did not sleep");
		__atomic_add_fetch(&r->wakes, 1, __ATOMIC_SEQ_CST);
		return NULL;
	}
}

static bool wait_awake(struct run *r, int ms)
{
	for (; ms > 0; ms--) {
		if (__atomic_load_n(&r->wakes, __ATOMIC_SEQ_CST))
			return true;
		usleep(1000);
	}
	return false;
}

/*
 * A second task on the CPU, always ready to run: KVM lets a vCPU that has the
 * CPU to itself execute WFI, where any interrupt of the host's ends it, and
 * traps it (and blocks in the host) otherwise.
 */
static void *spin(void *arg)
{
	for (;;)
		pthread_testcancel();
	return NULL;
}

static void share_cpu(pthread_t *spinner)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	pthread_create(spinner, NULL, spin, NULL);
}

static const struct setup open_setup = {
	.enable = SW, .priority = 16, .mask = PRIORITY_LOWEST, .en = true,
};

enum when { BEFORE, DURING };

static void check(struct setup s, enum when when, bool wakes)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_sleep, NULL);
	struct sigaction sa = { .sa_handler = on_signal };
	struct run r = { .vcpu = v.vcpu[0] };
	pthread_t spinner;

	share_cpu(&spinner);
	sigaction(SIGUSR1, &sa, NULL);
	setup = s;
	sync_global_to_guest(v.vm, setup);
	vgic5_expect(v.vcpu[0], ASLEEP);

	if (when == BEFORE)
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	pthread_create(&r.thread, NULL, run_vcpu, &r);
	if (when == DURING) {
		/* Time to fall asleep; were it late, it is still correct. */
		usleep(50000);
		TEST_ASSERT(!r.wakes, "awake before the interrupt");
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	}
	TEST_ASSERT(wait_awake(&r, wakes ? 10000 : 300) == wakes,
		    wakes ? "not woken" : "woken for an interrupt that cannot be delivered");
	if (!wakes) {
		/* The vCPU blocks in the kernel: a signal gets it out. */
		while (pthread_tryjoin_np(r.thread, NULL)) {
			pthread_kill(r.thread, SIGUSR1);
			usleep(1000);
		}
	} else {
		pthread_join(r.thread, NULL);
	}
	pthread_cancel(spinner);
	pthread_join(spinner, NULL);
	vgic5_vm_free(&v);
}

static void both(struct setup s, bool wakes)
{
	check(s, BEFORE, wakes);
	check(s, DURING, wakes);
}

static void deliverable(void)
{
	both(open_setup, true);
}

static void at_the_mask(void)
{
	struct setup s = open_setup;

	s.mask = 16;
	both(s, true);
}

static void masked_by_priority(void)
{
	struct setup s = open_setup;

	s.mask = 15;
	both(s, false);
}

static void disabled(void)
{
	struct setup s = open_setup;

	s.enable = 0;
	both(s, false);
}

static void interface_off(void)
{
	struct setup s = open_setup;

	s.en = false;
	both(s, false);
}

static void running_higher(void)
{
	struct setup s = open_setup;

	s.apr = BIT(15);
	both(s, false);
	s.apr = BIT(16);
	both(s, false);
}

static void running_lower(void)
{
	struct setup s = open_setup;

	s.apr = BIT(17);
	both(s, true);
}

static void itself_active(void)
{
	struct setup s = open_setup;

	/*
	 * WFI may wake for it (mainline's C does), and must not be relied on
	 * not to: the architecture has an active interrupt not be a candidate.
	 * What counts is that it is not acknowledged; guest_view covers that.
	 */
	s.active = SW;
	check(s, DURING, false);
}

/* ---- the timer wakes the guest that waits for it ---- */

static enum arch_timer sleep_timer;

static void guest_timer_sleep(void)
{
	u64 ppi = BIT_ULL(sleep_timer == VIRTUAL ? PPI_CNTV : PPI_CNTP);

	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(ppi);
	for (int i = 0; i < 20; i++) {
		u64 start = timer_get_cntct(sleep_timer);

		timer_set_tval(sleep_timer, msec_to_cycles(10));
		timer_set_ctl(sleep_timer, CTL_ENABLE);
		while (!(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & ppi))
			wfi();
		GUEST_ASSERT(timer_get_cntct(sleep_timer) - start >= msec_to_cycles(10));
		timer_set_ctl(sleep_timer, CTL_IMASK);
		isb();
		GUEST_SYNC(i);
	}
	GUEST_DONE();
}

static void timer_wakes(enum arch_timer timer)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_timer_sleep, NULL);

	sleep_timer = timer;
	sync_global_to_guest(v.vm, sleep_timer);
	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		;
	vgic5_vm_free(&v);
}

static void vtimer_wakes(void)
{
	timer_wakes(VIRTUAL);
}

static void ptimer_wakes(void)
{
	timer_wakes(PHYSICAL);
}

static const struct vgic5_test tests[] = {
	{ "row 18: woken by a deliverable PPI", deliverable },
	{ "row 18: woken by a PPI at the mask", at_the_mask },
	{ "row 18: asleep for a PPI below the mask", masked_by_priority },
	{ "row 18: asleep for a disabled PPI", disabled },
	{ "row 18: asleep while ICC_CR0.EN is clear", interface_off },
	{ "row 18: asleep while a higher or equal priority runs", running_higher },
	{ "row 18: woken while a lower priority runs", running_lower },
	{ "row 18: asleep for a PPI that is active itself", itself_active },
	{ "rows 18 23: woken by the virtual timer", vtimer_wakes },
	{ "rows 18 23: woken by the physical timer", ptimer_wakes },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
