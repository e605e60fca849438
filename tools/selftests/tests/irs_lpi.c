// SPDX-License-Identifier: GPL-2.0
/*
 * LPIs, which are a guest's IPIs, and interrupts that move from one vCPU to
 * another while they are pending. Interrupts are taken by polling: what a vCPU
 * does is what it is told.
 */
#include <pthread.h>
#include <stdlib.h>

#include "vgic5_irs_guest.h"

#define SPIS	32

enum { READY = 1, TAKEN };

static void *run_to_end(void *vcpu)
{
	vgic5_expect(vcpu, VGIC5_DONE);
	return NULL;
}

/* All vCPUs to their ends, each in its thread. */
static void run_all(struct vgic5_vm *v)
{
	pthread_t threads[ARRAY_SIZE(v->vcpu)];

	for (int i = 0; i < v->nr_vcpus; i++)
		pthread_create(&threads[i], NULL, run_to_end, v->vcpu[i]);
	for (int i = 0; i < v->nr_vcpus; i++)
		pthread_join(threads[i], NULL);
}

static void expect_nothing(void)
{
	GUEST_ASSERT_EQ(guest_ack(), 0);
}

/* What the vCPUs tell one another. */
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

/* ---- what an LPI is told is what it is ---- */

static u64 random_state(u64 *seed, u64 *ops)
{
	*seed = *seed * 6364136223846793005UL + 1442695040888963407UL;
	*ops = *seed >> 33;
	return (*ops & 1 ? ICC_ICSR_EL1_Enabled : 0) | (*ops & 2 ? ICC_ICSR_EL1_Pending : 0) |
	       (*ops & 4 ? ICC_ICSR_EL1_HM : 0) | ((*ops >> 3) & 0x1f) << 11 |
	       ((*ops >> 8) & 1) << 32;
}

static void guest_states(void)
{
	u32 nr = SPIS + BIT(guest_lpi_id_bits());
	u64 seed = 1, ops;

	guest_lpis_on();
	for (int round = 0; round < 2; round++) {
		u64 first = seed;

		for (u32 i = 0; i < nr; i++) {
			u64 intid = i < SPIS ? SPI_INTID(i) : LPI_INTID(i - SPIS);

			random_state(&seed, &ops);
			gic_insn(intid | FIELD_PREP(GICV5_GIC_CDHM_HM_MASK, (ops >> 2) & 1), CDHM);
			gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPRI_PRIORITY_MASK,
						    (ops >> 3) & 0x1f), CDPRI);
			gic_insn(intid | FIELD_PREP(GICV5_GIC_CDAFF_IAFFID_MASK, (ops >> 8) & 1),
				 CDAFF);
			gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPEND_PENDING_MASK, (ops >> 1) & 1),
				 CDPEND);
			if (ops & 1)
				gic_insn(intid, CDEN);
			else
				gic_insn(intid, CDDIS);
		}
		gsb_sys();
		seed = first;
		for (u32 i = 0; i < nr; i++) {
			u64 want = random_state(&seed, &ops);

			GUEST_ASSERT_EQ(guest_irq_state(i < SPIS ? SPI_INTID(i) :
							LPI_INTID(i - SPIS)), want);
		}
	}
	GUEST_DONE();
}

static void states(void)
{
	struct vgic5_vm v = vgic5_irs_vm(2, guest_states, NULL, SPIS);

	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- IPIs ---- */

static void guest_turns(void)
{
	u32 me = guest_iaffid();

	guest_poll_on();
	if (!me) {
		guest_irs_enable(true);
		guest_lpis_on();
		guest_irq_setup(LPI_INTID(0), 0, 16);
		guest_irq_setup(LPI_INTID(1), 1, 16);
	}
	for (int i = 0; i < 10; i++) {
		if (!me) {
			guest_irq_pend(LPI_INTID(1), true);
			GUEST_SYNC(READY);
			guest_take(LPI_INTID(0));
			expect_nothing();
		} else {
			guest_take(LPI_INTID(1));
			expect_nothing();
			guest_irq_pend(LPI_INTID(0), true);
			GUEST_SYNC(READY);
		}
	}
	GUEST_DONE();
}

/* Two vCPUs, one of which runs: the other one finds its IPI when it comes. */
static void turns(void)
{
	struct vgic5_vm v = vgic5_irs_vm(2, guest_turns, NULL, SPIS);

	for (int i = 0; i < 10; i++) {
		vgic5_expect(v.vcpu[0], READY);
		vgic5_expect(v.vcpu[1], READY);
	}
	for (int i = 0; i < 2; i++)
		vgic5_expect(v.vcpu[i], VGIC5_DONE);
	vgic5_vm_free(&v);
}

#define VCPUS		4
#define IPIS		2500	/* to each vCPU: 10,000 */

static u32 sent[VCPUS], came[VCPUS];

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack(), me = guest_iaffid();

	if (!intid)
		return;
	GUEST_ASSERT_EQ(intid, LPI_INTID(me));
	guest_eoi(intid);
	WRITE_ONCE(came[me], came[me] + 1);
}

/* Each vCPU sends to the next one, which has taken the last one by then. */
static void guest_ring(void)
{
	u32 me = guest_iaffid(), next = (me + 1) % VCPUS;

	guest_poll_on();
	if (!me) {
		guest_irs_enable(true);
		guest_lpis_on();
		for (u32 i = 0; i < VCPUS; i++)
			guest_irq_setup(LPI_INTID(i), i, 16);
	}
	GUEST_SYNC(READY);
	local_irq_enable();
	while (sent[me] < IPIS) {
		WRITE_ONCE(sent[me], sent[me] + 1);
		guest_irq_pend(LPI_INTID(next), true);
		while (READ_ONCE(came[next]) != sent[me]) {
			GUEST_ASSERT(READ_ONCE(came[next]) <= sent[me]);
			cpu_relax();
		}
	}
	/* Those that come to others are counted by them. */
	while (READ_ONCE(came[me]) != IPIS)
		cpu_relax();
	GUEST_DONE();
}

static void ring(void)
{
	struct vgic5_vm v = vgic5_irs_vm(VCPUS, guest_ring, guest_irq, SPIS);
	u32 *counts;

	for (int i = 0; i < VCPUS; i++)
		vgic5_expect(v.vcpu[i], READY);
	run_all(&v);
	counts = addr_gva2hva(v.vm, (gva_t)came);
	for (int i = 0; i < VCPUS; i++)
		TEST_ASSERT(counts[i] == IPIS, "vCPU %d: %u of %u IPIs", i, counts[i], IPIS);
	vgic5_vm_free(&v);
}

/* ---- without an exit ---- */

/*
 * An exclusive store fails if there was an exception since the exclusive load: the
 * ERET that ends one clears the monitor. So a guest sees that nothing took it away
 * in between, neither an exception of its own, which PSTATE.I prevents, nor an exit.
 */
static u64 marks[2][8];	/* by vCPU: one granule of a monitor each */

static void begin_watch(u32 me)
{
	u64 val;

	asm volatile("ldxr %0, [%1]" : "=&r"(val) : "r"(marks[me]) : "memory");
}

static bool undisturbed(u32 me)
{
	u32 failed;

	asm volatile("stxr %w0, xzr, [%1]" : "=&r"(failed) : "r"(marks[me]) : "memory");
	return !failed;
}

#define WITHOUT_EXIT	100

static u32 rounds, disturbed[2], answered, without;

static void guest_ping(void)
{
	u32 round;
	bool mine;

	guest_poll_on();
	guest_irs_enable(true);
	guest_lpis_on();
	guest_irq_setup(LPI_INTID(0), 0, 16);
	guest_irq_setup(LPI_INTID(1), 1, 16);

	/* It would be noticed: this register traps. */
	begin_watch(0);
	guest_iaffid();
	GUEST_ASSERT(!undisturbed(0));
	/* And nothing is noticed if there is nothing, if not each time. */
	do {
		begin_watch(0);
	} while (!undisturbed(0));

	set_phase(1);
	for (round = 1; without < WITHOUT_EXIT; round++) {
		WRITE_ONCE(rounds, round);
		/* The other one watches already. */
		while (READ_ONCE(answered) != 2 * round - 1)
			cpu_relax();
		begin_watch(0);
		guest_irq_pend(LPI_INTID(1), true);
		guest_take(LPI_INTID(0));
		mine = undisturbed(0);
		while (READ_ONCE(answered) != 2 * round)
			cpu_relax();
		/* What it has written before. */
		smp_rmb();
		if (mine && !READ_ONCE(disturbed[1]))
			WRITE_ONCE(without, without + 1);
	}
	WRITE_ONCE(rounds, ~0U);
	GUEST_PRINTF("%u of %u IPIs and answers without an exit\n", without, round - 1);
	GUEST_DONE();
}

static void guest_pong(void)
{
	guest_poll_on();
	wait_phase(1);
	for (u32 round = 1; ; round++) {
		u32 now;

		while ((now = READ_ONCE(rounds)) != round && now != ~0U)
			cpu_relax();
		if (now == ~0U)
			break;
		begin_watch(1);
		WRITE_ONCE(answered, 2 * round - 1);
		guest_take(LPI_INTID(1));
		guest_irq_pend(LPI_INTID(0), true);
		WRITE_ONCE(disturbed[1], !undisturbed(1));
		/* Before it is looked at. */
		smp_wmb();
		WRITE_ONCE(answered, 2 * round);
	}
	GUEST_DONE();
}

static void guest_ping_pong(void)
{
	if (guest_iaffid())
		guest_pong();
	else
		guest_ping();
}

static void no_exit(void)
{
	struct vgic5_vm v = vgic5_irs_vm(2, guest_ping_pong, NULL, SPIS);

	if (vgic5_nr_cpus() < 2)
		vgic5_skip("one CPU cannot run two vCPUs at a time");
	run_all(&v);
	vgic5_vm_free(&v);
}

/* ---- from one vCPU to another ---- */

static u64 moved;	/* the interrupt */

/* vCPU 0 prepares, and makes it pending by CDPEND, at a low priority. */
static void prepare(u16 target)
{
	guest_irs_enable(true);
	guest_lpis_on();
	guest_irq_setup(moved, target, 20);
}

static void each_interrupt(int nr_vcpus, guest_fn code, void (*run)(struct vgic5_vm *v))
{
	for (int i = 0; i < 2; i++) {
		struct vgic5_vm v = vgic5_irs_vm(nr_vcpus, code, NULL, SPIS);

		moved = i ? LPI_INTID(7) : SPI_INTID(7);
		sync_global_to_guest(v.vm, moved);
		run(&v);
		vgic5_vm_free(&v);
	}
}

static void guest_to_absent(void)
{
	guest_poll_on();
	if (!guest_iaffid()) {
		prepare(0);
		/* Here, and held back. */
		guest_set_mask(10);
		guest_irq_pend(moved, true);
		expect_nothing();
		guest_irq_target(moved, 1);
		guest_set_mask(PRIORITY_LOWEST);
		expect_nothing();
		GUEST_SYNC(READY);
		expect_nothing();
	} else {
		guest_take(moved);
		expect_nothing();
	}
	GUEST_DONE();
}

static void run_to_absent(struct vgic5_vm *v)
{
	vgic5_expect(v->vcpu[0], READY);
	vgic5_expect(v->vcpu[1], VGIC5_DONE);
	vgic5_expect(v->vcpu[0], VGIC5_DONE);
}

static void to_absent(void)
{
	each_interrupt(2, guest_to_absent, run_to_absent);
}

static void guest_from_absent(void)
{
	guest_poll_on();
	if (!guest_iaffid()) {
		prepare(1);
		guest_irq_pend(moved, true);
		expect_nothing();
		GUEST_SYNC(READY);
		expect_nothing();
		guest_irq_target(moved, 0);
		guest_take(moved);
		GUEST_SYNC(TAKEN);
	} else {
		/* Held back here, once it has run. */
		guest_set_mask(10);
		expect_nothing();
		GUEST_SYNC(READY);
		guest_set_mask(PRIORITY_LOWEST);
		expect_nothing();
	}
	GUEST_DONE();
}

static void run_from_absent(struct vgic5_vm *v)
{
	vgic5_expect(v->vcpu[0], READY);
	vgic5_expect(v->vcpu[1], READY);
	vgic5_expect(v->vcpu[0], TAKEN);
	vgic5_expect(v->vcpu[1], VGIC5_DONE);
	vgic5_expect(v->vcpu[0], VGIC5_DONE);
}

static void from_absent(void)
{
	each_interrupt(2, guest_from_absent, run_from_absent);
}

#define MOVES	200

/* Both run. It goes to and fro while it is pending, and the one that has it takes it. */
static void guest_both_run(void)
{
	u32 me = guest_iaffid();

	guest_poll_on();
	if (!me) {
		prepare(0);
		set_phase(1);
	}
	for (u32 n = 0; n < 3 * MOVES; n += 3) {
		wait_phase(n + 1);
		if (!me) {
			guest_set_mask(10);
			guest_irq_pend(moved, true);
			expect_nothing();
			guest_irq_target(moved, 1);
			guest_set_mask(PRIORITY_LOWEST);
			expect_nothing();
			wait_phase(n + 2);
			/* Pended there, and moved here while that one holds it back. */
			guest_irq_target(moved, 0);
			guest_take(moved);
			set_phase(n + 3);
			wait_phase(n + 4);
		} else {
			guest_take(moved);
			guest_set_mask(10);
			guest_irq_pend(moved, true);
			expect_nothing();
			set_phase(n + 2);
			wait_phase(n + 3);
			guest_set_mask(PRIORITY_LOWEST);
			expect_nothing();
			set_phase(n + 4);
		}
	}
	GUEST_DONE();
}

static void both_run(void)
{
	each_interrupt(2, guest_both_run, run_all);
}

static const struct vgic5_test tests[] = {
	{ "an interrupt is as a guest has set it", states },
	{ "an IPI waits for a vCPU that does not run", turns },
	{ "10000 IPIs, none lost and none twice", ring, 300 },
	{ "an IPI between running vCPUs causes no exit", no_exit },
	{ "a pending interrupt moves to a vCPU that does not run", to_absent },
	{ "a pending interrupt moves from a vCPU that does not run", from_absent },
	{ "a pending interrupt moves between running vCPUs", both_run },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
