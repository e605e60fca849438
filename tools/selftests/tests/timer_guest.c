// SPDX-License-Identifier: GPL-2.0
/*
 * A guest arms its virtual and its physical EL1 timer a thousand times each
 * and takes every interrupt by direct injection. KVM's own tracepoints and
 * statistics say what the exits were for: none may be the timers' doing.
 *
 * An exit is the timers' doing when the host then handles a guest timer's
 * physical interrupt ("kvm guest vtimer" / "kvm guest ptimer"), or the hrtimer by
 * which KVM emulates one; or when the guest was trapped on
 * anything but the two MMIO accesses by which it speaks to this program. What
 * remains are the host's own interrupts. There are more of these the slower the
 * machine is, so their number proves nothing.
 */
#include <string.h>

#include "arch_timer.h"
#include "vgic5_guest.h"

#define ROUNDS		1000

static const struct {
	enum arch_timer timer;
	int ppi;
} timers[] = {
	{ VIRTUAL, PPI_CNTV },
	{ PHYSICAL, PPI_CNTP },
};

static int which;		/* set before the guest starts */
static u32 taken;
static u32 strays;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	if (intid != PPI_INTID(timers[which].ppi)) {
		strays++;
		return;
	}
	timer_set_ctl(timers[which].timer, CTL_IMASK);
	WRITE_ONCE(taken, taken + 1);
	guest_deactivate(intid);
	guest_drop_priority();
}

static void take_timer(enum arch_timer timer)
{
	u32 before = READ_ONCE(taken);

	timer_set_tval(timer, usec_to_cycles(50));
	timer_set_ctl(timer, CTL_ENABLE);
	while (READ_ONCE(taken) == before)
		isb();
}

static void guest_code(void)
{
	enum arch_timer timer = timers[which].timer;

	timer_set_ctl(timer, CTL_IMASK);
	guest_gic_on(BIT_ULL(timers[which].ppi));

	/* Once untold, for the pages of this code to be mapped. */
	take_timer(timer);
	GUEST_SYNC(1);
	for (u32 n = 0; n < ROUNDS; n++)
		take_timer(timer);
	GUEST_SYNC(2);

	GUEST_ASSERT_EQ(taken, 1 + ROUNDS);
	GUEST_ASSERT_EQ(strays, 0);
	GUEST_DONE();
}

static const char *const events[] = {
	"kvm/kvm_exit", VGIC5_TIMER_EVENTS, NULL
};

struct exits {
	unsigned int irq, mmio, trap, timer;
};

/* Counts of this process's exits, by cause, from the trace buffer. */
static struct exits trace_stop(void)
{
	struct exits e = { 0 };
	char line[512], comm[32];
	FILE *f;

	/* The comm column is "name-pid". */
	snprintf(comm, sizeof(comm), "-%d ", getpid());
	f = vgic5_trace_stop(events);
	while (fgets(line, sizeof(line), f)) {
		e.timer += vgic5_is_timer_work(line);
		if (!strstr(line, "kvm_exit:") || !strstr(line, comm))
			continue;
		if (strstr(line, "IRQ:"))
			e.irq++;
		else if (strstr(line, "DABT_LOW"))
			e.mmio++;
		else
			e.trap++;
	}
	fclose(f);
	return e;
}

static void run_timer(int index)
{
	struct vgic5_vm v;
	u64 before, after;
	struct exits e;
	u32 first;

	which = index;
	v = vgic5_vm_create(1, guest_code, guest_irq);
	sync_global_to_guest(v.vm, which);

	vgic5_expect(v.vcpu[0], 1);
	sync_global_from_guest(v.vm, taken);
	first = taken;
	before = vcpu_get_stat(v.vcpu[0], exits);
	vgic5_trace_start(events);
	vgic5_expect(v.vcpu[0], 2);
	e = trace_stop();
	after = vcpu_get_stat(v.vcpu[0], exits);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	sync_global_from_guest(v.vm, taken);
	taken -= first;

	pr_info("# PPI %d: %u of %u interrupts taken, %lu exits: %u for host interrupts, %u to say so, %u other traps; the host had a hand in %u\n",
		timers[index].ppi, taken, ROUNDS, (unsigned long)(after - before),
		e.irq, e.mmio, e.trap, e.timer);

	TEST_ASSERT(taken == ROUNDS, "%u of %u interrupts", taken, ROUNDS);
	TEST_ASSERT(e.irq + e.mmio + e.trap == after - before,
		    "the trace lost exits");
	TEST_ASSERT(!e.timer, "the host had a hand in %u", e.timer);
	TEST_ASSERT(!e.trap, "%u traps", e.trap);
	vgic5_vm_free(&v);
}

static void vtimer(void)
{
	run_timer(0);
}

/*
 * KVM on an nVHE host emulates the physical timer, whatever the GIC: each of
 * the guest's accesses to it traps.
 */
static void ptimer(void)
{
	if (!vgic5_host_is_vhe())
		vgic5_skip("KVM emulates the physical timer on nVHE");
	run_timer(1);
}

static const struct vgic5_test tests[] = {
	{ "rows 15 23: 1000 virtual timer interrupts, 0 exits for them", vtimer },
	{ "rows 15 23: 1000 physical timer interrupts, 0 exits for them", ptimer },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
