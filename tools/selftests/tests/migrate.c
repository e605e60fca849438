// SPDX-License-Identifier: GPL-2.0
/*
 * Save and restore as VMMs do it, and got it wrong with other interrupt
 * controllers: several vCPUs, each with its own state; in any order; again and
 * again; with a timer armed; while another vCPU runs.
 */
#include <pthread.h>
#include <stdlib.h>

#include "vgic5_save.h"
#include "vgic5_timer.h"

#define SW	BIT_ULL(PPI_SW)
#define CNTV	BIT_ULL(PPI_CNTV)
#define VCPUS	4

/*
 * A restored guest cannot say anything: what a ucall carries is an address in this
 * process, of the VM that was copied. So it writes into its memory, and stops. The
 * library reads what is at that address, so the first VM has to be there still.
 */
static u64 wrong[VCPUS];	/* by vCPU: which registers are not as they were */
static u32 round_of[VCPUS];	/* how far it is */

static void run_to_its_end(struct vgic5_vm *v, int vcpu)
{
	vcpu_run(v->vcpu[vcpu]);
	TEST_ASSERT(v->vcpu[vcpu]->run->exit_reason == KVM_EXIT_MMIO,
		    "exit reason %d", v->vcpu[vcpu]->run->exit_reason);
	/* The access by which it stopped is done, should it be copied. */
	vcpu_run_complete_io(v->vcpu[vcpu]);
}

static u64 wrongs(struct vgic5_vm *v, int vcpu)
{
	return ((u64 *)addr_gva2hva(v->vm, (gva_t)wrong))[vcpu];
}

static u32 rounds(struct vgic5_vm *v, int vcpu)
{
	return ((u32 *)addr_gva2hva(v->vm, (gva_t)round_of))[vcpu];
}

/* Everything of the interface, made a function of the vCPU and the round. */
static u64 seed_of(u64 id, u64 round)
{
	return id * 7919 + round * 31 + 1;
}

static void write_state(u64 seed)
{
	u64 all = (seed & 0x1f) * 0x0101010101010101UL;

	write_sysreg_s(all, SYS_ICC_PPI_PRIORITYR0_EL1);
	write_sysreg_s(~all & 0x1f1f1f1f1f1f1f1fUL, SYS_ICC_PPI_PRIORITYR3_EL1);
	write_sysreg_s((seed >> 1) & 0x1f, SYS_ICC_PCR_EL1);
	write_sysreg_s((seed * 0x9e3779b9) & 0xffffffff, SYS_ICC_APR_EL1);
	write_sysreg_s(SW | CNTV, SYS_ICC_PPI_CACTIVER0_EL1);
	write_sysreg_s((seed & 2 ? SW : 0) | (seed & 16 ? CNTV : 0), SYS_ICC_PPI_SACTIVER0_EL1);
	write_sysreg_s(SW, SYS_ICC_PPI_CPENDR0_EL1);
	write_sysreg_s(seed & 4 ? SW : 0, SYS_ICC_PPI_SPENDR0_EL1);
	write_sysreg_s(seed & 1, SYS_ICC_CR0_EL1);
	guest_enable(seed & 8 ? SW : CNTV);
}

static u64 check_state(u64 seed)
{
	u64 all = (seed & 0x1f) * 0x0101010101010101UL, bad = 0;
	u64 sw = 0x1fUL << (PPI_SW * 8), cntv = 0x1fUL << (PPI_CNTV % 8 * 8);

	bad |= (u64)((read_sysreg_s(SYS_ICC_PPI_PRIORITYR0_EL1) & sw) != (all & sw)) << 0;
	bad |= (u64)((read_sysreg_s(SYS_ICC_PPI_PRIORITYR3_EL1) & cntv) != (~all & cntv)) << 1;
	bad |= (u64)(read_sysreg_s(SYS_ICC_PCR_EL1) != ((seed >> 1) & 0x1f)) << 2;
	bad |= (u64)(read_sysreg_s(SYS_ICC_APR_EL1) != ((seed * 0x9e3779b9) & 0xffffffff)) << 3;
	bad |= (u64)(read_sysreg_s(SYS_ICC_PPI_SACTIVER0_EL1) !=
		     ((seed & 2 ? SW : 0) | (seed & 16 ? CNTV : 0))) << 4;
	bad |= (u64)((read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & SW) != (seed & 4 ? SW : 0)) << 5;
	bad |= (u64)((read_sysreg_s(SYS_ICC_CR0_EL1) & ICC_CR0_EL1_EN) != (seed & 1)) << 6;
	bad |= (u64)(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1) != (seed & 8 ? SW : CNTV)) << 7;
	return bad;
}

static void guest_rounds(void)
{
	u64 id = read_sysreg_s(SYS_ICC_IAFFIDR_EL1);

	local_irq_disable();
	timer_set_ctl(VIRTUAL, CTL_IMASK);
	for (u32 round = 0;; round++) {
		write_state(seed_of(id, round));
		WRITE_ONCE(round_of[id], round + 1);
		GUEST_SYNC(round);
		wrong[id] |= check_state(seed_of(id, round));
	}
}

/* A copy of `from` in which vCPU i has the interface of vCPU map[i]. */
static struct vgic5_vm copy_of(struct vgic5_vm *from, guest_fn code, guest_irq_fn irq,
			       const int *map)
{
	struct vgic5_vm to = vgic5_vm_create(from->nr_vcpus, code, irq);

	vgic5_copy_memory(to.vm, from->vm);
	for (int i = 0; i < from->nr_vcpus; i++)
		vgic5_copy_vcpu(to.vcpu[i], from->vcpu[i]);
	for (int i = 0; i < from->nr_vcpus; i++)
		vgic5_copy_gic(to.gic, i, from->gic, map ? map[i] : i);
	return to;
}

/* ---- several vCPUs ---- */

static void several_vcpus(void)
{
	static const int swapped[VCPUS] = { 0, 2, 1, 3 };
	struct vgic5_vm v = vgic5_saver_vm(VCPUS, guest_rounds, NULL), w;

	for (int i = 0; i < VCPUS; i++)
		run_to_its_end(&v, i);
	w = copy_of(&v, guest_rounds, NULL, NULL);
	for (int i = VCPUS - 1; i >= 0; i--) {
		run_to_its_end(&w, i);
		TEST_ASSERT(rounds(&w, i) == 2 && !wrongs(&w, i), "vCPU %d: round %u, wrong 0x%lx",
			    i, rounds(&w, i), (unsigned long)wrongs(&w, i));
	}
	vgic5_vm_free(&w);

	/* It would have been noticed. */
	w = copy_of(&v, guest_rounds, NULL, swapped);
	for (int i = 0; i < VCPUS; i++) {
		run_to_its_end(&w, i);
		TEST_ASSERT(!!wrongs(&w, i) == (swapped[i] != i), "vCPU %d: wrong 0x%lx", i,
			    (unsigned long)wrongs(&w, i));
	}
	vgic5_vm_free(&w);
	vgic5_vm_free(&v);
}

/* ---- again and again ---- */

#define GENERATIONS	30

static void chain(void)
{
	struct vgic5_vm first = vgic5_saver_vm(VCPUS, guest_rounds, NULL), v = first, w;

	for (u32 n = 1; n <= GENERATIONS; n++) {
		for (int i = 0; i < VCPUS; i++) {
			run_to_its_end(&v, i);
			TEST_ASSERT(rounds(&v, i) == n && !wrongs(&v, i),
				    "generation %u, vCPU %d: round %u, wrong 0x%lx", n, i,
				    rounds(&v, i), (unsigned long)wrongs(&v, i));
		}
		w = copy_of(&v, guest_rounds, NULL, NULL);
		if (v.vm != first.vm)
			vgic5_vm_free(&v);
		v = w;
	}
	vgic5_vm_free(&v);
	vgic5_vm_free(&first);
}

/* ---- in any order ---- */

#define ORDERS		100

static void any_order(void)
{
	struct vgic5_vm v = vgic5_saver_vm(1, guest_rounds, NULL), w;
	int order[VGIC5_NR_REGS];

	run_to_its_end(&v, 0);
	for (int i = 0; i < VGIC5_NR_REGS; i++)
		order[i] = i;
	for (int n = 0; n < ORDERS; n++) {
		for (int i = VGIC5_NR_REGS - 1; i > 0; i--) {
			int other = rand() % (i + 1), was = order[i];

			order[i] = order[other];
			order[other] = was;
		}
		w = vgic5_vm_create(1, guest_rounds, NULL);
		if (n & 1)
			vgic5_copy_vcpu(w.vcpu[0], v.vcpu[0]);
		vgic5_copy_gic_in_order(w.gic, 0, v.gic, 0, order);
		vgic5_copy_memory(w.vm, v.vm);
		if (!(n & 1))
			vgic5_copy_vcpu(w.vcpu[0], v.vcpu[0]);
		run_to_its_end(&w, 0);
		TEST_ASSERT(rounds(&w, 0) == 2 && !wrongs(&w, 0), "order %d: wrong 0x%lx", n,
			    (unsigned long)wrongs(&w, 0));
		vgic5_vm_free(&w);
	}
	vgic5_vm_free(&v);
}

/* ---- with a timer armed ---- */

static void guest_armed(void)
{
	guest_begin();
	arm(50000);
	GUEST_SYNC(ARMED);
	take_one(0);
	let_pass(1000);
	GUEST_ASSERT_EQ(taken, 1);
	WRITE_ONCE(round_of[0], 1);
	GUEST_DONE();
}

/*
 * The copy's counter goes on from where the original's was, set as itself or as an
 * offset, and the copy waits for its deadline in the guest or comes after it. That
 * it is not early is what guest_irq() looks at.
 */
static void armed(void)
{
	for (int how = 0; how < 4; how++) {
		struct vgic5_vm v, w;
		u64 count;

		v = vgic5_saver_vm(1, guest_armed, guest_irq);
		sync_global_to_guest(v.vm, timer);
		run_to_its_end(&v, 0);
		count = vcpu_get_reg(v.vcpu[0], timers[timer].count);
		w = vgic5_vm_create(1, guest_armed, guest_irq);
		if (how & 1) {
			struct kvm_arm_counter_offset offset = {
				.counter_offset = read_sysreg(cntvct_el0) - count,
			};

			vm_ioctl(w.vm, KVM_ARM_SET_COUNTER_OFFSET, &offset);
		} else {
			vcpu_set_reg(w.vcpu[0], timers[timer].count, count);
		}
		vgic5_copy_memory(w.vm, v.vm);
		vgic5_copy_vcpu(w.vcpu[0], v.vcpu[0]);
		vgic5_copy_gic(w.gic, 0, v.gic, 0);
		if (how & 2)
			sleep_past_deadline(&w);
		run_to_its_end(&w, 0);
		TEST_ASSERT(rounds(&w, 0) == 1, "way %d: it did not come", how);
		vgic5_vm_free(&w);
		vgic5_vm_free(&v);
	}
}

FOR_EACH_TIMER(armed)

/* ---- while another vCPU runs ---- */

static u32 spinning, halt;

static void guest_spins(void)
{
	WRITE_ONCE(spinning, 1);
	while (!READ_ONCE(halt))
		cpu_relax();
	GUEST_DONE();
}

static void *run_spinning(void *vcpu)
{
	vgic5_expect(vcpu, VGIC5_DONE);
	return NULL;
}

static void while_running(void)
{
	struct vgic5_vm v = vgic5_saver_vm(2, guest_spins, NULL);
	u64 attr = vgic5_sysreg_attr(1, SYS_ICC_PCR_EL1), val = 0x5a;
	u32 *spins = addr_gva2hva(v.vm, (gva_t)&spinning), *end = addr_gva2hva(v.vm, (gva_t)&halt);
	pthread_t thread;
	int get, set;

	pthread_create(&thread, NULL, run_spinning, v.vcpu[0]);
	while (!READ_ONCE(*spins))
		usleep(100);
	get = vgic5_get_reg(v.gic, attr, &val);
	set = vgic5_set_reg(v.gic, attr, 1);
	WRITE_ONCE(*end, 1);
	pthread_join(thread, NULL);
	TEST_ASSERT(get == -EBUSY && val == 0x5a && set == -EBUSY,
		    "vCPU 1's while vCPU 0 runs: get %d, set %d", get, set);
	TEST_ASSERT(!vgic5_get_reg(v.gic, attr, &val) && !val, "get, when it has stopped");
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "save/restore: four vCPUs, each with its own state", several_vcpus },
	{ "save/restore: 30 times, each time what was restored", chain },
	{ "save/restore: in any order", any_order },
	EACH_TIMER("save/restore", "armed", armed),
	{ "save/restore: EBUSY while another vCPU runs", while_running },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
