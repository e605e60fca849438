// SPDX-License-Identifier: GPL-2.0
/*
 * Random requests from several threads to one VM: devices, vCPUs, attributes,
 * lines and runs in any order, with arguments that are half right. Whatever is
 * asked, the answer is success or an errno that means something, the kernel has
 * nothing to say (scripts/run-host looks), and a VM made afterwards works.
 *
 *	fuzz [-n ROUNDS] [-s SEED]
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest.h"
#include "vgic5_guest.h"

#define NR_THREADS	4
#define NR_VCPUS	4
#define ROUND_MS	700
#define KICK_MS		10

#define SW		BIT_ULL(PPI_SW)

static struct {
	int vm;
	u64 seed;
	u64 pc;			/* of the guest's code */
	atomic_int gic;		/* -1: none yet */
	atomic_int vcpu[NR_VCPUS];
	void *_Atomic run[NR_VCPUS];
	size_t run_size;
	atomic_bool initialized, too_early, over;
	atomic_ulong asked, granted, entered;
	atomic_ulong bad;	/* ioctl and errno */
} round_;

/* ---- chance ---- */

static __thread unsigned short state[3];

static u64 chance(void)
{
	return (u64)jrand48(state) << 32 | (u32)jrand48(state);
}

static u64 below(u64 limit)
{
	return chance() % limit;
}

static bool one_in(u64 n)
{
	return !below(n);
}

/* Few bits, all bits, or any. */
static u64 word(void)
{
	switch (below(5)) {
	case 0:
		return 0;
	case 1:
		return ~0UL;
	case 2:
		return BIT_ULL(below(64));
	case 3:
		return below(64);
	default:
		return chance();
	}
}

/* ---- requests ---- */

/*
 * What KVM may answer. None of them is an accident: no ENOMEM, as nothing is
 * made to fail here. EIO is a VM that KVM gave up because a vCPU ran too early.
 */
static bool means_something(int err)
{
	switch (err) {
	case EINVAL:
	case ENXIO:
	case EBUSY:
	case EEXIST:
	case ENODEV:
	case EFAULT:
	case EINTR:
	case EAGAIN:
	case ENOENT:
	case ENOEXEC:
	case EPERM:
	case E2BIG:
	case EBADF:
	case ENOTTY:
	case ENOSYS:	/* of KVM_RUN: an access that nothing can be made of */
		return true;
	case EIO:
		return atomic_load(&round_.too_early);
	}
	return false;
}

static int ask(int fd, unsigned long cmd, void *arg)
{
	int ret = syscall(SYS_ioctl, fd, cmd, arg);

	atomic_fetch_add(&round_.asked, 1);
	if (ret >= 0)
		atomic_fetch_add(&round_.granted, 1);
	else if (!means_something(errno))
		/* Reported by the main thread: one of these must not exit. */
		atomic_store(&round_.bad, cmd << 32 | errno);
	return ret;
}

static void create_device(void)
{
	struct kvm_create_device device = {
		.type = one_in(6) ? below(12) : KVM_DEV_TYPE_ARM_VGIC_V5,
		.flags = one_in(6) ? word() : 0,
	};
	int none = -1;

	if (ask(round_.vm, KVM_CREATE_DEVICE, &device) ||
	    device.flags & KVM_CREATE_DEVICE_TEST)
		return;
	if (device.type != KVM_DEV_TYPE_ARM_VGIC_V5 ||
	    !atomic_compare_exchange_strong(&round_.gic, &none, device.fd))
		close(device.fd);
}

static void create_vcpu(void)
{
	u64 id = one_in(20) ? word() : below(NR_VCPUS);
	int fd = ask(round_.vm, KVM_CREATE_VCPU, (void *)id);
	void *run;

	if (fd < 0)
		return;
	if (id >= NR_VCPUS) {
		close(fd);
		return;
	}
	run = mmap(NULL, round_.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	TEST_ASSERT(run != MAP_FAILED, "mmap of a vCPU: errno %d", errno);
	atomic_store(&round_.run[id], run);
	atomic_store(&round_.vcpu[id], fd);
}

static void init_vcpu(int fd)
{
	struct kvm_vcpu_init init = { 0 };

	if (ask(round_.vm, KVM_ARM_PREFERRED_TARGET, &init))
		return;
	init.features[0] |= BIT(KVM_ARM_VCPU_PSCI_0_2);
	if (one_in(4))
		init.features[0] ^= BIT(below(8));
	if (!ask(fd, KVM_ARM_VCPU_INIT, &init)) {
		struct kvm_one_reg pc = {
			.id = ARM64_CORE_REG(regs.pc),
			.addr = (u64)&round_.pc,
		};

		ask(fd, KVM_SET_ONE_REG, &pc);
	}
}

static u64 random_sysreg(void)
{
	static const u32 some[] = {
		SYS_ICC_PCR_EL1, SYS_ICC_CR0_EL1, SYS_ICC_APR_EL1,
		SYS_ICC_ICSR_EL1, SYS_ICC_PPI_ENABLER0_EL1,
		SYS_ICC_PPI_SACTIVER0_EL1, SYS_ICC_PPI_SPENDR0_EL1,
		SYS_ICC_PPI_SPENDR1_EL1, SYS_ICC_PPI_PRIORITYR0_EL1,
		SYS_ICC_PPI_PRIORITYR3_EL1, SYS_ICC_PPI_PRIORITYR15_EL1,
		SYS_ICC_PPI_HMR0_EL1, SYS_ICC_IAFFIDR_EL1,
	};
	u32 reg = some[below(ARRAY_SIZE(some))];
	u64 attr = (sys_reg_Op0(reg) << 14) | (sys_reg_Op1(reg) << 11) |
		   (sys_reg_CRn(reg) << 7) | (sys_reg_CRm(reg) << 3) |
		   sys_reg_Op2(reg);

	if (one_in(8))
		attr ^= BIT_ULL(below(64));
	return attr | below(NR_VCPUS) << 32;
}

static void attribute(int fd)
{
	static const unsigned long cmds[] = {
		KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR,
	};
	u64 data[4] = { word(), word(), 0, 0 };
	struct kvm_device_attr attr = {
		.flags = one_in(20) ? word() : 0,
		.addr = one_in(20) ? word() : (u64)data,
	};

	switch (below(4)) {
	case 0:
		attr.group = KVM_DEV_ARM_VGIC_GRP_CTRL;
		attr.attr = below(8);
		break;
	case 1:
		attr.group = one_in(4) ? word() : below(16);
		attr.attr = word();
		break;
	default:
		attr.group = KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
		attr.attr = random_sysreg();
	}
	ask(fd, cmds[below(ARRAY_SIZE(cmds))], &attr);
}

static void init_device(int fd)
{
	struct kvm_device_attr attr = {
		.group = KVM_DEV_ARM_VGIC_GRP_CTRL,
		.attr = KVM_DEV_ARM_VGIC_CTRL_INIT,
	};

	if (!ask(fd, KVM_SET_DEVICE_ATTR, &attr))
		atomic_store(&round_.initialized, true);
}

static void irq_line(void)
{
	struct kvm_irq_level level = {
		.irq = one_in(4) ? word() :
		       KVM_ARM_IRQ_TYPE_PPI << KVM_ARM_IRQ_TYPE_SHIFT |
		       below(NR_VCPUS) << KVM_ARM_IRQ_VCPU_SHIFT |
		       (one_in(2) ? PPI_SW : below(70)),
		.level = one_in(20) ? word() : below(2),
	};

	ask(round_.vm, KVM_IRQ_LINE, &level);
}

static void run_vcpu(int fd, struct kvm_run *run)
{
	/* A run before INIT is the end of the VM. */
	if (!atomic_load(&round_.initialized)) {
		if (!one_in(5000))
			return;
		atomic_store(&round_.too_early, true);
	}
	WRITE_ONCE(run->immediate_exit, one_in(10));
	/* The guest leaves of itself for what is not memory. */
	if (!ask(fd, KVM_RUN, NULL) || errno == EINTR)
		atomic_fetch_add(&round_.entered, 1);
}

static void request(void)
{
	int id = below(NR_VCPUS);
	int gic = atomic_load(&round_.gic);
	int vcpu = atomic_load(&round_.vcpu[id]);

	/* Once a vCPU ran there can be none any more. */
	if (gic < 0 && one_in(2)) {
		create_device();
		return;
	}
	switch (below(16)) {
	case 0:
		if (one_in(4))
			create_device();
		break;
	case 1:
		create_vcpu();
		break;
	case 2:
		if (vcpu >= 0)
			init_vcpu(vcpu);
		break;
	case 3:
		/* Late, so that there are vCPUs. */
		if (gic >= 0 && one_in(3))
			init_device(gic);
		break;
	case 4 ... 6:
		irq_line();
		break;
	case 7 ... 10:
		if (gic >= 0)
			attribute(gic);
		break;
	default:
		if (vcpu >= 0)
			run_vcpu(vcpu, atomic_load(&round_.run[id]));
	}
}

/* ---- the guest: whatever a guest can do to its CPU interface ---- */

static void guest_code(void)
{
	u64 n = read_sysreg_s(SYS_ICC_IAFFIDR_EL1) + 1;

	for (;;) {
		u64 all;

		n = n * 6364136223846793005UL + 1442695040888963407UL;
		all = n >> 32 & 1 ? ~0UL : n >> 7;
		switch (n >> 60) {
		case 0:
			write_sysreg_s(all, SYS_ICC_PPI_ENABLER0_EL1);
			break;
		case 1:
			write_sysreg_s(all, SYS_ICC_PPI_SPENDR0_EL1);
			break;
		case 2:
			write_sysreg_s(all, SYS_ICC_PPI_CPENDR0_EL1);
			break;
		case 3:
			write_sysreg_s(all, SYS_ICC_PPI_SACTIVER0_EL1);
			break;
		case 4:
			write_sysreg_s(all, SYS_ICC_PPI_CACTIVER0_EL1);
			break;
		case 5:
			write_sysreg_s(all, SYS_ICC_PPI_SPENDR1_EL1);
			break;
		case 6:
			write_sysreg_s(all & 0x1f, SYS_ICC_PCR_EL1);
			break;
		case 7:
			write_sysreg_s(all & 1, SYS_ICC_CR0_EL1);
			break;
		case 8:
			write_sysreg_s(all, SYS_ICC_PPI_PRIORITYR0_EL1);
			break;
		case 9:
			guest_ack();
			break;
		case 10:
			guest_drop_priority();
			break;
		case 11:
			guest_deactivate(PPI_INTID(n >> 40 & 31));
			break;
		case 12:
			write_sysreg(n >> 40 & 7, cntv_ctl_el0);
			break;
		case 13:
			write_sysreg(n >> 40 & 0xffff, cntv_tval_el0);
			break;
		case 14:
			asm volatile("wfi" ::: "memory");
			break;
		default:
			isb();
		}
	}
}

/* ---- a round ---- */

static void kicked(int sig)
{
}

static void *thread_fn(void *arg)
{
	state[0] = (unsigned long)arg;
	state[1] = round_.seed;
	state[2] = round_.seed >> 16;
	while (!atomic_load(&round_.over))
		request();
	return NULL;
}

static void one_round(u64 seed)
{
	pthread_t threads[NR_THREADS];
	bool gone[NR_THREADS] = { false };
	int left = NR_THREADS;
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, NR_VCPUS, 0);
	void *run;
	int fd;

	/* A vCPU starts with the MMU off, in what the loader placed. */
	round_.pc = addr_gva2gpa(vm, (gva_t)guest_code);
	round_.vm = vm->fd;
	round_.seed = seed;
	round_.run_size = __kvm_ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	atomic_store(&round_.over, false);
	atomic_store(&round_.initialized, false);
	atomic_store(&round_.too_early, false);
	atomic_store(&round_.gic, -1);
	for (int i = 0; i < NR_VCPUS; i++)
		atomic_store(&round_.vcpu[i], -1);

	for (long i = 0; i < NR_THREADS; i++)
		TEST_ASSERT(!pthread_create(&threads[i], NULL, thread_fn, (void *)i),
			    "pthread_create");
	/*
	 * Guests that run on or sleep on are brought out, to the last: each may
	 * have a vCPU that another thread waits for.
	 */
	for (int ms = 0; left; ms += KICK_MS) {
		usleep(KICK_MS * 1000);
		atomic_store(&round_.over, ms >= ROUND_MS);
		for (int i = 0; i < NR_THREADS; i++) {
			if (gone[i])
				continue;
			pthread_kill(threads[i], SIGUSR1);
			gone[i] = !pthread_tryjoin_np(threads[i], NULL);
			left -= gone[i];
		}
	}

	for (int i = 0; i < NR_VCPUS; i++) {
		fd = atomic_exchange(&round_.vcpu[i], -1);
		if (fd < 0)
			continue;
		run = atomic_load(&round_.run[i]);
		munmap(run, round_.run_size);
		close(fd);
	}
	fd = atomic_load(&round_.gic);
	if (fd >= 0)
		close(fd);
	kvm_vm_free(vm);
	TEST_ASSERT(!atomic_load(&round_.bad), "seed %lu: ioctl %lx: errno %lu",
		    (unsigned long)seed, atomic_load(&round_.bad) >> 32,
		    atomic_load(&round_.bad) & 0xffffffff);
}

static u64 first_seed = 1;
static int rounds = 40;

static void random_requests(void)
{
	struct sigaction action = { .sa_handler = kicked };

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < rounds; i++)
		one_round(first_seed + i);
	pr_info("# seeds %lu to %lu: %lu requests, %lu granted, %lu runs\n",
		(unsigned long)first_seed,
		(unsigned long)(first_seed + rounds - 1),
		atomic_load(&round_.asked), atomic_load(&round_.granted),
		atomic_load(&round_.entered));
	TEST_ASSERT(atomic_load(&round_.entered), "no guest ever ran");
}

/* ---- and after it ---- */

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	guest_drop_priority();
	guest_deactivate(intid);
	GUEST_SYNC(intid);
}

static void guest_waits(void)
{
	guest_gic_on(SW);
	GUEST_SYNC(1);
	for (;;)
		isb();
}

static void works_after(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_waits, guest_irq);

	vgic5_expect(v.vcpu[0], 1);
	for (int i = 0; i < 10; i++) {
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
		vgic5_expect(v.vcpu[0], PPI_INTID(PPI_SW));
		vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
	}
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "random requests", random_requests, 300 },
	{ "a VM after them works", works_after },
};

int main(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "n:s:")) != -1) {
		if (opt == 'n')
			rounds = atoi(optarg);
		else if (opt == 's')
			first_seed = strtoul(optarg, NULL, 0);
		else
			ksft_exit_fail_msg("fuzz [-n ROUNDS] [-s SEED]\n");
	}
	return vgic5_run(1, argv, tests, ARRAY_SIZE(tests));
}
