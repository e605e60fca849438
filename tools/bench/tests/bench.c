// SPDX-License-Identifier: GPL-2.0
/*
 * The cases of `make bench`: what KVM's GICv5 code is asked to do while the
 * emulator's plugin counts. Prints nothing of what was counted; the plugin's
 * report has it.
 *
 *	bench cases BACKEND...	every case in every shape of VM, the backends
 *				taking turns; needs the module bench_ppis
 *	bench base BACKEND...	every case in the smallest VM
 *	bench insmod MODULE	insert a module
 *
 * A backend is "c", "rust", or "-" on a kernel that has no choice.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/arm-smccc.h>

#include "arch_timer.h"
#include "mark.h"
#include "vgic5_guest.h"

#define WARM_UP		8
#define WINDOWS		32

#define SW		BIT_ULL(PPI_SW)
#define BACKEND_KNOB	"/sys/module/kvm/parameters/vgic_v5_backend"
#define HALT_POLL_KNOB	"/sys/module/kvm/parameters/halt_poll_ns"
#define IMPLEMENTED	"/sys/kernel/debug/bench_ppis/implemented"
#define OWN		"/sys/kernel/debug/bench_ppis/own"

/* Processors of the host: one for the vCPUs, one for who injects. */
#define CPU_INJECTOR	0
#define CPU_VCPUS	1

enum { READY = 1, MEASURED };

/* What the guest is to be doing; set before it starts. */
static struct {
	bool timer, pending;
} setup;

/* Of vCPU 0, read and written by both sides. */
static u64 taken;
static u64 stop;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	mark(MARK_STOP);
	if (intid == PPI_INTID(PPI_CNTV))
		timer_set_ctl(VIRTUAL, CTL_IMASK);
	guest_deactivate(intid);
	guest_drop_priority();
	WRITE_ONCE(taken, taken + 1);
}

static void guest_setup(void)
{
	guest_gic_on(GUEST_PPIS);
	local_irq_disable();
	timer_set_ctl(VIRTUAL, setup.timer ? CTL_ENABLE : CTL_IMASK);
	/* Far enough not to expire. */
	timer_set_cval(VIRTUAL, timer_get_cntct(VIRTUAL) + msec_to_cycles(1000000));
	if (setup.pending)
		guest_pend_sw();
}

/* Exits that KVM handles in the kernel, the vCPU staying where it is. */
static void guest_round_trips(void)
{
	struct arm_smccc_res res;

	guest_setup();
	for (int i = 0; i < WARM_UP; i++)
		smccc_hvc(ARM_SMCCC_VERSION_FUNC_ID, 0, 0, 0, 0, 0, 0, 0, &res);
	GUEST_SYNC(READY);
	for (int i = 0; i < WINDOWS; i++)
		smccc_hvc(ARM_SMCCC_VERSION_FUNC_ID, 0, 0, 0, 0, 0, 0, 0, &res);
	GUEST_SYNC(MEASURED);
}

static void guest_timer(void)
{
	guest_setup();
	local_irq_enable();
	for (u64 i = 0; i < WARM_UP + WINDOWS; i++) {
		if (i == WARM_UP)
			GUEST_SYNC(READY);
		mark(MARK_START);
		timer_set_cval(VIRTUAL, timer_get_cntct(VIRTUAL) + usec_to_cycles(20));
		timer_set_ctl(VIRTUAL, CTL_ENABLE);
		while (READ_ONCE(taken) == i)
			isb();
	}
	GUEST_SYNC(MEASURED);
}

/* Exits to userspace, over and over. */
static void guest_exits(void)
{
	guest_setup();
	for (;;)
		GUEST_SYNC(READY);
}

static void guest_spins(void)
{
	guest_setup();
	GUEST_SYNC(READY);
	local_irq_enable();
	while (!READ_ONCE(stop))
		yield();
	GUEST_SYNC(MEASURED);
}

static void guest_sleeps(void)
{
	guest_setup();
	GUEST_SYNC(READY);
	local_irq_enable();
	while (!READ_ONCE(stop))
		wfi();
	GUEST_SYNC(MEASURED);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(set), &set), "no CPU %d", cpu);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	TEST_ASSERT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		    "%s: cannot write %s, errno %d", path, text, errno);
	close(fd);
}

static void measure_to_the_end(struct vgic5_vm *v, const char *description)
{
	mark_with(MARK_BEGIN, description);
	vgic5_expect(v->vcpu[0], MEASURED);
	mark(MARK_END);
}

/* Each run is a load and a put; GUEST_SYNC() is an MMIO access. */
static void measure_turns(struct vgic5_vm *v, const char *description)
{
	for (int i = -WARM_UP; i < WINDOWS; i++) {
		struct kvm_vcpu *vcpu = v->vcpu[(i + WARM_UP) % v->nr_vcpus];

		if (!i)
			mark_with(MARK_BEGIN, description);
		TEST_ASSERT(!__vcpu_run(vcpu) && vcpu->run->exit_reason == KVM_EXIT_MMIO,
			    "exit reason %d, errno %d", vcpu->run->exit_reason, errno);
	}
	mark(MARK_END);
}

static void on_signal(int signal)
{
}

/* Runs a vCPU on a processor of its own; signals make it start anew. */
static void *run_vcpu(void *vcpu)
{
	struct ucall uc;

	pin(CPU_VCPUS);
	while (__vcpu_run(vcpu) < 0)
		TEST_ASSERT(errno == EINTR, "KVM_RUN: errno %d", errno);
	TEST_ASSERT(get_ucall(vcpu, &uc) == UCALL_SYNC && uc.args[1] == MEASURED,
		    "the guest says %lu %lu", (unsigned long)uc.cmd,
		    (unsigned long)uc.args[1]);
	return NULL;
}

/*
 * Interrupt a vCPU again and again: by KVM_IRQ_LINE or by a signal. Between
 * two, `settle` makes sure that it is back where it is to be interrupted.
 */
static void interrupt(struct vgic5_vm *v, const char *description,
		      void (*settle)(void), bool by_signal)
{
	u64 *host_taken = addr_gva2hva(v->vm, (gva_t)&taken);
	u64 *host_stop = addr_gva2hva(v->vm, (gva_t)&stop);
	pthread_t thread;

	pthread_create(&thread, NULL, run_vcpu, v->vcpu[0]);
	for (u64 i = 0; i < WARM_UP + WINDOWS; i++) {
		settle();
		if (i == WARM_UP)
			mark_with(MARK_BEGIN, description);
		if (by_signal) {
			pthread_kill(thread, SIGUSR1);
			continue;
		}
		mark(MARK_ARM);
		mark(MARK_START);
		vgic5_set_ppi(v->vm, 0, PPI_SW, 1);
		while (READ_ONCE(*host_taken) == i)
			yield();
	}
	settle();
	mark(MARK_END);
	WRITE_ONCE(*host_stop, 1);
	vgic5_set_ppi(v->vm, 0, PPI_SW, 1);
	pthread_join(thread, NULL);
}

static void settle_spinning(void)
{
	for (int i = 0; i < 100; i++)
		yield();
}

/*
 * Longer than a tick of the host's, so that each time it has as much to catch
 * up with when it wakes.
 */
static void settle_sleeping(void)
{
	usleep(10000);
}

static void measure_inject(struct vgic5_vm *v, const char *description)
{
	interrupt(v, description, settle_spinning, false);
}

static void measure_inject_sleeping(struct vgic5_vm *v, const char *description)
{
	interrupt(v, description, settle_sleeping, false);
}

/* A signal wakes the thread, but no interrupt is found pending. */
static void measure_signals(struct vgic5_vm *v, const char *description)
{
	interrupt(v, description, settle_sleeping, true);
}

static const struct bench_case {
	const char *name, *window;
	guest_fn guest;
	void (*measure)(struct vgic5_vm *v, const char *description);
	bool timer, pending;
	int least_vcpus;
} cases[] = {
	{ "resident_roundtrip", "roundtrip", guest_round_trips, measure_to_the_end },
	{ "armed_timer", "roundtrip", guest_round_trips, measure_to_the_end, .timer = true },
	{ "pending_sw_ppi", "roundtrip", guest_round_trips, measure_to_the_end, .pending = true },
	{ "remote_inject", "one-roundtrip", guest_spins, measure_inject },
	{ "inject_to_ack", "marks", guest_spins, measure_inject },
	{ "inject_to_ack_wfi", "marks", guest_sleeps, measure_inject_sleeping },
	{ "timer_to_ack", "marks", guest_timer, measure_to_the_end },
	{ "load_put", "roundtrip", guest_exits, measure_turns, .least_vcpus = 2 },
	{ "pending_check", "call:kvm_vgic_vcpu_pending_irq", guest_sleeps, measure_signals },
};

static void choose(const char *backend)
{
	if (strcmp(backend, "-"))
		write_file(BACKEND_KNOB, backend);
}

/* A VM to measure: how many vCPUs, and which PPIs are visible, if not KVM's. */
struct shape {
	int nr_vcpus;
	u64 ppis;
};

static const struct shape shapes[] = {
	{ 1 }, { 2 }, { 4 }, { 8 },
	{ 1, SW | BIT_ULL(PPI_CNTV) },
	{ 1, GUEST_PPIS | BIT_ULL(PPI_PMU) },
	{ 1, GUEST_PPIS | GENMASK_ULL(44, 32) },
	{ 1, ~0ULL },
};

static void write_number(const char *path, u64 number)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)number);
	write_file(path, text);
}

static struct vgic5_vm create(const struct bench_case *c, const struct shape *shape)
{
	struct vgic5_vm v;

	if (shape->ppis)
		write_number(IMPLEMENTED, shape->ppis);
	v = vgic5_vm_create(max(shape->nr_vcpus, c->least_vcpus), c->guest, guest_irq);
	if (shape->ppis)
		write_number(OWN, v.vm->fd);

	setup.timer = c->timer;
	setup.pending = c->pending;
	sync_global_to_guest(v.vm, setup);
	for (int i = 0; i < v.nr_vcpus; i++)
		vgic5_expect(v.vcpu[i], READY);
	return v;
}

static void run_case(const struct bench_case *c, const char *backend, const struct shape *shape)
{
	struct vgic5_vm v = create(c, shape);
	char description[200];

	snprintf(description, sizeof(description), "case=%s backend=%s vcpus=%d ppis=%d window=%s",
		 c->name, backend, v.nr_vcpus,
		 __builtin_popcountll(shape->ppis ?: GUEST_PPIS), c->window);
	c->measure(&v, description);
	vgic5_vm_free(&v);
}

/* In a process of its own, so that no case finds what another one left. */
static void run_case_apart(const struct bench_case *c, const char *backend,
			   const struct shape *shape)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		run_case(c, backend, shape);
		exit(KSFT_PASS);
	}
	TEST_ASSERT(waitpid(pid, &status, 0) == pid && !status,
		    "%s, backend %s, %d vCPUs, PPIs 0x%llx: status 0x%x", c->name, backend,
		    shape->nr_vcpus, (unsigned long long)shape->ppis, status);
}

/* Back and forth between the backends, so that they see the same host. */
static void run_cases(char **backends, size_t nr_shapes)
{
	write_file(HALT_POLL_KNOB, "0");
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++)
		for (size_t s = 0; s < nr_shapes; s++)
			for (char **backend = backends; *backend; backend++) {
				choose(*backend);
				run_case_apart(&cases[c], *backend, &shapes[s]);
			}
}

static void insert_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	TEST_ASSERT(fd >= 0, "%s: errno %d", path, errno);
	mark_with(MARK_BEGIN, "case=insmod backend=rust window=marks");
	mark(MARK_START);
	ret = syscall(__NR_finit_module, fd, "", 0);
	mark(MARK_STOP);
	mark(MARK_END);
	TEST_ASSERT(!ret, "%s: cannot be inserted, errno %d", path, errno);
}

int main(int argc, char **argv)
{
	setbuf(stdout, NULL);
	test_disable_default_vgic();
	signal(SIGUSR1, on_signal);
	pin(CPU_INJECTOR);

	if (argc > 2 && !strcmp(argv[1], "cases"))
		run_cases(argv + 2, ARRAY_SIZE(shapes));
	else if (argc > 2 && !strcmp(argv[1], "base"))
		run_cases(argv + 2, 1);
	else if (argc == 3 && !strcmp(argv[1], "insmod"))
		insert_module(argv[2]);
	else
		TEST_FAIL("usage: bench cases|base BACKEND..., or bench insmod MODULE");
	return 0;
}
