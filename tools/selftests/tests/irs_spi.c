// SPDX-License-Identifier: GPL-2.0
/*
 * SPIs, from the call of userspace or the eventfd to the guest's handler.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "vgic5_irs_guest.h"

#define SPIS	64

enum { READY = 1, NOTHING };

static void expect_nothing(void)
{
	GUEST_ASSERT_EQ(guest_ack(), 0);
}

/* ---- edge and level ---- */

static void guest_edge(void)
{
	guest_poll_on();
	guest_irs_enable(true);
	for (u32 spi = 0; spi < SPIS; spi++)
		guest_irq_setup(SPI_INTID(spi), 0, 16);
	for (u32 spi = 0; spi < SPIS; spi++) {
		/* Raised; raised twice; raised and lowered: an edge has come. */
		for (int how = 0; how < 3; how++) {
			GUEST_SYNC(READY);
			GUEST_ASSERT_EQ(guest_irq_state(SPI_INTID(spi)),
					16UL << 11 | ICC_ICSR_EL1_Pending | ICC_ICSR_EL1_Enabled);
			guest_take(SPI_INTID(spi));
			expect_nothing();
		}
		/* Lowered. */
		GUEST_SYNC(NOTHING);
		expect_nothing();
	}
	GUEST_DONE();
}

static void edge(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_edge, NULL, SPIS);

	for (u32 spi = 0; spi < SPIS; spi++) {
		vgic5_expect(v.vcpu[0], READY);
		vgic5_set_spi(v.vm, spi, 1);
		vgic5_expect(v.vcpu[0], READY);
		vgic5_set_spi(v.vm, spi, 1);
		vgic5_set_spi(v.vm, spi, 1);
		vgic5_expect(v.vcpu[0], READY);
		vgic5_set_spi(v.vm, spi, 1);
		vgic5_set_spi(v.vm, spi, 0);
		vgic5_expect(v.vcpu[0], NOTHING);
		vgic5_set_spi(v.vm, spi, 0);
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

static void guest_level(void)
{
	guest_poll_on();
	guest_irs_enable(true);
	for (u32 spi = 0; spi < SPIS; spi++) {
		guest_set_level(spi, true);
		guest_irq_setup(SPI_INTID(spi), 0, 16);
	}
	for (u32 spi = 0; spi < SPIS; spi++) {
		/* As often as it is handled, while the line is high. */
		GUEST_SYNC(READY);
		for (int i = 0; i < 3; i++)
			guest_take(SPI_INTID(spi));
		GUEST_ASSERT_EQ(guest_ack(), SPI_INTID(spi));
		GUEST_SYNC(NOTHING);
		/* It fell while the guest was at it. */
		guest_eoi(SPI_INTID(spi));
		expect_nothing();
		/* It rose and fell before the guest has looked. */
		GUEST_SYNC(NOTHING);
		expect_nothing();
	}
	GUEST_DONE();
}

static void level(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_level, NULL, SPIS);

	for (u32 spi = 0; spi < SPIS; spi++) {
		vgic5_expect(v.vcpu[0], READY);
		vgic5_set_spi(v.vm, spi, 1);
		vgic5_set_spi(v.vm, spi, 1);
		vgic5_expect(v.vcpu[0], NOTHING);
		vgic5_set_spi(v.vm, spi, 0);
		vgic5_expect(v.vcpu[0], NOTHING);
		vgic5_set_spi(v.vm, spi, 1);
		vgic5_set_spi(v.vm, spi, 0);
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* A level SPI whose handling mode the guest has left as it was: edge. */
static void guest_level_without_hm(void)
{
	guest_poll_on();
	guest_irs_enable(true);
	irs_write(IRS_SPI_SELR, 2);
	irs_write(IRS_SPI_CFGR, 1);
	guest_irq_setup(SPI_INTID(2), 0, 16);
	for (int i = 0; i < 5; i++) {
		GUEST_SYNC(READY);
		guest_take(SPI_INTID(2));
		expect_nothing();
		/* It is still high: nothing has changed. */
		GUEST_SYNC(NOTHING);
		expect_nothing();
	}
	GUEST_DONE();
}

static void level_without_hm(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_level_without_hm, NULL, SPIS);

	for (int i = 0; i < 5; i++) {
		vgic5_expect(v.vcpu[0], READY);
		vgic5_set_spi(v.vm, 2, 0);
		vgic5_set_spi(v.vm, 2, 1);
		vgic5_expect(v.vcpu[0], NOTHING);
		vgic5_set_spi(v.vm, 2, 1);
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- what holds an SPI back ---- */

static void guest_held_back(void)
{
	u64 intid = SPI_INTID(1);

	guest_poll_on();
	guest_irs_enable(true);
	guest_irq_priority(intid, 10);
	GUEST_SYNC(READY);
	GUEST_ASSERT(guest_irq_state(intid) & ICC_ICSR_EL1_Pending);
	expect_nothing();		/* not enabled */
	guest_set_mask(9);
	guest_irq_enable(intid, true);
	expect_nothing();		/* below the mask */
	guest_set_mask(10);
	guest_irq_enable(intid, false);
	expect_nothing();
	guest_irq_enable(intid, true);
	GUEST_ASSERT_EQ(guest_ack(), intid);
	GUEST_SYNC(READY);
	/* Pending again, and active. */
	expect_nothing();
	guest_drop_priority();
	expect_nothing();
	guest_deactivate(intid);
	guest_take(intid);

	/* The higher priority first. */
	for (u32 spi = 0; spi < 8; spi++)
		guest_irq_setup(SPI_INTID(spi), 0, 8 - spi);
	guest_set_mask(PRIORITY_LOWEST);
	GUEST_SYNC(READY);
	for (u32 spi = 7; spi < 8; spi--)
		guest_take(SPI_INTID(spi));
	expect_nothing();
	GUEST_DONE();
}

static void held_back(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_held_back, NULL, SPIS);

	for (int i = 0; i < 2; i++) {
		vgic5_expect(v.vcpu[0], READY);
		vgic5_set_spi(v.vm, 1, 1);
	}
	vgic5_expect(v.vcpu[0], READY);
	for (u32 spi = 0; spi < 8; spi++)
		vgic5_set_spi(v.vm, spi, 1);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- eventfds ---- */

static u32 taken[SPIS];
static u32 stop;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack(), spi = intid & 0xffffff;

	if (!intid)
		return;
	GUEST_ASSERT_EQ(intid, SPI_INTID(spi));
	guest_eoi(intid);
	WRITE_ONCE(taken[spi], taken[spi] + 1);
}

static void guest_spins(void)
{
	guest_poll_on();
	guest_irs_enable(true);
	for (u32 spi = 0; spi < SPIS; spi++)
		guest_irq_setup(SPI_INTID(spi), 0, 16);
	GUEST_SYNC(READY);
	local_irq_enable();
	while (!READ_ONCE(stop))
		cpu_relax();
	GUEST_DONE();
}

static void *run_to_end(void *vcpu)
{
	vgic5_expect(vcpu, VGIC5_DONE);
	return NULL;
}

static u32 *in_guest(struct vgic5_vm *v, u32 *what)
{
	return addr_gva2hva(v->vm, (gva_t)what);
}

static void wait_for(u32 *count, u32 want)
{
	u32 now;

	while ((now = READ_ONCE(*count)) != want) {
		TEST_ASSERT(!vgic5_out_of_time() && now < want, "taken %u times, not %u", now, want);
		sched_yield();
	}
}

static void eventfds(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_spins, guest_irq, SPIS);
	u32 *counts = in_guest(&v, taken);
	int fds[SPIS];
	pthread_t thread;

	vgic5_expect(v.vcpu[0], READY);
	for (u32 spi = 0; spi < SPIS; spi++) {
		fds[spi] = kvm_new_eventfd();
		kvm_assign_irqfd(v.vm, spi, fds[spi]);
		/* One before it runs. */
		TEST_ASSERT(!eventfd_write(fds[spi], 1), "eventfd: errno %d", errno);
	}
	pthread_create(&thread, NULL, run_to_end, v.vcpu[0]);
	for (u32 spi = 0; spi < SPIS; spi++)
		wait_for(&counts[spi], 1);
	for (u32 n = 2; n < 6; n++) {
		for (u32 spi = 0; spi < SPIS; spi++) {
			TEST_ASSERT(!eventfd_write(fds[spi], 1), "eventfd: errno %d", errno);
			wait_for(&counts[spi], n);
		}
	}
	WRITE_ONCE(*in_guest(&v, &stop), 1);
	pthread_join(thread, NULL);
	for (u32 spi = 0; spi < SPIS; spi++) {
		kvm_deassign_irqfd(v.vm, spi, fds[spi]);
		close(fds[spi]);
	}
	vgic5_vm_free(&v);
}

/* ---- a vCPU that runs ---- */

#define WITHOUT_EXIT	100

/*
 * Exits for reasons of the host's come at any time, such as its tick. So count
 * SPIs that arrived while there was none. Had each SPI its exit, there were none
 * such.
 */
static void no_exit(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_spins, guest_irq, SPIS);
	u32 *count = in_guest(&v, &taken[3]), without = 0, n = 0;
	pthread_t thread;

	if (vgic5_nr_cpus() < 2)
		vgic5_skip("one CPU cannot run a vCPU and its device");
	vgic5_expect(v.vcpu[0], READY);
	pthread_create(&thread, NULL, run_to_end, v.vcpu[0]);
	while (without < WITHOUT_EXIT) {
		u64 exits = vcpu_get_stat(v.vcpu[0], exits);

		vgic5_set_spi(v.vm, 3, 1);
		wait_for(count, ++n);
		without += vcpu_get_stat(v.vcpu[0], exits) == exits;
		TEST_ASSERT(!vgic5_out_of_time(), "%u of %u SPIs without an exit", without, n);
	}
	pr_info("# %u of %u SPIs without an exit\n", without, n);
	WRITE_ONCE(*in_guest(&v, &stop), 1);
	pthread_join(thread, NULL);
	vgic5_vm_free(&v);
}

/* ---- many ---- */

#define VCPUS		4
#define THREADS		4
#define OWN		(SPIS / THREADS)	/* SPIs of one thread */
#define EACH		2500			/* from each: 10,000 */

static void guest_sleeps(void)
{
	u32 me = guest_iaffid();

	guest_poll_on();
	guest_irs_enable(true);
	for (u32 spi = 0; spi < SPIS; spi++)
		if (spi % VCPUS == me)
			guest_irq_setup(SPI_INTID(spi), me, 8 + spi % 8);
	GUEST_SYNC(READY);
	while (!READ_ONCE(stop)) {
		wfi();
		local_irq_enable();
		isb();
		local_irq_disable();
	}
	GUEST_DONE();
}

struct device {
	struct vgic5_vm *v;
	u32 number;
};

static void *raise_many(void *arg)
{
	struct device *d = arg;
	u32 *counts = in_guest(d->v, taken), want[SPIS] = { 0 };

	for (u32 n = 0; n < EACH; n++) {
		u32 spi = d->number * OWN + n % OWN;

		vgic5_set_spi(d->v->vm, spi, 1);
		wait_for(&counts[spi], ++want[spi]);
	}
	return NULL;
}

static void many(void)
{
	struct vgic5_vm v = vgic5_irs_vm(VCPUS, guest_sleeps, guest_irq, SPIS);
	pthread_t vcpus[VCPUS], threads[THREADS];
	struct device devices[THREADS];
	u64 sum = 0;

	for (int i = 0; i < VCPUS; i++)
		vgic5_expect(v.vcpu[i], READY);
	for (int i = 0; i < VCPUS; i++)
		pthread_create(&vcpus[i], NULL, run_to_end, v.vcpu[i]);
	for (int i = 0; i < THREADS; i++) {
		devices[i] = (struct device){ &v, i };
		pthread_create(&threads[i], NULL, raise_many, &devices[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	WRITE_ONCE(*in_guest(&v, &stop), 1);
	/* A last one for those that sleep. */
	for (int i = 0; i < VCPUS; i++)
		vgic5_set_spi(v.vm, i, 1);
	for (int i = 0; i < VCPUS; i++)
		pthread_join(vcpus[i], NULL);
	for (int i = 0; i < SPIS; i++)
		sum += in_guest(&v, taken)[i];
	TEST_ASSERT(sum >= THREADS * EACH && sum <= THREADS * EACH + VCPUS, "%lu taken",
		    (unsigned long)sum);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "an edge SPI is taken once", edge },
	{ "a level SPI is taken while its line is high", level },
	{ "a level SPI that is handled as an edge", level_without_hm },
	{ "an SPI waits for its enable, the mask and its deactivation", held_back },
	{ "an eventfd raises its SPI", eventfds },
	{ "an SPI reaches a running vCPU without an exit", no_exit },
	{ "10000 SPIs, none lost and none twice", many, 400 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
