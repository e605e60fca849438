// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS: encodings, registers, errors; and the
 * property that it exists for. A guest that is stopped at any instruction,
 * saved, restored into a new VM and continued ends with the transcript of one
 * that was never stopped.
 */
#include "arch_timer.h"
#include "vgic5_guest.h"
#include "vgic5_save.h"

#define SW	BIT_ULL(PPI_SW)
#define CNTV	BIT_ULL(PPI_CNTV)

static struct vgic5_vm saver_vm(guest_fn code, guest_irq_fn irq)
{
	return vgic5_saver_vm(1, code, irq);
}

static void guest_done(void)
{
	for (;;)
		GUEST_SYNC(1);
}

static void every_register(void)
{
	struct vgic5_vm v = saver_vm(guest_done, NULL);
	u64 val;

	for (int i = 0; i < VGIC5_NR_REGS; i++) {
		u64 attr = vgic5_sysreg_attr(0, vgic5_regs[i].reg);
		u64 bits = vgic5_regs[i].writable;

		TEST_ASSERT(!vgic5_has_reg(v.gic, attr), "no %s", vgic5_regs[i].name);
		TEST_ASSERT(!vgic5_get_reg(v.gic, attr, &val), "get %s", vgic5_regs[i].name);
		TEST_ASSERT(!(val & bits), "%s is %lx at power-on", vgic5_regs[i].name,
			    (unsigned long)val);
		for (int shift = 0; shift < 64; shift++) {
			u64 bit = bits & (1UL << shift);
			int ret;

			if (!bit)
				continue;
			ret = vgic5_set_reg(v.gic, attr, bit);
			TEST_ASSERT(!ret, "set %s to %lx: %d", vgic5_regs[i].name,
				    (unsigned long)bit, ret);
			TEST_ASSERT(!vgic5_get_reg(v.gic, attr, &val) && (val & bits) == bit,
				    "%s: %lx became %lx", vgic5_regs[i].name,
				    (unsigned long)bit, (unsigned long)val);
		}
		TEST_ASSERT(!vgic5_set_reg(v.gic, attr, 0), "clear %s", vgic5_regs[i].name);
		TEST_ASSERT(!vgic5_get_reg(v.gic, attr, &val) && !(val & bits),
			    "%s did not clear", vgic5_regs[i].name);
	}
	vgic5_vm_free(&v);
}

static bool is_listed(u32 reg)
{
	for (int i = 0; i < VGIC5_NR_REGS; i++)
		if (vgic5_regs[i].reg == reg)
			return true;
	return false;
}

/*
 * All of CRn 12, op0 3. What is not listed, the C..R twins included, is ENXIO to
 * has and ENOENT to get and set: upstream's selftest for Linux 7.4 wants that.
 */
static void every_encoding(void)
{
	struct vgic5_vm v = saver_vm(guest_done, NULL);
	int listed = 0;

	for (int op1 = 0; op1 < 8; op1++)
		for (int crm = 0; crm < 16; crm++)
			for (int op2 = 0; op2 < 8; op2++) {
				u32 reg = sys_reg(3, op1, 12, crm, op2);
				u64 attr = vgic5_sysreg_attr(0, reg), val = 0x5a;
				int want = is_listed(reg) ? 0 : -ENOENT;

				listed += !want;
				TEST_ASSERT(vgic5_has_reg(v.gic, attr) == (want ? -ENXIO : 0) &&
					    vgic5_get_reg(v.gic, attr, &val) == want &&
					    (!want || (vgic5_set_reg(v.gic, attr, 0) == want &&
						       val == 0x5a)),
					    "op1 %d CRm %d op2 %d", op1, crm, op2);
			}
	TEST_ASSERT(listed == VGIC5_NR_REGS, "%d of %d registers", listed, VGIC5_NR_REGS);
	vgic5_vm_free(&v);
}

static void errors(void)
{
	struct vgic5_vm v = saver_vm(guest_done, NULL);
	u64 pcr = vgic5_sysreg_attr(0, SYS_ICC_PCR_EL1), val;
	int ret;

	ret = vgic5_get_reg(v.gic, vgic5_sysreg_attr(7, SYS_ICC_PCR_EL1), &val);
	TEST_ASSERT(ret == -EINVAL, "a vCPU that is not there: %d", ret);
	ret = vgic5_set_reg(v.gic, vgic5_sysreg_attr(0x80000000, SYS_ICC_PCR_EL1), 0);
	TEST_ASSERT(ret == -EINVAL, "a bad MPIDR: %d", ret);
	ret = vgic5_get_reg(v.gic, pcr | BIT(16), &val);
	TEST_ASSERT(ret == -ENOENT, "bits 31:16 set: %d", ret);
	ret = vgic5_get_reg(v.gic, pcr, (u64 *)8);
	TEST_ASSERT(ret == -EFAULT, "a bad address: %d", ret);

	/* RES0 bits. */
	ret = vgic5_set_reg(v.gic, pcr, 0x20);
	TEST_ASSERT(ret == -EINVAL, "RES0 of ICC_PCR: %d", ret);
	TEST_ASSERT(!vgic5_get_reg(v.gic, pcr, &val) && !val, "a refused value stuck");

	/* Reads go on after the first run, writes do not. */
	vgic5_expect(v.vcpu[0], 1);
	TEST_ASSERT(!vgic5_get_reg(v.gic, pcr, &val), "get after a run");
	ret = vgic5_set_reg(v.gic, pcr, 3);
	TEST_ASSERT(ret == -EBUSY, "set after a run: %d", ret);
	vgic5_vm_free(&v);
}

/*
 * A VMM may restore a vCPU before it initializes it, or initialize it twice: what
 * was set stays, as on a GICv3. Only what has run is reset (see reset.c).
 */
static void kept_by_init(void)
{
	struct vgic5_vm v = saver_vm(guest_done, NULL);
	struct kvm_vcpu_init init;
	u64 val;

	for (int i = 0; i < VGIC5_NR_REGS; i++)
		TEST_ASSERT(!vgic5_set_reg(v.gic, vgic5_sysreg_attr(0, vgic5_regs[i].reg), vgic5_regs[i].writable),
			    "setting %s", vgic5_regs[i].name);
	kvm_get_default_vcpu_target(v.vm, &init);
	for (int n = 0; n < 2; n++)
		vcpu_ioctl(v.vcpu[0], KVM_ARM_VCPU_INIT, &init);
	for (int i = 0; i < VGIC5_NR_REGS; i++)
		TEST_ASSERT(!vgic5_get_reg(v.gic, vgic5_sysreg_attr(0, vgic5_regs[i].reg), &val) &&
			    (val & vgic5_regs[i].writable) == vgic5_regs[i].writable,
			    "%s is %lx after KVM_ARM_VCPU_INIT", vgic5_regs[i].name, (unsigned long)val);
	vgic5_vm_free(&v);
}

/* ---- stop anywhere ---- */

#define TRANSCRIPT	512

static u64 transcript[TRANSCRIPT];
static u32 lines;
static u32 finished;

static void note(u64 what)
{
	if (lines < TRANSCRIPT)
		transcript[lines] = what;
	lines++;
}

static void note_state(void)
{
	note(read_sysreg_s(SYS_ICC_APR_EL1));
	note(read_sysreg_s(SYS_ICC_PPI_SACTIVER0_EL1));
	note(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1));
	note(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1));
	note(read_sysreg_s(SYS_ICC_PPI_PRIORITYR0_EL1) & 0xff000000);
	note(read_sysreg_s(SYS_ICC_PCR_EL1));
}

static void program_irq(struct ex_regs *regs)
{
	u64 elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);
	u32 intid = guest_ack();

	if (!intid)
		return;
	note(intid);
	if (intid == PPI_INTID(PPI_CNTV)) {
		timer_set_ctl(VIRTUAL, CTL_IMASK);
		/* An edge, for after this handler. */
		guest_pend_sw();
	}
	note_state();
	/* Let a higher priority in. */
	local_irq_enable();
	isb();
	local_irq_disable();
	write_sysreg(elr, elr_el1);
	write_sysreg(spsr, spsr_el1);
	isb();
	guest_drop_priority();
	note_state();
	guest_deactivate(intid);
}

static void guest_program(void)
{
	timer_set_ctl(VIRTUAL, CTL_IMASK);
	timer_set_cval(VIRTUAL, 0);
	guest_gic_on(SW | CNTV);
	for (u64 round = 0; round < 6; round++) {
		guest_set_priority(PPI_SW, 20 - round);
		guest_set_priority(PPI_CNTV, 14 + round);
		guest_set_mask(31 - round);
		note(round);
		local_irq_disable();
		guest_pend_sw();
		timer_set_ctl(VIRTUAL, CTL_ENABLE);
		note_state();
		local_irq_enable();
		isb();
		note_state();
		/* One that stays pending until it is enabled. */
		guest_enable(CNTV);
		guest_pend_sw();
		note_state();
		guest_enable(SW | CNTV);
		isb();
		note_state();
	}
	WRITE_ONCE(finished, 1);
	GUEST_DONE();
}

static u64 want[TRANSCRIPT];
static u32 want_lines;

/*
 * The restored guest's last word is a ucall, as the first one's is; but what a
 * ucall carries is an address in this process, of the VM that was copied.
 */
static void run_out(struct vgic5_vm *v)
{
	vcpu_run(v->vcpu[0]);
	TEST_ASSERT(v->vcpu[0]->run->exit_reason == KVM_EXIT_MMIO &&
		    *(u32 *)addr_gva2hva(v->vm, (gva_t)&finished),
		    "exit reason %d", v->vcpu[0]->run->exit_reason);
}

static void compare(struct vgic5_vm *v, const char *when, unsigned int step)
{
	u64 *got = addr_gva2hva(v->vm, (gva_t)transcript);
	u32 n = *(u32 *)addr_gva2hva(v->vm, (gva_t)&lines);

	for (u32 i = 0; i < n && i < want_lines; i++)
		TEST_ASSERT(got[i] == want[i], "%s step %u: line %u is %lx, not %lx",
			    when, step, i, (unsigned long)got[i],
			    (unsigned long)want[i]);
	TEST_ASSERT(n == want_lines, "%s step %u: %u lines, not %u", when, step,
		    n, want_lines);
}

#define POINTS	1000

static void stop_anywhere(void)
{
	struct kvm_guest_debug on = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	struct kvm_guest_debug off = { 0 };
	struct vgic5_vm v = saver_vm(guest_program, program_irq);
	unsigned int step = 0, points = 0;

	/* The run that is never stopped. */
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	want_lines = *(u32 *)addr_gva2hva(v.vm, (gva_t)&lines);
	TEST_ASSERT(want_lines > 100 && want_lines <= TRANSCRIPT,
		    "%u lines of transcript", want_lines);
	memcpy(want, addr_gva2hva(v.vm, (gva_t)transcript), sizeof(want));
	vgic5_vm_free(&v);

	/* The same again, step by step, with copies made of it on the way. */
	v = vgic5_vm_create(1, guest_program, program_irq);
	vcpu_guest_debug_set(v.vcpu[0], &on);
	while (points < POINTS) {
		struct vgic5_vm w;

		vcpu_run(v.vcpu[0]);
		TEST_ASSERT(v.vcpu[0]->run->exit_reason == KVM_EXIT_DEBUG,
			    "the guest's end after %u steps, %u points", step, points);
		step++;
		if (rand() % 2)
			continue;
		w = vgic5_vm_create(1, guest_program, program_irq);
		vgic5_copy_memory(w.vm, v.vm);
		vgic5_copy_vcpu(w.vcpu[0], v.vcpu[0]);
		vgic5_copy_gic(w.gic, 0, v.gic, 0);
		run_out(&w);
		compare(&w, "restored at", step);
		vgic5_vm_free(&w);
		points++;
	}
	/* A ucall takes exclusive accesses, which cannot be stepped through. */
	vcpu_guest_debug_set(v.vcpu[0], &off);
	run_out(&v);
	compare(&v, "stepped to", step);
	pr_info("# restored at %u points of %u instructions\n", points, step);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "save/restore: every register, every bit", every_register },
	{ "save/restore: every encoding", every_encoding },
	{ "save/restore: errors", errors },
	{ "save/restore: what was set before KVM_ARM_VCPU_INIT stays", kept_by_init },
	{ "save/restore: 1000 points restored, one transcript", stop_anywhere, 600 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
