// SPDX-License-Identifier: GPL-2.0
/*
 * Edge and level: an edge during the handler is taken again, a level that
 * stays high is taken again, one that drops in time is not; and edges from
 * many threads are never lost.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "arch_timer.h"
#include "vgic5_guest.h"

#define SW	BIT_ULL(PPI_SW)

enum { READY = 1, IN_HANDLER, CHECK };

static u32 taken;

/* ---- an edge while its handler runs ---- */

static void talking_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	GUEST_ASSERT_EQ(intid, PPI_INTID(PPI_SW));
	WRITE_ONCE(taken, taken + 1);
	GUEST_SYNC(IN_HANDLER);
	guest_drop_priority();
	guest_deactivate(intid);
}

static void guest_talking(void)
{
	guest_gic_on(SW);
	GUEST_SYNC(READY);
	for (;;) {
		isb();
		GUEST_SYNC(CHECK);
	}
}

static void edge_in_handler(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_talking, talking_irq);

	vgic5_expect(v.vcpu[0], READY);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	vgic5_expect(v.vcpu[0], IN_HANDLER);
	/* Two edges while it is active are one interrupt. */
	vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	vgic5_expect(v.vcpu[0], IN_HANDLER);
	vgic5_expect(v.vcpu[0], CHECK);
	sync_global_from_guest(v.vm, taken);
	TEST_ASSERT(taken == 2, "taken %u times", taken);
	/* And no more than that. */
	vgic5_expect(v.vcpu[0], CHECK);
	vgic5_vm_free(&v);
}

static void edge_before_enable(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_talking, talking_irq);

	/* Before the guest has run at all. */
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	vgic5_expect(v.vcpu[0], IN_HANDLER);
	vgic5_expect(v.vcpu[0], READY);
	vgic5_vm_free(&v);
}

/* ---- level, by the virtual timer's output ---- */

static void level_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	GUEST_ASSERT_EQ(intid, PPI_INTID(PPI_CNTV));
	WRITE_ONCE(taken, taken + 1);
	/* High for the first three times; the line drops in the fourth. */
	if (taken == 4)
		timer_set_ctl(VIRTUAL, CTL_IMASK);
	if (taken == 2)
		GUEST_SYNC(IN_HANDLER);
	guest_drop_priority();
	guest_deactivate(intid);
}

static void guest_level(void)
{
	timer_set_ctl(VIRTUAL, CTL_IMASK);
	guest_gic_on(BIT_ULL(PPI_CNTV));
	timer_set_cval(VIRTUAL, 0);
	timer_set_ctl(VIRTUAL, CTL_ENABLE);
	while (READ_ONCE(taken) < 4)
		isb();
	GUEST_SYNC(CHECK);
	GUEST_ASSERT_EQ(taken, 4);

	/* Dropped before it could be acknowledged: not taken. */
	local_irq_disable();
	timer_set_ctl(VIRTUAL, CTL_ENABLE);
	GUEST_SYNC(CHECK);
	GUEST_ASSERT(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & BIT_ULL(PPI_CNTV));
	timer_set_ctl(VIRTUAL, CTL_IMASK);
	GUEST_SYNC(CHECK);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & BIT_ULL(PPI_CNTV), 0);
	local_irq_enable();
	isb();
	GUEST_ASSERT_EQ(taken, 4);
	GUEST_DONE();
}

static void level_held(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_level, level_irq);

	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		;
	vgic5_vm_free(&v);
}

/* ---- rounds of edges from many threads ---- */

#define THREADS		4
#define ROUNDS		500

/*
 * A round ends when every thread has injected once and the guest has seen at
 * least one interrupt after the last of them: then no edge was lost.
 */
static u32 round_taken;		/* guest: interrupts so far */
static u32 stop;

static void count_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	if (!intid)
		return;
	guest_drop_priority();
	guest_deactivate(intid);
	WRITE_ONCE(round_taken, round_taken + 1);
}

static void guest_count(void)
{
	guest_gic_on(SW);
	GUEST_SYNC(READY);
	while (!READ_ONCE(stop))
		isb();
	GUEST_DONE();
}

static struct kvm_vm *many_vm;
static pthread_barrier_t barrier;

static void *injector(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		vgic5_set_ppi(many_vm, 0, PPI_SW, 1);
		vgic5_set_ppi(many_vm, 0, PPI_SW, 0);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void *runner(void *arg)
{
	u64 said;

	do {
		said = vgic5_vcpu_run(arg);
	} while (said == IN_HANDLER);
	TEST_ASSERT(said == VGIC5_DONE, "the guest said 0x%lx", (unsigned long)said);
	return NULL;
}

static void many_threads(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_count, count_irq);
	pthread_t thread[THREADS], vcpu;
	u32 *seen, *halt;

	many_vm = v.vm;
	seen = addr_gva2hva(v.vm, (gva_t)&round_taken);
	halt = addr_gva2hva(v.vm, (gva_t)&stop);
	vgic5_expect(v.vcpu[0], READY);

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	pthread_create(&vcpu, NULL, runner, v.vcpu[0]);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, injector, NULL);

	for (int i = 0; i < ROUNDS; i++) {
		u32 before = READ_ONCE(*seen);

		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		/* All have injected since "before" was read. */
		while (READ_ONCE(*seen) == before) {
			TEST_ASSERT(!vgic5_out_of_time(), "round %d was lost", i);
			usleep(1000);
		}
	}
	WRITE_ONCE(*halt, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pthread_join(vcpu, NULL);
	TEST_ASSERT(*seen <= ROUNDS * THREADS,
		    "%u interrupts for %u edges", *seen, ROUNDS * THREADS);
	pr_info("# %u interrupts for %u edges in %u rounds\n", *seen,
		ROUNDS * THREADS, ROUNDS);
	vgic5_vm_free(&v);
}

/* ---- one edge, one interrupt, exactly ---- */

/*
 * An edge that was acknowledged is gone, whatever happens while its handler runs:
 * so let there be an exit, at which KVM sees the interrupt active and no longer
 * pending, and an entry.
 */
static void exiting_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	if (!intid)
		return;
	GUEST_SYNC(IN_HANDLER);
	guest_drop_priority();
	guest_deactivate(intid);
	WRITE_ONCE(round_taken, round_taken + 1);
}

static void exact_rounds(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_count, exiting_irq);
	u32 *seen = addr_gva2hva(v.vm, (gva_t)&round_taken);
	u32 *halt = addr_gva2hva(v.vm, (gva_t)&stop);
	pthread_t vcpu;

	vgic5_expect(v.vcpu[0], READY);
	pthread_create(&vcpu, NULL, runner, v.vcpu[0]);
	for (u32 i = 0; i < ROUNDS; i++) {
		vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
		while (READ_ONCE(*seen) != i + 1) {
			TEST_ASSERT(!vgic5_out_of_time() && *seen <= i + 1,
				    "edge %u: %u interrupts", i, *seen);
			usleep(10);
		}
		vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
	}
	WRITE_ONCE(*halt, 1);
	pthread_join(vcpu, NULL);
	TEST_ASSERT(*seen == ROUNDS, "%u interrupts for %u edges", *seen, ROUNDS);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "row 17: an edge during the handler is taken again", edge_in_handler },
	{ "row 17: an edge before the first run is taken", edge_before_enable },
	{ "rows 15 17: a level is taken while high, and not once it dropped", level_held },
	{ "row 17: one edge, one interrupt, 500 times", exact_rounds },
	{ "rows 16 17: edges from four threads, none lost", many_threads, 120 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
