// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's GICv5 tracepoints: what they say is what the guest did.
 */
#include <stdlib.h>
#include <string.h>

#include "vgic5_guest.h"

#define SW	BIT_ULL(PPI_SW)

enum { READY = 1, ACTIVE, INACTIVE };

/* The next line of this process's with `event`: what follows the event's name. */
static bool next_event(FILE *f, const char *event, char *said, size_t size)
{
	char line[512], comm[32], *at;

	snprintf(comm, sizeof(comm), "-%d ", getpid());
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, event);
		if (at && strstr(line, comm)) {
			snprintf(said, size, "%s", at + strlen(event));
			return true;
		}
	}
	return false;
}

static u64 field(const char *said, const char *name)
{
	const char *at = strstr(said, name);

	TEST_ASSERT(at, "'%s' has no '%s'", said, name);
	return strtoull(at + strlen(name), NULL, 0);
}

/* ---- entries and exits ---- */

static void guest_takes_one(void)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(GUEST_PPIS);
	GUEST_SYNC(READY);
	GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
	GUEST_SYNC(ACTIVE);
	guest_drop_priority();
	guest_deactivate(PPI_INTID(PPI_SW));
	GUEST_SYNC(INACTIVE);
	GUEST_DONE();
}

/*
 * Runs up to what the guest says next, and looks at the first entry and the last
 * exit on the way; the host's own interrupts make more.
 */
static void look(struct vgic5_vm *v, u64 until, u64 pending, u64 active_before, u64 active_after)
{
	static const char *const events[] = { "kvm/vgic_v5_flush", "kvm/vgic_v5_fold", NULL };
	u64 direct = BIT_ULL(PPI_CNTV) | (vgic5_host_is_vhe() ? BIT_ULL(PPI_CNTP) : 0);
	char said[512];
	FILE *f;

	vgic5_trace_start(events);
	vgic5_expect(v->vcpu[0], until);
	f = vgic5_trace_stop(events);
	TEST_ASSERT(next_event(f, "vgic_v5_flush: ", said, sizeof(said)), "no entry was traced");
	TEST_ASSERT(field(said, "pending: ") == pending && field(said, "active: ") == active_before &&
		    field(said, "enabled: ") == GUEST_PPIS && field(said, "direct: ") == direct,
		    "entry: %s", said);
	rewind(f);
	TEST_ASSERT(next_event(f, "vgic_v5_fold: ", said, sizeof(said)), "no exit was traced");
	while (next_event(f, "vgic_v5_fold: ", said, sizeof(said)))
		;
	TEST_ASSERT(!field(said, "pending: ") && field(said, "active: ") == active_after &&
		    field(said, "enabled: ") == GUEST_PPIS && field(said, "direct: ") == direct,
		    "exit: %s", said);
	fclose(f);
}

static void entries_and_exits(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_takes_one, NULL);

	if (!vgic5_trace_has("kvm/vgic_v5_flush"))
		vgic5_skip("this kernel has no vgic_v5_flush event");
	vgic5_expect(v.vcpu[0], READY);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	look(&v, ACTIVE, SW, 0, SW);
	look(&v, INACTIVE, 0, SW, 0);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- trapped accesses ---- */

static void guest_traps(void)
{
	GUEST_SYNC(READY);
	read_sysreg_s(SYS_ICC_IDR0_EL1);
	read_sysreg_s(SYS_ICC_IAFFIDR_EL1);
	read_sysreg_s(SYS_ICC_PPI_HMR0_EL1);
	read_sysreg_s(SYS_ICC_PPI_HMR1_EL1);
	write_sysreg_s(SW, SYS_ICC_PPI_ENABLER0_EL1);
	write_sysreg_s(0, SYS_ICC_PPI_ENABLER1_EL1);
	GUEST_DONE();
}

static void accesses(void)
{
	static const char *const events[] = { "kvm/vgic_v5_access_sysreg", NULL };
	struct vgic5_vm v = vgic5_vm_create(1, guest_traps, NULL);
	unsigned int traced = 0;
	char said[512];
	FILE *f;

	if (!vgic5_trace_has(events[0]))
		vgic5_skip("this kernel has no vgic_v5_access_sysreg event");
	vgic5_expect(v.vcpu[0], READY);
	vgic5_trace_start(events);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	f = vgic5_trace_stop(events);
	while (next_event(f, "vgic_v5_access_sysreg: ", said, sizeof(said))) {
		traced++;
		TEST_ASSERT(strstr(said, " ICC_") && !strstr(said, "UNDEF"),
			    "a register without its name: %s", said);
	}
	fclose(f);
	/* Reads of HMRn need not trap. */
	TEST_ASSERT(traced == 4 || traced == 6, "%u accesses", traced);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "tracepoints: PPIs at each entry and exit", entries_and_exits },
	{ "tracepoints: a trapped access has its register's name", accesses },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
