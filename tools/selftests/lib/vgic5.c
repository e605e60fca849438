// SPDX-License-Identifier: GPL-2.0
/*
 * The runner and the host side of vgic5.h.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest.h"
#include "vgic5.h"
#include "vgic.h"

#define DEFAULT_SECONDS	120

void vgic5_skip(const char *why)
{
	printf("# skipped: %s\n", why);
	fflush(stdout);
	_exit(KSFT_SKIP);
}

/* A kernel that looks at itself (scripts/stress) is some times slower. */
static unsigned int patience(void)
{
	const char *times = getenv("VGIC5_PATIENCE");

	return times ? atoi(times) : 1;
}

static time_t give_up;

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

bool vgic5_out_of_time(void)
{
	return now() >= give_up;
}

static void run_one(const struct vgic5_test *t)
{
	unsigned int seconds = (t->seconds ?: DEFAULT_SECONDS) * patience();
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_perror("fork");
	if (!pid) {
		alarm(seconds);
		give_up = now() + seconds - seconds / 8;
		t->run();
		fflush(stdout);
		_exit(KSFT_PASS);
	}

	if (waitpid(pid, &status, 0) != pid)
		ksft_exit_fail_perror("waitpid");

	if (WIFSIGNALED(status)) {
		ksft_print_msg("%s\n", WTERMSIG(status) == SIGALRM ?
			       "timed out" : strsignal(WTERMSIG(status)));
		ksft_test_result_fail("%s\n", t->name);
	} else if (WEXITSTATUS(status) == KSFT_SKIP) {
		ksft_test_result_skip("%s\n", t->name);
	} else {
		ksft_test_result(WEXITSTATUS(status) == KSFT_PASS,
				 "%s\n", t->name);
	}
}

/* With arguments: only the tests whose names contain one of them. */
static bool wanted(const struct vgic5_test *t, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(t->name, argv[i]))
			return true;
	return false;
}

int vgic5_run(int argc, char **argv, const struct vgic5_test *tests, int nr)
{
	int plan = 0;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (int i = 0; i < nr; i++)
			puts(tests[i].name);
		return KSFT_PASS;
	}

	setbuf(stdout, NULL);
	test_disable_default_vgic();

	for (int i = 0; i < nr; i++)
		plan += wanted(&tests[i], argc, argv);

	ksft_print_header();
	ksft_set_plan(plan);
	for (int i = 0; i < nr; i++)
		if (wanted(&tests[i], argc, argv))
			run_one(&tests[i]);
	ksft_finished();
}

struct vgic5_vm vgic5_vm_create_bare(int nr_vcpus, guest_fn code,
				     guest_irq_fn irq, u32 features)
{
	struct vgic5_vm v = { .nr_vcpus = nr_vcpus };
	struct kvm_vcpu_init init;

	TEST_ASSERT(nr_vcpus <= (int)ARRAY_SIZE(v.vcpu), "too many vCPUs");

	/* Room for a vCPU that comes later. */
	v.vm = __vm_create(VM_SHAPE_DEFAULT, max(nr_vcpus, 1), 0);
	if (__kvm_test_create_device(v.vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	v.gic = kvm_create_device(v.vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	kvm_get_default_vcpu_target(v.vm, &init);
	init.features[0] |= features;
	for (int i = 0; i < nr_vcpus; i++)
		v.vcpu[i] = aarch64_vcpu_add(v.vm, i, &init, code);

	vm_init_descriptor_tables(v.vm);
	if (irq)
		vm_install_exception_handler(v.vm, VECTOR_IRQ_CURRENT, irq);
	for (int i = 0; i < nr_vcpus; i++)
		vcpu_init_descriptor_tables(v.vcpu[i]);
	return v;
}

struct vgic5_vm vgic5_vm_create_with(int nr_vcpus, guest_fn code,
				     guest_irq_fn irq, u32 features)
{
	struct vgic5_vm v = vgic5_vm_create_bare(nr_vcpus, code, irq, features);

	kvm_device_attr_set(v.gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	return v;
}

struct vgic5_vm vgic5_vm_create(int nr_vcpus, guest_fn code, guest_irq_fn irq)
{
	return vgic5_vm_create_with(nr_vcpus, code, irq, 0);
}

void vgic5_vm_free(struct vgic5_vm *v)
{
	close(v->gic);
	kvm_vm_free(v->vm);
}

int __vgic5_irq_line(struct kvm_vm *vm, int type, int vcpu, int num, int level)
{
	u32 irq = (type << KVM_ARM_IRQ_TYPE_SHIFT) |
		  ((vcpu & KVM_ARM_IRQ_VCPU_MASK) << KVM_ARM_IRQ_VCPU_SHIFT) |
		  ((vcpu >> 8) << KVM_ARM_IRQ_VCPU2_SHIFT) |
		  (num << KVM_ARM_IRQ_NUM_SHIFT);

	return _kvm_irq_line(vm, irq, level) ? -errno : 0;
}

void vgic5_set_ppi(struct kvm_vm *vm, int vcpu, int ppi, int level)
{
	int ret = __vgic5_irq_line(vm, KVM_ARM_IRQ_TYPE_PPI, vcpu, ppi, level);

	TEST_ASSERT(!ret, "KVM_IRQ_LINE of PPI %d to %d: %d", ppi, level, ret);
}

int vgic5_init(int gic)
{
	return __kvm_device_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
				     KVM_DEV_ARM_VGIC_CTRL_INIT, NULL) ? -errno : 0;
}

int vgic5_try_run(struct kvm_vcpu *vcpu)
{
	return __vcpu_run(vcpu) ? -errno : 0;
}

/* False if it only had something printed. */
static bool said(struct kvm_vcpu *vcpu, u64 *what)
{
	struct ucall uc;

	switch (get_ucall(vcpu, &uc)) {
	case UCALL_PRINTF:
		pr_info("# guest: %s", uc.buffer);
		return false;
	case UCALL_SYNC:
		*what = uc.args[1];
		break;
	case UCALL_DONE:
		*what = VGIC5_DONE;
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		TEST_FAIL("exit reason %d, ucall %lu",
			  vcpu->run->exit_reason, (unsigned long)uc.cmd);
	}
	return true;
}

u64 vgic5_vcpu_run(struct kvm_vcpu *vcpu)
{
	u64 what = 0;

	do {
		vcpu_run(vcpu);
	} while (!said(vcpu, &what));
	return what;
}

u64 vgic5_said(struct kvm_vcpu *vcpu)
{
	u64 what = 0;

	TEST_ASSERT(said(vcpu, &what), "the guest printed something");
	return what;
}

void vgic5_expect(struct kvm_vcpu *vcpu, u64 what)
{
	u64 said = vgic5_vcpu_run(vcpu);

	TEST_ASSERT(said == what, "vCPU %u said 0x%lx, not 0x%lx", vcpu->id,
		    (unsigned long)said, (unsigned long)what);
}
