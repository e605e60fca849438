// SPDX-License-Identifier: GPL-2.0
/*
 * Residency: several vCPUs share a CPU, one vCPU wanders between CPUs, CPUs go
 * offline and come back. No state is seen by another vCPU, and none is lost.
 */
#include <fcntl.h>
#include <pthread.h>

#include "vgic5_guest.h"

#define SW		BIT_ULL(PPI_SW)
#define ROUNDS		300

/*
 * Everything of the interface that a guest can read back, made a function of
 * a seed: the vCPU's number and the round.
 */
static void guest_state_write(u64 seed)
{
	u64 all = (seed & 0x1f) * 0x0101010101010101UL;

	write_sysreg_s(all, SYS_ICC_PPI_PRIORITYR0_EL1);
	write_sysreg_s(all, SYS_ICC_PPI_PRIORITYR3_EL1);
	write_sysreg_s(seed & 0x1f, SYS_ICC_PCR_EL1);
	write_sysreg_s((seed * 0x9e3779b9) & 0xffffffff, SYS_ICC_APR_EL1);
	write_sysreg_s(SW, SYS_ICC_PPI_CACTIVER0_EL1);
	write_sysreg_s(seed & 2 ? SW : 0, SYS_ICC_PPI_SACTIVER0_EL1);
	write_sysreg_s(SW, SYS_ICC_PPI_CPENDR0_EL1);
	write_sysreg_s(seed & 4 ? SW : 0, SYS_ICC_PPI_SPENDR0_EL1);
	write_sysreg_s(seed & 1, SYS_ICC_CR0_EL1);
	guest_enable(seed & 8 ? SW : BIT_ULL(PPI_CNTV));
}

static void guest_state_check(u64 seed)
{
	u64 ours = 0x1fUL << (PPI_SW * 8);
	u64 all = (seed & 0x1f) * 0x0101010101010101UL;

	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_PRIORITYR0_EL1) & ours, all & ours);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PCR_EL1), seed & 0x1f);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_APR_EL1), (seed * 0x9e3779b9) & 0xffffffff);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SACTIVER0_EL1), seed & 2 ? SW : 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & SW, seed & 4 ? SW : 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_CR0_EL1) & ICC_CR0_EL1_EN, seed & 1);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1),
			seed & 8 ? SW : BIT_ULL(PPI_CNTV));
}

static void guest_state(void)
{
	u64 id = read_sysreg_s(SYS_ICC_IAFFIDR_EL1);

	local_irq_disable();
	for (u64 round = 0; round < ROUNDS; round++) {
		u64 seed = id * 7919 + round * 31 + 1;

		guest_state_write(seed);
		GUEST_SYNC(round);
		guest_state_check(seed);
		/* Long enough to be preempted in, now and then. */
		for (int i = 0; i < 200; i++)
			cpu_relax();
		guest_state_check(seed);
	}
	GUEST_DONE();
}

/* One thread, one CPU: the vCPUs take turns, run by run. */
static void take_turns(void)
{
	struct vgic5_vm v = vgic5_vm_create(4, guest_state, NULL);
	int done = 0;

	vgic5_pin(0);
	for (int i = 0; done < 4; i = (i + 1) % 4)
		done += vgic5_vcpu_run(v.vcpu[i]) == VGIC5_DONE;
	vgic5_vm_free(&v);
}

/* Two VMs, so that a vCPU of the other VM has the same number. */
static void two_vms(void)
{
	struct vgic5_vm a = vgic5_vm_create(1, guest_state, NULL);
	struct vgic5_vm b = vgic5_vm_create(2, guest_state, NULL);

	vgic5_pin(0);
	for (int i = 0; i < ROUNDS; i++) {
		vgic5_expect(a.vcpu[0], i);
		vgic5_expect(b.vcpu[0], i);
		vgic5_expect(b.vcpu[1], i);
	}
	vgic5_expect(b.vcpu[0], VGIC5_DONE);
	vgic5_expect(a.vcpu[0], VGIC5_DONE);
	vgic5_expect(b.vcpu[1], VGIC5_DONE);
	vgic5_vm_free(&a);
	vgic5_vm_free(&b);
}

/* A thread a vCPU, all on CPU 0: the scheduler switches them anywhere. */
static void *run_to_end(void *arg)
{
	vgic5_pin(0);
	while (vgic5_vcpu_run(arg) != VGIC5_DONE)
		;
	return NULL;
}

static void threads_share_a_cpu(void)
{
	struct vgic5_vm v = vgic5_vm_create(4, guest_state, NULL);
	pthread_t thread[4];

	/* Which vCPU runs first is lifecycle.c's business. */
	vgic5_expect(v.vcpu[0], 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, run_to_end, v.vcpu[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	vgic5_vm_free(&v);
}

/* Every run on the next CPU; a second vCPU dirties the one that it left. */
static void wander(void)
{
	struct vgic5_vm v = vgic5_vm_create(2, guest_state, NULL);
	int cpus = vgic5_nr_cpus();

	if (cpus < 2)
		vgic5_skip("one CPU");
	for (int i = 0; i < ROUNDS; i++) {
		vgic5_pin(i % cpus);
		vgic5_expect(v.vcpu[0], i);
		if (i % 3 == 0)
			vgic5_pin((i + 1) % cpus);
		vgic5_expect(v.vcpu[1], i);
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_expect(v.vcpu[1], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* Moved by another thread, at points the vCPU knows nothing of. */
static void moved(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_state, NULL);
	pthread_t mover;

	if (vgic5_nr_cpus() < 2)
		vgic5_skip("one CPU");
	mover = vgic5_move_about();
	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		;
	vgic5_stop(mover);
	vgic5_vm_free(&v);
}

/* ---- host CPU hotplug ---- */

static void cpu1_online(int on)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY);

	TEST_ASSERT(fd >= 0 && write(fd, on ? "1" : "0", 1) == 1,
		    "CPU 1 %s", on ? "online" : "offline");
	close(fd);
}

static void *hotplugger(void *arg)
{
	for (int i = 0; i < 10; i++) {
		cpu1_online(0);
		usleep(20000);
		cpu1_online(1);
		usleep(20000);
	}
	return NULL;
}

static void hotplug(void)
{
	struct vgic5_vm v = vgic5_vm_create(2, guest_state, NULL);
	pthread_t plug;

	if (vgic5_nr_cpus() < 2)
		vgic5_skip("one CPU");

	/* State left in CPU 1's registers is not there when it comes back. */
	for (int i = 0; i < 5; i++) {
		vgic5_pin(1);
		vgic5_expect(v.vcpu[0], i);
		vgic5_expect(v.vcpu[1], i);
		vgic5_pin(0);
		cpu1_online(0);
		cpu1_online(1);
	}

	pthread_create(&plug, NULL, hotplugger, NULL);
	for (int i = 5; i < ROUNDS; i++) {
		vgic5_pin(i & 1);	/* fails while CPU 1 is off, and that is fine */
		vgic5_expect(v.vcpu[0], i);
		vgic5_expect(v.vcpu[1], i);
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_expect(v.vcpu[1], VGIC5_DONE);
	pthread_join(plug, NULL);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "row 13: four vCPUs take turns on one CPU", take_turns },
	{ "row 13: two VMs take turns on one CPU", two_vms },
	{ "rows 13 14: four vCPU threads share one CPU", threads_share_a_cpu, 120 },
	{ "row 14: every run on another CPU", wander },
	{ "row 14: moved between CPUs by another thread", moved, 120 },
	{ "rows 14 28: host CPU hotplug", hotplug, 120 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
