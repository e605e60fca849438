// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that waits in WFI wakes for an SPI or an LPI: the host's IRS rings its
 * doorbell. What can wake it is what the vCPU could take. PSTATE.I is set
 * throughout, and interrupts are taken by polling.
 *
 * A second task shares the CPU of the vCPU that sleeps, so that KVM traps its WFI
 * and blocks it.
 */
#include <pthread.h>

#include "vgic5_irs_guest.h"

#define SPIS	32
#define OTHER	5	/* an SPI that can always be taken */

enum { ASLEEP = 1 };

/* How the sleeper is set. */
static struct setup {
	u64 intid;
	u8 priority, mask;
	bool enabled, irs_on;
	u16 target;
} setup;

static void prepare(void)
{
	guest_lpis_on();
	guest_irq_setup(setup.intid, setup.target, setup.priority);
	guest_irq_enable(setup.intid, setup.enabled);
	guest_irq_setup(SPI_INTID(OTHER), 0, 0);
	guest_irs_enable(setup.irs_on);
	guest_set_mask(setup.mask);
}

/* Until there is something to take: what it is. */
static void guest_sleeper(void)
{
	u32 intid;

	guest_poll_on();
	prepare();
	for (;;) {
		GUEST_SYNC(ASLEEP);
		while (!(intid = guest_ack()))
			wfi();
		guest_eoi(intid);
		GUEST_SYNC((u64)intid);
	}
}

struct sleeper {
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	pid_t tid;
	u64 said;
};

static void *run_sleeper(void *arg)
{
	struct sleeper *s = arg;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_SEQ_CST);
	s->said = vgic5_vcpu_run(s->vcpu);
	return NULL;
}

static void start(struct sleeper *s, struct kvm_vcpu *vcpu)
{
	s->vcpu = vcpu;
	s->tid = 0;
	pthread_create(&s->thread, NULL, run_sleeper, s);
}

static void wait_blocked(struct sleeper *s)
{
	pid_t tid;

	for (;;) {
		tid = __atomic_load_n(&s->tid, __ATOMIC_SEQ_CST);
		if (tid && vgic5_is_blocked(s->vcpu, tid))
			return;
		TEST_ASSERT(!vgic5_out_of_time(), "it does not sleep");
		usleep(1000);
	}
}

static void expect_woken_by(struct sleeper *s, u64 intid)
{
	while (pthread_tryjoin_np(s->thread, NULL)) {
		TEST_ASSERT(!vgic5_out_of_time(), "it was not woken");
		usleep(1000);
	}
	TEST_ASSERT(s->said == intid, "woken by 0x%lx, not 0x%lx", (unsigned long)s->said,
		    (unsigned long)intid);
}

static struct vgic5_vm new_vm(int nr_vcpus, guest_fn code, struct setup s)
{
	struct vgic5_vm v = vgic5_irs_vm(nr_vcpus, code, NULL, SPIS);

	setup = s;
	sync_global_to_guest(v.vm, setup);
	vgic5_expect(v.vcpu[0], ASLEEP);
	return v;
}

static const struct setup open_setup = {
	.intid = SPI_INTID(2), .priority = 16, .mask = PRIORITY_LOWEST, .enabled = true,
	.irs_on = true,
};

/* ---- it wakes ---- */

/* Before it sleeps, and while it does, again and again. */
static void wakes(struct setup how)
{
	struct vgic5_vm v = new_vm(1, guest_sleeper, how);
	pthread_t other = vgic5_share_cpu();
	struct sleeper s;

	for (int n = 0; n < 20; n++) {
		if (n & 1)
			vgic5_set_spi(v.vm, 2, 1);
		start(&s, v.vcpu[0]);
		if (!(n & 1)) {
			wait_blocked(&s);
			vgic5_set_spi(v.vm, 2, 1);
		}
		expect_woken_by(&s, how.intid);
		vgic5_expect(v.vcpu[0], ASLEEP);
	}
	vgic5_stop(other);
	vgic5_vm_free(&v);
}

static void spi(void)
{
	wakes(open_setup);
}

/* The doorbell's mask has no value for "none": 0 is a priority. */
static void highest(void)
{
	struct setup how = open_setup;

	how.priority = 0;
	how.mask = 0;
	wakes(how);
}

static void at_the_mask(void)
{
	struct setup how = open_setup;

	how.priority = 9;
	how.mask = 9;
	wakes(how);
}

/* ---- it sleeps on ---- */

/*
 * What it must not wake for comes first, to it; then what wakes a second sleeper.
 * When that is awake, the doorbell of the first would have rung before. At last it
 * wakes for something else, and its KVM has counted each WFI.
 */
static void sleeps_on(struct setup how)
{
	struct vgic5_vm v = new_vm(2, guest_sleeper, how), w = new_vm(1, guest_sleeper, open_setup);
	pthread_t other = vgic5_share_cpu();
	struct sleeper s, t;
	u64 wfis;

	start(&s, v.vcpu[0]);
	wait_blocked(&s);
	wfis = vcpu_get_stat(v.vcpu[0], wfi_exit_stat);
	start(&t, w.vcpu[0]);
	wait_blocked(&t);

	vgic5_set_spi(v.vm, 2, 1);
	vgic5_set_spi(w.vm, 2, 1);
	expect_woken_by(&t, SPI_INTID(2));
	wait_blocked(&s);
	TEST_ASSERT(vcpu_get_stat(v.vcpu[0], wfi_exit_stat) == wfis, "it has woken for nothing");
	vgic5_set_spi(v.vm, OTHER, 1);
	expect_woken_by(&s, SPI_INTID(OTHER));
	vgic5_stop(other);
	vgic5_vm_free(&w);
	vgic5_vm_free(&v);
}

static void below_the_mask(void)
{
	struct setup how = open_setup;

	how.mask = 15;
	sleeps_on(how);
}

static void disabled(void)
{
	struct setup how = open_setup;

	how.enabled = false;
	sleeps_on(how);
}

static void for_another(void)
{
	struct setup how = open_setup;

	how.target = 1;
	sleeps_on(how);
}

/* ---- another vCPU wakes it ---- */

enum wake { PEND_SPI, PEND_LPI, ENABLE, TARGET, PRIORITY, IRSEN };

static enum wake wake;

static void guest_waker(void)
{
	u64 intid = setup.intid;

	switch (wake) {
	case PEND_SPI:
	case PEND_LPI:
		guest_irq_pend(intid, true);
		break;
	case ENABLE:
		guest_irq_enable(intid, true);
		break;
	case TARGET:
		guest_irq_target(intid, 0);
		break;
	case PRIORITY:
		guest_irq_priority(intid, 3);
		break;
	case IRSEN:
		guest_irs_enable(true);
		break;
	}
	GUEST_DONE();
}

static void guest_either(void)
{
	if (guest_iaffid())
		guest_waker();
	else
		guest_sleeper();
}

static void woken_by_vcpu(enum wake what)
{
	struct setup how = open_setup;
	struct vgic5_vm v;
	struct sleeper s;
	pthread_t other;

	switch (what) {
	case PEND_LPI:
		how.intid = LPI_INTID(3);
		break;
	case ENABLE:
		how.enabled = false;
		break;
	case TARGET:
		how.target = 1;
		break;
	case PRIORITY:
		how.mask = 15;
		break;
	case IRSEN:
		how.irs_on = false;
		break;
	default:
		break;
	}
	v = new_vm(2, guest_either, how);
	wake = what;
	sync_global_to_guest(v.vm, wake);
	other = vgic5_share_cpu();
	/* It is pending before the change that lets it through. */
	if (what != PEND_SPI && what != PEND_LPI)
		vgic5_set_spi(v.vm, 2, 1);
	start(&s, v.vcpu[0]);
	wait_blocked(&s);
	vgic5_expect(v.vcpu[1], VGIC5_DONE);
	expect_woken_by(&s, how.intid);
	vgic5_stop(other);
	vgic5_vm_free(&v);
}

#define BY_VCPU(name, what)		\
	static void name(void)		\
	{				\
		woken_by_vcpu(what);	\
	}

BY_VCPU(pend_spi, PEND_SPI)
BY_VCPU(pend_lpi, PEND_LPI)
BY_VCPU(enable, ENABLE)
BY_VCPU(target, TARGET)
BY_VCPU(priority, PRIORITY)
BY_VCPU(irsen, IRSEN)

static const struct vgic5_test tests[] = {
	{ "WFI: an SPI wakes a vCPU", spi },
	{ "WFI: priority 0 wakes a vCPU that lets nothing else through", highest },
	{ "WFI: an SPI at the mask wakes a vCPU", at_the_mask },
	{ "WFI: asleep for an SPI below the mask", below_the_mask },
	{ "WFI: asleep for an SPI that is disabled", disabled },
	{ "WFI: asleep for an SPI of another vCPU", for_another },
	{ "WFI: woken by an SPI that another vCPU pends", pend_spi },
	{ "WFI: woken by an IPI", pend_lpi },
	{ "WFI: woken as another vCPU enables the interrupt", enable },
	{ "WFI: woken as another vCPU moves the interrupt to it", target },
	{ "WFI: woken as another vCPU raises the priority", priority },
	{ "WFI: woken as another vCPU enables the IRS", irsen },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
