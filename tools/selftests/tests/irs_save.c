// SPDX-License-Identifier: GPL-2.0
/*
 * A VM with SPIs and LPIs is saved, and restored into a new VM. Each interrupt is
 * what it was: pending, active, enabled, its priority, its target, how it is
 * handled, and what its line is. The guest is where it was.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "vgic5_irs_guest.h"
#include "vgic5_save.h"

#define SPIS	96
#define VCPUS	2

/*
 * A restored guest cannot say anything: what a ucall carries is an address in this
 * process, of the VM that was copied. So it writes into its memory, and stops.
 */
static u64 wrong;	/* what is not as it was, or 0 */
static u64 said;	/* by vCPU 0 */

static void stop_saying(u64 what)
{
	WRITE_ONCE(said, what);
	GUEST_SYNC(what);
}

static u64 in_guest(struct vgic5_vm *v, u64 *what)
{
	return *(u64 *)addr_gva2hva(v->vm, (gva_t)what);
}

static void run_to(struct vgic5_vm *v, int vcpu, u64 what)
{
	vcpu_run(v->vcpu[vcpu]);
	TEST_ASSERT(v->vcpu[vcpu]->run->exit_reason == KVM_EXIT_MMIO, "exit reason %d",
		    v->vcpu[vcpu]->run->exit_reason);
	vcpu_run_complete_io(v->vcpu[vcpu]);
	TEST_ASSERT(!in_guest(v, &wrong) && in_guest(v, &said) == what,
		    "at 0x%lx, not 0x%lx, wrong: 0x%lx", (unsigned long)in_guest(v, &said),
		    (unsigned long)what, (unsigned long)in_guest(v, &wrong));
}

/* A VM that goes on where `from` is; that one has to stay until the end. */
static struct vgic5_vm copy_of(struct vgic5_vm *from, guest_fn code, guest_irq_fn irq)
{
	struct vgic5_vm to = vgic5_irs_vm(from->nr_vcpus, code, irq, SPIS);

	vgic5_copy_irs(to.gic, from->gic);
	vgic5_copy_memory(to.vm, from->vm);
	for (int i = 0; i < from->nr_vcpus; i++) {
		vgic5_copy_vcpu(to.vcpu[i], from->vcpu[i]);
		vgic5_copy_gic(to.gic, i, from->gic, i);
	}
	return to;
}

static void expect(bool holds, u64 which)
{
	if (!holds && !wrong)
		WRITE_ONCE(wrong, which);
}

/* ---- any state of all of them ---- */

#define GENERATIONS	10
#define LPIS		BIT(guest_lpi_id_bits())

static u64 intid_of(u32 i)
{
	return i < SPIS ? SPI_INTID(i) : LPI_INTID(i - SPIS);
}

static u64 state_of(u32 i, u64 round)
{
	u64 hash = (i + 1) * 0x9e3779b97f4a7c15UL * (2 * round + 1);

	return (hash >> 40) & (ICC_ICSR_EL1_Enabled | ICC_ICSR_EL1_Pending | ICC_ICSR_EL1_HM |
			       GENMASK(15, 11));
}

static u16 target_of(u32 i, u64 round)
{
	return (i ^ i >> 1 ^ round) & 1;
}

/* Those that are made active on the way there. */
static bool is_active(u32 i, u64 round)
{
	return (i + round) % 7 == 0;
}

static void set_states(u32 lpis, u64 round)
{
	for (u32 i = 0; i < SPIS + lpis; i++) {
		u64 intid = intid_of(i), state = state_of(i, round);

		gic_insn(intid, CDDIS);
		gic_insn(intid, CDDI);
		gic_insn(intid | FIELD_PREP(GICV5_GIC_CDHM_HM_MASK, 0), CDHM);
		gsb_sys();
		if (is_active(i, round)) {
			guest_irq_setup(intid, 0, 2);
			guest_irq_pend(intid, true);
			if (guest_ack() != intid)
				expect(false, intid);
			guest_drop_priority();
			gic_insn(intid, CDDIS);
		}
		gic_insn(intid | FIELD_PREP(GICV5_GIC_CDHM_HM_MASK,
					    !!(state & ICC_ICSR_EL1_HM)), CDHM);
		gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPRI_PRIORITY_MASK,
					    FIELD_GET(GENMASK(15, 11), state)), CDPRI);
		gic_insn(intid | FIELD_PREP(GICV5_GIC_CDAFF_IAFFID_MASK,
					    target_of(i, round)), CDAFF);
		gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPEND_PENDING_MASK,
					    !!(state & ICC_ICSR_EL1_Pending)), CDPEND);
		gsb_sys();
	}
	/* At last, so that none is taken by what takes others. */
	for (u32 i = 0; i < SPIS + lpis; i++)
		if (state_of(i, round) & ICC_ICSR_EL1_Enabled)
			gic_insn(intid_of(i), CDEN);
	gsb_sys();
}

static void check_states(u32 lpis, u64 round)
{
	for (u32 i = 0; i < SPIS + lpis; i++) {
		u64 want = state_of(i, round) | (u64)target_of(i, round) << 32;

		if (is_active(i, round))
			want |= ICC_ICSR_EL1_Active;
		expect(guest_irq_state(intid_of(i)) == want, intid_of(i));
	}
}

static void guest_states(void)
{
	u32 lpis = LPIS;

	guest_poll_on();
	guest_irs_enable(true);
	guest_lpis_on();
	for (u64 round = 0; ; round++) {
		guest_set_mask(PRIORITY_LOWEST);
		set_states(lpis, round);
		stop_saying(round);
		check_states(lpis, round);
		/* None is enabled while others are set. */
		for (u32 i = 0; i < SPIS + lpis; i++)
			gic_insn(intid_of(i), CDDIS);
		gsb_sys();
	}
}

static void states(void)
{
	struct vgic5_vm first = vgic5_irs_vm(VCPUS, guest_states, NULL, SPIS), v = first, w;

	for (u64 n = 0; n < GENERATIONS; n++) {
		run_to(&v, 0, n);
		w = copy_of(&v, guest_states, NULL);
		if (v.vm != first.vm)
			vgic5_vm_free(&v);
		v = w;
	}
	vgic5_vm_free(&v);
	vgic5_vm_free(&first);
}

/* ---- what was saved is what is saved ---- */

static void twice(void)
{
	struct vgic5_vm v = vgic5_irs_vm(VCPUS, guest_states, NULL, SPIS), w;
	struct vgic5_irs_state one, two;

	run_to(&v, 0, 0);
	w = copy_of(&v, guest_states, NULL);
	one = vgic5_irs_save(v.gic);
	two = vgic5_irs_save(w.gic);
	TEST_ASSERT(one.spis == SPIS && one.lpis && two.spis == one.spis && two.lpis == one.lpis,
		    "%u SPIs, %u LPIs; %u SPIs, %u LPIs", one.spis, one.lpis, two.spis, two.lpis);
	for (u32 i = 0; i < one.spis + one.lpis; i++)
		TEST_ASSERT(one.entries[i] == two.entries[i], "entry %u: 0x%x became 0x%x", i,
			    one.entries[i], two.entries[i]);
	for (int i = 0; i < VGIC5_NR_IRS_REGS; i++) {
		u64 was, is;

		TEST_ASSERT(!vgic5_irs_get(v.gic, vgic5_irs_regs[i], &was) &&
			    !vgic5_irs_get(w.gic, vgic5_irs_regs[i], &is) && was == is,
			    "register 0x%x: 0x%lx became 0x%lx", vgic5_irs_regs[i],
			    (unsigned long)was, (unsigned long)is);
	}
	free(one.entries);
	free(two.entries);
	vgic5_vm_free(&w);
	vgic5_vm_free(&v);
}

/* ---- what is pending comes, to the vCPU that it is for ---- */

enum { SAVED = 1, MASKED, ENABLED, RAISED, DONE };

static void guest_delivery(void)
{
	guest_poll_on();
	if (guest_iaffid()) {
		/* It has never run before. */
		guest_take(LPI_INTID(0));
		expect(!guest_ack(), 1);
		stop_saying(DONE);
	}
	guest_irs_enable(true);
	guest_lpis_on();
	guest_irq_setup(LPI_INTID(0), 1, 8);
	guest_irq_pend(LPI_INTID(0), true);
	guest_irq_setup(SPI_INTID(0), 0, 8);
	guest_irq_setup(SPI_INTID(1), 0, 16);
	guest_irq_setup(SPI_INTID(2), 0, 8);
	guest_irq_setup(SPI_INTID(3), 0, 8);
	guest_irq_enable(SPI_INTID(2), false);
	stop_saying(SAVED);
	/* The host has raised 0 to 2, and saved. IRSEN is as it was. */
	guest_set_mask(8);
	expect(guest_ack() == SPI_INTID(0), 2);
	guest_eoi(SPI_INTID(0));
	expect(!guest_ack(), 3);
	guest_set_mask(16);
	expect(guest_ack() == SPI_INTID(1), 4);
	guest_eoi(SPI_INTID(1));
	expect(!guest_ack(), 5);
	guest_irq_enable(SPI_INTID(2), true);
	expect(guest_ack() == SPI_INTID(2), 6);
	guest_eoi(SPI_INTID(2));
	expect(!guest_ack(), 7);
	stop_saying(ENABLED);
	expect(guest_ack() == SPI_INTID(3), 8);
	guest_eoi(SPI_INTID(3));
	expect(!guest_ack(), 9);
	stop_saying(RAISED);
}

static void delivery(void)
{
	struct vgic5_vm v = vgic5_irs_vm(VCPUS, guest_delivery, NULL, SPIS), w;

	run_to(&v, 0, SAVED);
	for (u32 spi = 0; spi < 3; spi++)
		vgic5_set_spi(v.vm, spi, 1);
	w = copy_of(&v, guest_delivery, NULL);
	run_to(&w, 0, ENABLED);
	vgic5_set_spi(w.vm, 3, 1);
	run_to(&w, 0, RAISED);
	run_to(&w, 1, DONE);
	vgic5_vm_free(&w);
	vgic5_vm_free(&v);
}

/* ---- lines ---- */

/*
 * Four level SPIs: 0 and 1 handled as such, 2 and 3 as edges; 1 and 3 high. Each
 * of them is taken once before it is saved, so 3 is high and not pending.
 */
static void guest_lines(void)
{
	guest_poll_on();
	guest_irs_enable(true);
	for (u32 spi = 0; spi < 4; spi++) {
		irs_write(IRS_SPI_SELR, spi);
		irs_write(IRS_SPI_CFGR, 1);
		gic_insn(SPI_INTID(spi) | FIELD_PREP(GICV5_GIC_CDHM_HM_MASK, spi < 2), CDHM);
		guest_irq_setup(SPI_INTID(spi), 0, 16 - spi);
	}
	stop_saying(SAVED);
	guest_take(SPI_INTID(3));
	expect(guest_ack() == SPI_INTID(1), 1);
	guest_eoi(SPI_INTID(1));
	guest_irq_enable(SPI_INTID(1), false);
	stop_saying(MASKED);
	/* Restored. 1 is high. */
	expect(!guest_ack(), 2);
	guest_irq_enable(SPI_INTID(1), true);
	expect(guest_ack() == SPI_INTID(1), 3);
	stop_saying(ENABLED);
	/* The host has lowered 1, and raised 3, which changes nothing. */
	guest_eoi(SPI_INTID(1));
	expect(!guest_ack(), 4);
	stop_saying(RAISED);
	/* It has raised 0 and 2, lowered 3 and raised it. */
	expect(guest_ack() == SPI_INTID(3), 5);
	guest_eoi(SPI_INTID(3));
	expect(guest_ack() == SPI_INTID(2), 6);
	guest_eoi(SPI_INTID(2));
	for (int i = 0; i < 3; i++) {
		expect(guest_ack() == SPI_INTID(0), 7 + i);
		guest_eoi(SPI_INTID(0));
	}
	stop_saying(DONE);
}

static void lines(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_lines, NULL, SPIS), w;

	run_to(&v, 0, SAVED);
	vgic5_set_spi(v.vm, 1, 1);
	vgic5_set_spi(v.vm, 3, 1);
	run_to(&v, 0, MASKED);
	w = copy_of(&v, guest_lines, NULL);
	run_to(&w, 0, ENABLED);
	vgic5_set_spi(w.vm, 1, 0);
	vgic5_set_spi(w.vm, 3, 1);
	run_to(&w, 0, RAISED);
	vgic5_set_spi(w.vm, 0, 1);
	vgic5_set_spi(w.vm, 2, 1);
	vgic5_set_spi(w.vm, 3, 0);
	vgic5_set_spi(w.vm, 3, 1);
	run_to(&w, 0, DONE);
	vgic5_vm_free(&w);
	vgic5_vm_free(&v);
}

/* ---- a vCPU that sleeps ---- */

static void guest_sleeps(void)
{
	u32 intid;

	guest_poll_on();
	guest_irs_enable(true);
	guest_irq_setup(SPI_INTID(9), 0, 16);
	stop_saying(SAVED);
	for (;;) {
		while (!(intid = guest_ack()))
			wfi();
		expect(intid == SPI_INTID(9), intid);
		guest_eoi(intid);
		stop_saying(DONE);
	}
}

static void on_signal(int sig)
{
}

static pid_t tid;

static void *run_until_signal(void *vcpu)
{
	__atomic_store_n(&tid, gettid(), __ATOMIC_SEQ_CST);
	while (!__vcpu_run(vcpu))
		;
	TEST_ASSERT(errno == EINTR, "KVM_RUN: errno %d", errno);
	return NULL;
}

static void asleep(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_sleeps, NULL, SPIS), w;
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t other = vgic5_share_cpu(), thread;
	pid_t who;

	sigaction(SIGUSR1, &sa, NULL);
	run_to(&v, 0, SAVED);
	pthread_create(&thread, NULL, run_until_signal, v.vcpu[0]);
	while (!(who = __atomic_load_n(&tid, __ATOMIC_SEQ_CST)) ||
	       !vgic5_is_blocked(v.vcpu[0], who))
		usleep(1000);
	while (pthread_tryjoin_np(thread, NULL)) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
	for (int n = 0; n < 2; n++) {
		w = copy_of(&v, guest_sleeps, NULL);
		/* Before it goes on, and asleep again. */
		if (!n)
			vgic5_set_spi(w.vm, 9, 1);
		tid = 0;
		pthread_create(&thread, NULL, run_until_signal, w.vcpu[0]);
		while (n && (!(who = __atomic_load_n(&tid, __ATOMIC_SEQ_CST)) ||
			     !vgic5_is_blocked(w.vcpu[0], who)))
			usleep(1000);
		if (n)
			vgic5_set_spi(w.vm, 9, 1);
		while (in_guest(&w, &said) != DONE) {
			TEST_ASSERT(!vgic5_out_of_time(), "it was not woken");
			usleep(1000);
		}
		TEST_ASSERT(!in_guest(&w, &wrong), "something else came");
		while (pthread_tryjoin_np(thread, NULL)) {
			pthread_kill(thread, SIGUSR1);
			usleep(1000);
		}
		vgic5_vm_free(&w);
	}
	vgic5_stop(other);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "restored: 10 times, any state of all SPIs and LPIs", states, 240 },
	{ "restored: what is saved again is the same", twice },
	{ "restored: what was pending comes, to the vCPU that it is for", delivery },
	{ "restored: lines of level SPIs, however they are handled", lines },
	{ "restored: a vCPU that sleeps is woken by its doorbell", asleep },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
