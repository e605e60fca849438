// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails once: the Nth of an ioctl, for N = 1, 2, 3, ... until
 * there are no more. Each time the ioctl succeeds all the same, or answers
 * ENOMEM and, asked again, succeeds; and then the VM works. So does insmod.
 *
 * That nothing was leaked, kmemleak says when this program is done.
 *
 * Needs a kernel with FAILSLAB and FAIL_PAGE_ALLOC: tools/testbed/debug.config.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "arch_timer.h"
#include "vgic5_guest.h"

#define MODULE		"kvm_arm_vgic_v5"
#define MODULE_FILE	"/lib/modules/" MODULE ".ko"
#define BACKEND		"/sys/module/kvm/parameters/vgic_v5_backend"

#define NR_VCPUS	2
/* How many allocations differs from one time to the next: stop after so many. */
#define QUIET_ROUNDS	4
#define MAX_ROUNDS	1000

#define SW		BIT_ULL(PPI_SW)
#define CNTV		BIT_ULL(PPI_CNTV)

enum { READY = 100, END };

/* ---- the fault ---- */

static struct {
	unsigned long cmd;	/* the ioctl that it is for */
	u32 group;		/* and the attribute's group, if it is about one */
	unsigned int nth;	/* 0: none */
	unsigned int struck;	/* ioctls in which an allocation failed */
	unsigned int refused;	/* and which failed for it */
	unsigned int orphans;	/* and left a GIC without a descriptor */
} fault;

/* Opened before anything is to fail: opening it takes memory as well. */
static int fail_nth_fd = -1;

static void fail_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	TEST_ASSERT(pwrite(fail_nth_fd, text, len, 0) == len,
		    "fail-nth: errno %d", errno);
}

/* Whether the allocation that was to fail came to pass. */
static bool disarm(void)
{
	char text[16] = "";
	ssize_t len = pread(fail_nth_fd, text, sizeof(text) - 1, 0);

	fail_nth(0);
	TEST_ASSERT(len > 0, "fail-nth: errno %d", errno);
	return atoi(text) == 0;
}

static bool is_target(unsigned long cmd, void *arg)
{
	if (!fault.nth || cmd != fault.cmd)
		return false;
	if (cmd == KVM_SET_DEVICE_ATTR || cmd == KVM_GET_DEVICE_ATTR)
		return ((struct kvm_device_attr *)arg)->group == fault.group;
	/* One with the TEST flag makes nothing. */
	if (cmd == KVM_CREATE_DEVICE)
		return !((struct kvm_create_device *)arg)->flags;
	return true;
}

/*
 * Before libc's: the selftest library's ioctls come through here, and get the
 * fault. One that fails for it is asked again, without.
 */
int ioctl(int fd, unsigned long cmd, ...)
{
	bool struck;
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);

	if (!is_target(cmd, arg))
		return syscall(SYS_ioctl, fd, cmd, arg);

	fail_nth(fault.nth);
	ret = syscall(SYS_ioctl, fd, cmd, arg);
	if (ret < 0)
		ret = -errno;
	struck = disarm();
	fault.struck += struck;
	if (struck && ret < 0) {
		fault.refused++;
		TEST_ASSERT(ret == -ENOMEM, "allocation %u: %d, not ENOMEM",
			    fault.nth, ret);
		ret = syscall(SYS_ioctl, fd, cmd, arg);
		if (cmd == KVM_CREATE_DEVICE && ret < 0 && errno == EEXIST) {
			fault.orphans++;
			return ret;
		}
		TEST_ASSERT(ret >= 0, "again after allocation %u: errno %d",
			    fault.nth, errno);
		return ret;
	}
	if (ret < 0) {
		errno = -ret;
		ret = -1;
	}
	return ret;
}

/* ---- a VM's life ---- */

static u8 taken[NR_VCPUS];

static void guest_irq(struct ex_regs *regs)
{
	u64 me = read_sysreg_s(SYS_ICC_IAFFIDR_EL1);
	u32 intid = guest_ack();

	if (intid == PPI_INTID(PPI_CNTV))
		timer_set_ctl(VIRTUAL, CTL_IMASK);
	guest_drop_priority();
	guest_deactivate(intid);
	GUEST_ASSERT(me < NR_VCPUS);
	WRITE_ONCE(taken[me], intid);
}

static void guest_code(void)
{
	u64 me = read_sysreg_s(SYS_ICC_IAFFIDR_EL1);

	guest_gic_on(SW | CNTV);
	GUEST_SYNC(READY);
	while (READ_ONCE(taken[me]) != PPI_SW)
		isb();
	GUEST_SYNC(PPI_SW);
	timer_set_tval(VIRTUAL, 0);
	timer_set_ctl(VIRTUAL, CTL_ENABLE);
	while (READ_ONCE(taken[me]) != PPI_CNTV)
		isb();
	GUEST_SYNC(END);
}

/* A register is written, and holds it; the guest starts as from power-on. */
static void save_and_restore(int gic, int vcpu)
{
	u64 attr = vgic5_sysreg_attr(vcpu, SYS_ICC_PCR_EL1), val;

	if (__kvm_has_device_attr(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr))
		return;		/* C has none */
	for (int i = 0; i < 2; i++) {
		u64 want = i ? 0 : 7;

		kvm_device_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				    attr, &want);
		kvm_device_attr_get(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				    attr, &val);
		TEST_ASSERT(val == want, "PCR is %lx, not %lx",
			    (unsigned long)val, (unsigned long)want);
	}
}

/*
 * When all that is lacking is the descriptor, KVM's core destroys the device
 * and keeps the VM's GIC, of any kind: the VM can no longer get one that it can
 * INIT, and so cannot run. It has to be whole otherwise, and go without a trace.
 */
static void orphaned(struct kvm_vm *vm, bool device_first)
{
	struct kvm_vcpu *vcpu = NULL;

	for (int i = 0; i < NR_VCPUS; i++)
		vcpu = device_first ? vm_vcpu_add(vm, i, guest_code) :
				      list_first_entry(&vm->vcpus, struct kvm_vcpu, list);
	TEST_ASSERT(__vcpu_run(vcpu) && errno == EBUSY,
		    "no GIC, no EEXIST: errno %d", errno);
	kvm_vm_free(vm);
}

/* With the device before the vCPUs, or after them. */
static void life(bool device_first)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, NR_VCPUS, 0);
	struct kvm_vcpu *vcpu[NR_VCPUS];
	int gic = 0;

	if (device_first)
		gic = __kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	for (int i = 0; gic >= 0 && i < NR_VCPUS; i++)
		vcpu[i] = vm_vcpu_add(vm, i, guest_code);
	if (!device_first)
		gic = __kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	if (gic < 0) {
		orphaned(vm, device_first);
		return;
	}
	vm_init_descriptor_tables(vm);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, guest_irq);
	for (int i = 0; i < NR_VCPUS; i++)
		vcpu_init_descriptor_tables(vcpu[i]);
	kvm_device_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	for (int i = 0; i < NR_VCPUS; i++)
		save_and_restore(gic, i);
	for (int i = 0; i < NR_VCPUS; i++) {
		vgic5_expect(vcpu[i], READY);
		vgic5_set_ppi(vm, i, PPI_SW, 1);
		vgic5_expect(vcpu[i], PPI_SW);
		vgic5_expect(vcpu[i], END);
	}
	close(gic);
	kvm_vm_free(vm);
}

/* ---- tests ---- */

static bool set_knob(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, value, strlen(value)) > 0;

	close(fd);
	return done;
}

/* Allocations that may sleep fail as well, without a word in the log. */
static void prepare(void)
{
	static const char * const knobs[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[80];

	for (int i = 0; i < (int)ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", knobs[i][0]);
		if (!set_knob(path, knobs[i][1]))
			vgic5_skip("this kernel lets no allocation fail");
	}
	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	TEST_ASSERT(fail_nth_fd >= 0, "fail-nth: errno %d", errno);
}

/* Whether allocations of pages count, too, or objects alone. */
static void count_pages(bool pages)
{
	TEST_ASSERT(set_knob("/sys/kernel/debug/fail_page_alloc/min-order",
			     pages ? "0" : "99"), "min-order: errno %d", errno);
}

/*
 * What is struck in @round(nth), for all N. Objects take pages now and then,
 * which shifts the count and may hide one; so they have a pass of their own.
 */
static unsigned int for_all(void (*round)(unsigned int nth))
{
	unsigned int rounds = 0;

	for (int pages = 0; pages < 2; pages++) {
		unsigned int quiet = 0, before;

		count_pages(pages);
		for (unsigned int nth = 1; quiet < QUIET_ROUNDS; nth++) {
			TEST_ASSERT(nth < MAX_ROUNDS, "there is no end");
			before = fault.struck;
			round(nth);
			quiet = fault.struck == before ? quiet + 1 : 0;
			rounds++;
		}
	}
	pr_info("# %u rounds: %u struck, %u refused, %u orphans\n", rounds,
		fault.struck, fault.refused, fault.orphans);
	return fault.refused;
}

static bool device_first;

static void one_life(unsigned int nth)
{
	fault.nth = nth;
	life(device_first);
	fault.nth = 0;
}

static unsigned int strike(bool first, unsigned long cmd, u32 group)
{
	struct kvm_vm *vm;

	prepare();
	vm = __vm_create(VM_SHAPE_DEFAULT, 1, 0);
	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	kvm_vm_free(vm);
	device_first = first;
	fault.cmd = cmd;
	fault.group = group;
	return for_all(one_life);
}

#define REFUSED(...)							\
	TEST_ASSERT(strike(__VA_ARGS__), "no allocation failed it")

static void device_before(void)
{
	REFUSED(true, KVM_CREATE_DEVICE, 0);
}

static void device_after(void)
{
	REFUSED(false, KVM_CREATE_DEVICE, 0);
}

static void create_vcpu(void)
{
	REFUSED(true, KVM_CREATE_VCPU, 0);
}

static void init(void)
{
	strike(true, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL);
	TEST_ASSERT(fault.struck, "INIT allocated nothing");
}

static void run(void)
{
	REFUSED(true, KVM_RUN, 0);
}

static void irq_line(void)
{
	strike(true, KVM_IRQ_LINE, 0);
}

static void set_register(void)
{
	strike(true, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS);
}

static void get_register(void)
{
	strike(true, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS);
}

/* The backend that new VMs get. */
static void expect_backend(const char *want)
{
	char name[16] = "";
	int fd = open(BACKEND, O_RDONLY);
	ssize_t len = read(fd, name, sizeof(name) - 1);

	close(fd);
	TEST_ASSERT(len > 0 && !strncmp(name, want, strlen(want)),
		    "the backend is %s, not %s", name, want);
	TEST_ASSERT(!access("/sys/module/" MODULE, F_OK) == !strcmp(want, "rust"),
		    "the module is %s there", strcmp(want, "rust") ? "still" : "not");
}

static int load_module(void)
{
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);
	int ret;

	TEST_ASSERT(fd >= 0, MODULE_FILE ": errno %d", errno);
	fail_nth(fault.nth);
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	if (fault.nth && disarm()) {
		fault.struck++;
		fault.refused += !!ret;
	}
	close(fd);
	return ret;
}

static void unload_module(void)
{
	TEST_ASSERT(!syscall(SYS_delete_module, MODULE, O_NONBLOCK),
		    "rmmod: errno %d", errno);
	expect_backend("c");
}

static void one_insmod(unsigned int nth)
{
	int ret;

	fault.nth = nth;
	ret = load_module();
	fault.nth = 0;
	if (ret) {
		TEST_ASSERT(ret == -ENOMEM, "allocation %u: %d, not ENOMEM", nth, ret);
		expect_backend("c");
		ret = load_module();
		TEST_ASSERT(!ret, "again after allocation %u: %d", nth, ret);
	}
	expect_backend("rust");
	if (nth % 16 == 1)
		life(true);
	unload_module();
}

static void insmod(void)
{
	prepare();
	if (access("/sys/module/" MODULE, F_OK))
		vgic5_skip("the module is not loaded");
	/* Which it can be: nothing that failed before holds it. */
	unload_module();
	TEST_ASSERT(for_all(one_insmod), "no allocation failed it");
	TEST_ASSERT(!load_module(), "insmod: errno %d", errno);
	life(true);
}

static const struct vgic5_test tests[] = {
	{ "KVM_CREATE_DEVICE without memory, before the vCPUs", device_before, 300 },
	{ "KVM_CREATE_DEVICE without memory, after the vCPUs", device_after, 300 },
	{ "KVM_CREATE_VCPU without memory", create_vcpu, 300 },
	{ "INIT without memory", init, 300 },
	{ "KVM_RUN without memory", run, 300 },
	{ "KVM_IRQ_LINE without memory", irq_line, 300 },
	{ "a register is set without memory", set_register, 300 },
	{ "a register is read without memory", get_register, 300 },
	{ "insmod without memory", insmod, 300 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
