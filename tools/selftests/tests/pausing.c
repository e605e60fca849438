// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that is paused: by signals, by immediate_exit, and by single-stepping
 * through an interrupt. Nothing is lost, nothing is taken twice.
 */
#include <pthread.h>
#include <signal.h>

#include "arch_timer.h"
#include "vgic5_guest.h"

#define SW	BIT_ULL(PPI_SW)
#define ROUNDS	1000
#define SIGNALS	200

static u32 taken;
static u32 rounds = ROUNDS;	/* as many, or until the host says so */

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	if (!intid)
		return;
	if (intid == PPI_INTID(PPI_CNTV))
		timer_set_ctl(VIRTUAL, CTL_IMASK);
	WRITE_ONCE(taken, taken + 1);
	guest_drop_priority();
	guest_deactivate(intid);
}

static void guest_count(void)
{
	timer_set_ctl(VIRTUAL, CTL_IMASK);
	guest_gic_on(SW | BIT_ULL(PPI_CNTV));
	GUEST_SYNC(1);
	for (u32 n = 0; n < READ_ONCE(rounds); n++) {
		if (n & 1) {
			guest_pend_sw();
		} else {
			timer_set_tval(VIRTUAL, usec_to_cycles(20));
			timer_set_ctl(VIRTUAL, CTL_ENABLE);
		}
		while (READ_ONCE(taken) == n)
			isb();
		GUEST_ASSERT_EQ(taken, n + 1);
	}
	GUEST_DONE();
}

static void on_signal(int sig)
{
}

static void *pester(void *arg)
{
	pthread_t target = *(pthread_t *)arg;
	unsigned int seed = 7;

	for (;;) {
		pthread_kill(target, SIGUSR1);
		usleep(rand_r(&seed) % 500);
		pthread_testcancel();
	}
	return NULL;
}

static void signals(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_count, guest_irq);
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), thread;
	unsigned int interrupted = 0;

	sigaction(SIGUSR1, &sa, NULL);
	rounds = ~0;
	sync_global_to_guest(v.vm, rounds);
	vgic5_expect(v.vcpu[0], 1);
	pthread_create(&thread, NULL, pester, &self);
	while (__vcpu_run(v.vcpu[0])) {
		TEST_ASSERT(errno == EINTR, "KVM_RUN: errno %d", errno);
		if (++interrupted == SIGNALS) {
			rounds = 0;
			sync_global_to_guest(v.vm, rounds);
		}
	}
	vgic5_stop(thread);
	TEST_ASSERT(vgic5_said(v.vcpu[0]) == VGIC5_DONE, "not done");
	sync_global_from_guest(v.vm, taken);
	pr_info("# interrupted %u times, in %u interrupts\n", interrupted, taken);
	vgic5_vm_free(&v);
}

static void immediate_exit(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_count, guest_irq);

	vgic5_expect(v.vcpu[0], 1);
	for (int i = 0; i < 100; i++) {
		vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
		v.vcpu[0]->run->immediate_exit = 1;
		TEST_ASSERT(__vcpu_run(v.vcpu[0]) && errno == EINTR,
			    "immediate_exit: errno %d", errno);
		v.vcpu[0]->run->immediate_exit = 0;
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- single-step ---- */

#define STEPS_MAX	2000

static void guest_step(void)
{
	guest_gic_on(SW);
	/*
	 * The way out of a GUEST_SYNC() has an exclusive load and store, which
	 * never come to an end when there is an exit between them.
	 */
	GUEST_UCALL_NONE();
	guest_pend_sw();
	while (!READ_ONCE(taken))
		isb();
	GUEST_ASSERT_EQ(taken, 1);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SACTIVER0_EL1), 0);
	GUEST_DONE();
}

/* Where the steps led, by the PCs at which the guest stopped. */
struct steps {
	unsigned int vector;	/* the IRQ vector's instruction */
	unsigned int handler;	/* the handler's first */
	unsigned int inside;	/* from the vector on until back from there */
	unsigned int back;	/* after it */
};

/*
 * Each instruction of the way into the handler, through it and back is a step:
 * an exit and an entry between any two, one of them with the interrupt pending,
 * one with it active, one with its priority dropped.
 */
static void single_step(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_step, guest_irq);
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	u64 vector = vcpu_get_reg(v.vcpu[0], KVM_ARM64_SYS_REG(SYS_VBAR_EL1)) +
		     VECTOR_IRQ_CURRENT * 0x80;
	u32 *count = addr_gva2hva(v.vm, (gva_t)&taken);
	struct steps s = { 0 };
	u64 elr = 0;

	vcpu_run(v.vcpu[0]);
	TEST_ASSERT(v.vcpu[0]->run->exit_reason == KVM_EXIT_MMIO && !get_ucall(v.vcpu[0], NULL),
		    "exit reason %d", v.vcpu[0]->run->exit_reason);
	vcpu_guest_debug_set(v.vcpu[0], &debug);
	for (int n = 0; n < STEPS_MAX && s.back < 3; n++) {
		u64 pc;

		vcpu_run(v.vcpu[0]);
		TEST_ASSERT(v.vcpu[0]->run->exit_reason == KVM_EXIT_DEBUG,
			    "step %d: exit reason %d", n, v.vcpu[0]->run->exit_reason);
		pc = vcpu_get_reg(v.vcpu[0], ARM64_CORE_REG(regs.pc));
		if (pc == vector) {
			s.vector++;
			elr = vcpu_get_reg(v.vcpu[0], ARM64_CORE_REG(elr_el1));
		}
		s.handler += pc == (u64)guest_irq;
		if (*count && pc == elr)
			s.back++;
		else if (s.back)
			s.back++;
		else
			s.inside += elr != 0;
	}
	pr_info("# single steps: %u into the vector, %u into the handler, %u inside, %u after\n",
		s.vector, s.handler, s.inside, s.back);
	TEST_ASSERT(s.vector == 1 && s.handler == 1 && s.back,
		    "no step through the handler, or more than one");
	/* Saving and restoring 30 registers by pairs is that many alone. */
	TEST_ASSERT(s.inside > 30, "only %u steps inside", s.inside);

	memset(&debug, 0, sizeof(debug));
	vcpu_guest_debug_set(v.vcpu[0], &debug);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	TEST_ASSERT(*count == 1, "taken %u times", *count);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "rows 14 17: signals at random", signals, 120 },
	{ "rows 14 17: immediate_exit", immediate_exit },
	{ "row 17: single-step through an interrupt", single_step },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
