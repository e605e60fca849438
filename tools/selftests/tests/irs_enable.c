// SPDX-License-Identifier: GPL-2.0
/*
 * IRS_CR0.IRSEN: without it SPIs and LPIs are held back, pending as they are, and
 * PPIs come. Interrupts are taken by polling unless a test says otherwise.
 */
#include <pthread.h>
#include <sched.h>

#include "vgic5_irs_guest.h"

#define SPIS	32

enum { READY = 1 };

static void expect_nothing(void)
{
	GUEST_ASSERT_EQ(guest_ack(), 0);
}

static void *run_to_end(void *vcpu)
{
	vgic5_expect(vcpu, VGIC5_DONE);
	return NULL;
}

/* ---- its own ---- */

static void guest_own(void)
{
	guest_poll_on();
	guest_enable(BIT_ULL(PPI_SW));
	guest_lpis_on();
	guest_irq_setup(SPI_INTID(0), 0, 4);
	guest_irq_setup(LPI_INTID(0), 0, 5);
	for (int i = 0; i < 10; i++) {
		/* The SPI comes from the host, once while the IRS is off and once while it is on. */
		guest_irs_enable(i & 1);
		GUEST_SYNC(READY);
		guest_irs_enable(false);
		guest_irq_pend(LPI_INTID(0), true);
		expect_nothing();
		guest_pend_sw();
		guest_take(PPI_INTID(PPI_SW));
		expect_nothing();
		GUEST_ASSERT(guest_irq_state(SPI_INTID(0)) & ICC_ICSR_EL1_Pending);
		GUEST_ASSERT(guest_irq_state(LPI_INTID(0)) & ICC_ICSR_EL1_Pending);
		guest_irs_enable(true);
		guest_take(SPI_INTID(0));
		guest_take(LPI_INTID(0));
		expect_nothing();
	}
	GUEST_DONE();
}

static void own(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_own, NULL, SPIS);

	for (int i = 0; i < 10; i++) {
		vgic5_expect(v.vcpu[0], READY);
		vgic5_set_spi(v.vm, 0, 1);
	}
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- another vCPU's that runs ---- */

#define ROUNDS	200

static u32 phase;

static void wait_phase(u32 which)
{
	while (READ_ONCE(phase) < which)
		cpu_relax();
}

static void set_phase(u32 which)
{
	WRITE_ONCE(phase, which);
}

static void guest_other(void)
{
	u32 me = guest_iaffid();

	guest_poll_on();
	if (!me) {
		guest_lpis_on();
		guest_irq_setup(LPI_INTID(1), 1, 16);
		set_phase(1);
	}
	for (u32 n = 0; n < 3 * ROUNDS; n += 3) {
		wait_phase(n + 1);
		if (!me) {
			/* Off at once, on a vCPU that does not leave the guest by itself. */
			guest_irs_enable(false);
			guest_irq_pend(LPI_INTID(1), true);
			set_phase(n + 2);
			wait_phase(n + 3);
			guest_irs_enable(true);
			wait_phase(n + 4);
		} else {
			while (READ_ONCE(phase) < n + 2)
				expect_nothing();
			for (int i = 0; i < 10; i++)
				expect_nothing();
			set_phase(n + 3);
			guest_take(LPI_INTID(1));
			set_phase(n + 4);
		}
	}
	GUEST_DONE();
}

static void other(void)
{
	struct vgic5_vm v = vgic5_irs_vm(2, guest_other, NULL, SPIS);
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run_to_end, v.vcpu[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	vgic5_vm_free(&v);
}

/* ---- to and fro, while interrupts come ---- */

#define RAISED	500

static u32 taken, stop;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	if (!intid)
		return;
	GUEST_ASSERT_EQ(intid, SPI_INTID(0));
	guest_eoi(intid);
	WRITE_ONCE(taken, taken + 1);
}

/* vCPU 0 takes them, and sleeps in between; vCPU 1 turns the IRS off and on. */
static void guest_to_and_fro(void)
{
	guest_poll_on();
	if (!guest_iaffid()) {
		guest_irq_setup(SPI_INTID(0), 0, 16);
		GUEST_SYNC(READY);
		while (!READ_ONCE(stop)) {
			wfi();
			local_irq_enable();
			isb();
			local_irq_disable();
		}
	} else {
		GUEST_SYNC(READY);
		for (bool on = true; !READ_ONCE(stop); on = !on)
			guest_irs_enable(on);
		guest_irs_enable(true);
	}
	GUEST_DONE();
}

static void to_and_fro(void)
{
	struct vgic5_vm v = vgic5_irs_vm(2, guest_to_and_fro, guest_irq, SPIS);
	u32 *count = addr_gva2hva(v.vm, (gva_t)&taken);
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		vgic5_expect(v.vcpu[i], READY);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run_to_end, v.vcpu[i]);
	for (u32 n = 1; n <= RAISED; n++) {
		u32 now;

		vgic5_set_spi(v.vm, 0, 1);
		while ((now = READ_ONCE(*count)) != n) {
			TEST_ASSERT(!vgic5_out_of_time() && now < n, "taken %u times, not %u",
				    now, n);
			sched_yield();
		}
	}
	WRITE_ONCE(*(u32 *)addr_gva2hva(v.vm, (gva_t)&stop), 1);
	pthread_join(threads[1], NULL);
	/* A last one, should it sleep. */
	vgic5_set_spi(v.vm, 0, 1);
	pthread_join(threads[0], NULL);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "a vCPU turns its IRS off and on", own },
	{ "a vCPU turns the IRS off and on for one that runs", other },
	{ "SPIs while the IRS is turned off and on, none lost", to_and_fro, 240 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
