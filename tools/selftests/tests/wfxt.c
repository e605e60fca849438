// SPDX-License-Identifier: GPL-2.0
/*
 * WFIT and WFET, which have a deadline: past it they end, and before it for an
 * interrupt that can be delivered. Linux's udelay() is made of them.
 *
 * With the CPU shared KVM has both trap, and serves WFIT by blocking the vCPU and
 * WFET by letting others run. With the CPU to itself the guest executes them.
 */
#include <pthread.h>

#include "arch_timer.h"
#include "vgic5_guest.h"

#define SW	BIT_ULL(PPI_SW)

enum { READY = 1, BACK };

/* ---- guest ---- */

static bool is_event;		/* WFET, or else WFIT */
static u64 delay;		/* from now to the deadline, in cycles */

/* By their encodings: the assembler may not know them. */
static void wait_until(u64 deadline)
{
	if (is_event)
		asm volatile("msr s0_3_c1_c0_0, %0" : : "r" (deadline) : "memory");
	else
		asm volatile("msr s0_3_c1_c0_1, %0" : : "r" (deadline) : "memory");
}

static void guest_gic_masked(void)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(SW);
}

static bool is_pending(void)
{
	return read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & SW;
}

/*
 * Either may end for no reason at all, so it is done again. What must not be is
 * that it does not end. Says how often it was done.
 */
static void guest_waits(void)
{
	guest_gic_masked();
	GUEST_SYNC(READY);
	for (;;) {
		u64 deadline = timer_get_cntct(VIRTUAL) + delay, n = 0;

		do {
			wait_until(deadline);
			n++;
		} while (timer_get_cntct(VIRTUAL) < deadline);
		GUEST_SYNC(n);
	}
}

static void guest_waits_for_past(void)
{
	guest_gic_masked();
	GUEST_SYNC(READY);
	for (int i = 0; i < 100; i++) {
		wait_until(0);
		wait_until(timer_get_cntct(VIRTUAL));
	}
	GUEST_DONE();
}

static void guest_waits_for_irq(void)
{
	u64 deadline;

	guest_gic_masked();
	GUEST_SYNC(READY);
	for (;;) {
		deadline = timer_get_cntct(VIRTUAL) + delay;
		do {
			wait_until(deadline);
		} while (!is_pending());
		GUEST_ASSERT(timer_get_cntct(VIRTUAL) < deadline);
		GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
		guest_drop_priority();
		guest_deactivate(PPI_INTID(PPI_SW));
		GUEST_SYNC(BACK);
	}
}

/* ---- host ---- */

enum cpu { SHARED, ALONE };

static struct vgic5_vm waiting_vm(guest_fn code, bool wfet, u64 usec)
{
	struct vgic5_vm v = vgic5_vm_create(1, code, NULL);
	u64 isar2 = vcpu_get_reg(v.vcpu[0], KVM_ARM64_SYS_REG(SYS_ID_AA64ISAR2_EL1));

	if (!SYS_FIELD_GET(ID_AA64ISAR2_EL1, WFxT, isar2))
		vgic5_skip("no FEAT_WFxT");
	is_event = wfet;
	delay = usec_to_cycles(usec);
	sync_global_to_guest(v.vm, is_event);
	sync_global_to_guest(v.vm, delay);
	vgic5_expect(v.vcpu[0], READY);
	return v;
}

static u64 nr_traps(struct kvm_vcpu *vcpu, bool wfet)
{
	return wfet ? vcpu_get_stat(vcpu, wfe_exit_stat) : vcpu_get_stat(vcpu, wfi_exit_stat);
}

#define DEADLINES	10

/* With the CPU shared it waits until it has seen it trap. */
static void deadlines(bool wfet, enum cpu cpu)
{
	struct vgic5_vm v = waiting_vm(guest_waits, wfet, 20000);
	u64 before = nr_traps(v.vcpu[0], wfet);
	pthread_t other;

	if (cpu == SHARED)
		other = vgic5_share_cpu();
	for (int i = 0; i < DEADLINES || (cpu == SHARED && nr_traps(v.vcpu[0], wfet) == before); i++) {
		u64 times = vgic5_vcpu_run(v.vcpu[0]);

		TEST_ASSERT(!vgic5_out_of_time(), "it never trapped");
		if (!i)
			pr_info("# %s, done %lu times for one deadline\n",
				wfet ? "WFET" : "WFIT", (unsigned long)times);
	}
	if (cpu == SHARED)
		vgic5_stop(other);
	vgic5_vm_free(&v);
}

static void wfit_shared(void) { deadlines(false, SHARED); }
static void wfit_alone(void) { deadlines(false, ALONE); }
static void wfet_shared(void) { deadlines(true, SHARED); }
static void wfet_alone(void) { deadlines(true, ALONE); }

/* At once, that is, without a vCPU that sleeps: nothing would wake it. */
static void past(void)
{
	for (int wfet = 0; wfet < 2; wfet++) {
		for (int cpu = SHARED; cpu <= ALONE; cpu++) {
			struct vgic5_vm v = waiting_vm(guest_waits_for_past, wfet, 0);
			u64 slept = vcpu_get_stat(v.vcpu[0], halt_wakeup);
			pthread_t other;

			if (cpu == SHARED)
				other = vgic5_share_cpu();
			vgic5_expect(v.vcpu[0], VGIC5_DONE);
			TEST_ASSERT(vcpu_get_stat(v.vcpu[0], halt_wakeup) == slept, "it slept");
			if (cpu == SHARED)
				vgic5_stop(other);
			vgic5_vm_free(&v);
		}
	}
}

struct waiter {
	struct kvm_vcpu *vcpu;
	pid_t tid;
};

static void *run_waiter(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
	vgic5_expect(w->vcpu, BACK);
	return NULL;
}

/* An hour ahead: it comes back for the interrupt, or the test runs out of time. */
static void interrupted(bool wfet, enum cpu cpu)
{
	struct vgic5_vm v = waiting_vm(guest_waits_for_irq, wfet, 3600UL * 1000000);
	pthread_t other, thread;

	if (cpu == SHARED)
		other = vgic5_share_cpu();
	for (int i = 0; i < DEADLINES; i++) {
		struct waiter w = { .vcpu = v.vcpu[0] };

		pthread_create(&thread, NULL, run_waiter, &w);
		/* A WFIT that trapped blocks; of the others nothing tells that they wait. */
		while (!wfet && cpu == SHARED &&
		       !(__atomic_load_n(&w.tid, __ATOMIC_SEQ_CST) && vgic5_is_blocked(w.vcpu, w.tid)))
			usleep(1000);
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
		vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
		pthread_join(thread, NULL);
	}
	if (cpu == SHARED)
		vgic5_stop(other);
	vgic5_vm_free(&v);
}

static void wfit_interrupted(void)
{
	interrupted(false, SHARED);
	interrupted(false, ALONE);
}

static void wfet_interrupted(void)
{
	interrupted(true, SHARED);
	interrupted(true, ALONE);
}

static const struct vgic5_test tests[] = {
	{ "row 18: a WFIT that traps returns at its deadline", wfit_shared },
	{ "row 18: a WFIT that does not trap returns at its deadline", wfit_alone },
	{ "row 18: a WFET that traps returns at its deadline", wfet_shared },
	{ "row 18: a WFET that does not trap returns at its deadline", wfet_alone },
	{ "row 18: WFIT and WFET with a deadline in the past do not wait", past },
	{ "row 18: an interrupt ends WFIT before its deadline", wfit_interrupted },
	{ "row 18: an interrupt ends WFET before its deadline", wfet_interrupted },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
