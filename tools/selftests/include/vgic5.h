/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host side of this project's GICv5 selftests: VMs with a GICv5, and a
 * runner that prints KTAP.
 *
 * A test is a function that returns on success and uses TEST_ASSERT() on
 * failure. The runner gives each one a process of its own, so one that fails,
 * hangs or crashes costs only itself.
 */
#ifndef VGIC5_H
#define VGIC5_H

#include <pthread.h>

#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"
#include "ucall.h"

/* Architected PPIs that KVM gives to guests. */
#define PPI_SW		3
#define PPI_PMU		23
#define PPI_CNTV	27
#define PPI_CNTP	30

#define PPI_INTID(id)	((1UL << 29) | (id))
#define GUEST_PPIS	(BIT_ULL(PPI_SW) | BIT_ULL(PPI_CNTV) | BIT_ULL(PPI_CNTP))

#define PRIORITY_LOWEST	31
#define PRIORITY_IDLE	32

struct vgic5_test {
	const char *name;	/* "rows 6 21: what must hold" */
	void (*run)(void);
	unsigned int seconds;	/* limit; 0 means 120 */
};

/*
 * The whole of main(). Arguments: only the tests with one of them in their
 * names; or --list, to print all names.
 */
int vgic5_run(int argc, char **argv, const struct vgic5_test *tests, int nr);

/* Skip this test (from inside it), saying why. */
void __attribute__((noreturn)) vgic5_skip(const char *why);

/*
 * For a loop that waits for what has to come: true when the test is about to be
 * ended for taking too long, so that it can say what did not.
 */
bool vgic5_out_of_time(void);

/* A VM with a GICv5 that was sent INIT, and its vCPUs. */
struct vgic5_vm {
	struct kvm_vm *vm;
	int gic;
	int nr_vcpus;
	struct kvm_vcpu *vcpu[16];
};

typedef void (*guest_fn)(void);
typedef void (*guest_irq_fn)(struct ex_regs *regs);

struct vgic5_vm vgic5_vm_create(int nr_vcpus, guest_fn code, guest_irq_fn irq);
/* The same, with vCPU features (bits of kvm_vcpu_init.features[0]). */
struct vgic5_vm vgic5_vm_create_with(int nr_vcpus, guest_fn code,
				     guest_irq_fn irq, u32 features);
/* The same again, not sent INIT yet. */
struct vgic5_vm vgic5_vm_create_bare(int nr_vcpus, guest_fn code,
				     guest_irq_fn irq, u32 features);
void vgic5_vm_free(struct vgic5_vm *v);
/* INIT, and KVM_RUN, as tests of errors want them: 0 or -errno. */
int vgic5_init(int gic);
int vgic5_try_run(struct kvm_vcpu *vcpu);

/*
 * The attribute of a register in KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS: MPIDR's
 * affinity in 63:32, then op0, op1, CRn, CRm, op2.
 */
static inline u64 vgic5_sysreg_attr(u32 affinity, u32 sysreg)
{
	return ((u64)affinity << 32) | (sys_reg_Op0(sysreg) << 14) |
	       (sys_reg_Op1(sysreg) << 11) | (sys_reg_CRn(sysreg) << 7) |
	       (sys_reg_CRm(sysreg) << 3) | sys_reg_Op2(sysreg);
}

/* KVM_IRQ_LINE on a PPI; the raw form returns 0 or -errno. */
int __vgic5_irq_line(struct kvm_vm *vm, int type, int vcpu, int num, int level);
void vgic5_set_ppi(struct kvm_vm *vm, int vcpu, int ppi, int level);

/*
 * Run until the guest says something. Gives GUEST_SYNC()'s argument, or
 * VGIC5_DONE; reports a failed guest assertion and ends the test.
 */
#define VGIC5_DONE	(~0UL)
u64 vgic5_vcpu_run(struct kvm_vcpu *vcpu);
/* What it said, when the caller has run it itself. It must not have printed. */
u64 vgic5_said(struct kvm_vcpu *vcpu);
/* Run, and insist on what it says. */
void vgic5_expect(struct kvm_vcpu *vcpu, u64 what);

/* This thread on one CPU from now on; 0 or -errno. */
int vgic5_pin(int cpu);
/* How many CPUs are online. */
int vgic5_nr_cpus(void);
/* Moves the calling thread to some CPU or other, again and again. */
pthread_t vgic5_move_about(void);
/*
 * Pins the calling thread to CPU 0, with a second task on it that is always
 * ready to run: KVM lets a vCPU that has the CPU to itself execute WFI, where
 * any interrupt of the host's ends it, and traps it (and blocks in the host)
 * otherwise.
 */
pthread_t vgic5_share_cpu(void);
/* Ends the thread that one of these two started. */
void vgic5_stop(pthread_t thread);
/*
 * Whether `vcpu`, whose KVM_RUN thread `tid` of this process called, is blocked by
 * KVM until an interrupt comes, and off the CPU. A wake-up that was issued before
 * is over: the thread has looked at its interrupts since.
 */
bool vgic5_is_blocked(struct kvm_vcpu *vcpu, pid_t tid);
/* Whether KVM runs in VHE mode, by what it wrote to the kernel's log. */
bool vgic5_host_is_vhe(void);

/*
 * Tracepoints: "kvm/kvm_exit" and the like, a list of them ends with NULL. What
 * was traced from start to stop is in the file that stop gives.
 */
bool vgic5_trace_has(const char *event);
void vgic5_trace_start(const char *const *events);
FILE *vgic5_trace_stop(const char *const *events);
/*
 * With these events traced: whether a line of it tells that the host had to do
 * something for a guest's timer to reach the guest. It handled the timer's physical
 * interrupt, or an hrtimer ended by which KVM emulates one.
 */
#define VGIC5_TIMER_EVENTS "irq/irq_handler_entry", "kvm/kvm_timer_hrtimer_expire"
bool vgic5_is_timer_work(const char *line);

/* A call that returns what is wanted, 0 or -errno, or fails the test. */
#define EXPECT(want, call)						\
	do {								\
		int __got = (call);					\
		TEST_ASSERT(__got == (want), "%s: %d, not %d", #call,	\
			    __got, (int)(want));			\
	} while (0)

#endif
