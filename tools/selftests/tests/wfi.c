// SPDX-License-Identifier: GPL-2.0
/*
 * WFI: a vCPU wakes for an interrupt that can be delivered, injected before it
 * goes to sleep or while it sleeps; one that is injected after something else
 * woke it is not lost. It sleeps on for one that is masked by priority, by its
 * enable, by ICC_CR0.EN, by a higher one that is active, or by being active.
 *
 * The guest says when it is about to sleep and the host watches whether its
 * run ends: PSTATE.I is set throughout, so that waking shows as the next
 * GUEST_SYNC() and not as an interrupt taken. What it waits for is that the run
 * has ended or that KVM has put the vCPU to sleep, one of which has to come.
 */
#include <pthread.h>
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
	pid_t tid;
	bool may_be_nop;	/* its interrupt is there when its WFI begins */
	int wakes;
};

static void on_signal(int sig)
{
}

/*
 * One run: to the wake-up, or to a signal if there is none. The architecture
 * lets a WFI end for any reason: one that finds the host's tick pending is a NOP
 * and does not even trap. KVM's, once it blocks the vCPU, ends for a deliverable
 * interrupt or a signal alone, and that is what is checked: where the guest has to
 * stay asleep, it tries again if its WFI did not get to KVM.
 */
static void *run_vcpu(void *arg)
{
	struct run *r = arg;
	struct ucall uc;
	u64 wfis;

	__atomic_store_n(&r->tid, gettid(), __ATOMIC_SEQ_CST);
	do {
		wfis = vcpu_get_stat(r->vcpu, wfi_exit_stat);
		if (__vcpu_run(r->vcpu)) {
			TEST_ASSERT(errno == EINTR, "KVM_RUN: errno %d", errno);
			return NULL;
		}
		TEST_ASSERT(get_ucall(r->vcpu, &uc) == UCALL_SYNC &&
			    uc.args[1] == AWAKE, "the guest did not sleep");
	} while (!r->may_be_nop && vcpu_get_stat(r->vcpu, wfi_exit_stat) == wfis);
	__atomic_store_n(&r->wakes, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Once the guest is either awake or asleep: whether it is awake. */
static bool is_awake(struct run *r)
{
	pid_t tid;

	for (;;) {
		if (__atomic_load_n(&r->wakes, __ATOMIC_SEQ_CST))
			return true;
		tid = __atomic_load_n(&r->tid, __ATOMIC_SEQ_CST);
		if (tid && vgic5_is_blocked(r->vcpu, tid))
			return false;
		usleep(1000);
	}
}

static const struct setup open_setup = {
	.enable = SW, .priority = 16, .mask = PRIORITY_LOWEST, .en = true,
};

enum when { BEFORE, DURING };

static void check(struct setup s, enum when when, bool wakes)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_sleep, NULL);
	struct sigaction sa = { .sa_handler = on_signal };
	struct run r = { .vcpu = v.vcpu[0], .may_be_nop = when == BEFORE && wakes };
	pthread_t other = vgic5_share_cpu();

	sigaction(SIGUSR1, &sa, NULL);
	setup = s;
	sync_global_to_guest(v.vm, setup);
	vgic5_expect(v.vcpu[0], ASLEEP);

	if (when == BEFORE)
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	pthread_create(&r.thread, NULL, run_vcpu, &r);
	if (when == DURING) {
		TEST_ASSERT(!is_awake(&r), "awake before the interrupt");
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	}
	TEST_ASSERT(is_awake(&r) == wakes,
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
	vgic5_stop(other);
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
	 * The architecture has an active interrupt be no candidate, pending or
	 * not. A guest that is woken for it finds nothing to acknowledge, and
	 * goes back to sleep only to be woken again.
	 */
	s.active = SW;
	both(s, false);
}

/* ---- injected after the WFI, which ended for another reason ---- */

#define AFTERS		10

static u32 awake;	/* how often the guest was woken by other means */

static void guest_after(void)
{
	u64 timer = BIT_ULL(PPI_CNTV);
	bool ends_itself;
	u32 n = 0;

	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(SW | timer);
	for (;;) {
		/* Every other time it is a signal that ends it. */
		ends_itself = !(n & 1);
		if (ends_itself) {
			timer_set_tval(VIRTUAL, msec_to_cycles(10));
			timer_set_ctl(VIRTUAL, CTL_ENABLE);
		}
		GUEST_SYNC(ASLEEP);
		wfi();
		while (ends_itself && !(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & timer))
			wfi();
		GUEST_ASSERT(!(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & SW));
		timer_set_ctl(VIRTUAL, CTL_IMASK);
		WRITE_ONCE(awake, ++n);

		/* Visible without a further exit of the guest's own making. */
		while (!(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & SW))
			cpu_relax();
		GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
		guest_drop_priority();
		guest_deactivate(PPI_INTID(PPI_SW));
		GUEST_ASSERT_EQ(guest_ack(), 0);
		GUEST_SYNC(AWAKE);
	}
}

static void *run_through_signals(void *arg)
{
	struct run *r = arg;

	while (__vcpu_run(r->vcpu))
		TEST_ASSERT(errno == EINTR, "KVM_RUN: errno %d", errno);
	return NULL;
}

/*
 * It must be seen when it comes to a guest that is awake: no wake-up brings it
 * along.
 */
static void after(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_after, NULL);
	u32 *woken = addr_gva2hva(v.vm, (gva_t)&awake);
	struct sigaction sa = { .sa_handler = on_signal };
	struct run r = { .vcpu = v.vcpu[0] };
	pthread_t other = vgic5_share_cpu();

	sigaction(SIGUSR1, &sa, NULL);
	for (u32 n = 0; n < AFTERS; n++) {
		vgic5_expect(v.vcpu[0], ASLEEP);
		pthread_create(&r.thread, NULL, run_through_signals, &r);
		while (READ_ONCE(*woken) == n) {
			if (n & 1)
				pthread_kill(r.thread, SIGUSR1);
			usleep(20000);
		}
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
		vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
		pthread_join(r.thread, NULL);
		TEST_ASSERT(vgic5_said(v.vcpu[0]) == AWAKE, "the guest did not wake");
	}
	vgic5_stop(other);
	vgic5_vm_free(&v);
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
	pthread_t other = vgic5_share_cpu();

	sleep_timer = timer;
	sync_global_to_guest(v.vm, sleep_timer);
	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		;
	vgic5_stop(other);
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
	{ "rows 17 18: injected after something else ended the WFI", after },
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
