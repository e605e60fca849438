// SPDX-License-Identifier: GPL-2.0
/*
 * A VM without a vGIC on the CPU that a VM with a GICv5 has just left: it takes
 * none of the other's interrupts, which stay pending for the other. And its
 * timer, whose interrupt KVM reports to userspace, works beside one that is
 * injected directly, as both use the same physical PPI by different rules.
 */
#include <pthread.h>

#include "vgic5_timer.h"

#define SW		BIT_ULL(PPI_SW)
#define CNTV		BIT_ULL(PPI_CNTV)
#define CNTP		BIT_ULL(PPI_CNTP)

enum { PENDING = 10, TAKEN };

/* ---- the VM with a GICv5: everything open but PSTATE.I ---- */

static u64 kinds;	/* PPIs that are pending, set before the guest starts */
static u64 acknowledged;

static void guest_with_gic(void)
{
	u32 intid;

	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(kinds);
	if (kinds & SW)
		guest_pend_sw();
	for (int t = VIRTUAL; t <= PHYSICAL; t++) {
		bool used = kinds & BIT_ULL(timers[t].ppi);

		timer_set_cval(t, 0);
		timer_set_ctl(t, used ? CTL_ENABLE : CTL_IMASK);
	}
	while ((read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & kinds) != kinds)
		isb();
	for (int i = 0; i < 20; i++) {
		GUEST_SYNC(PENDING);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) & kinds, kinds);
	}
	/* They were there all the time, and are taken once each. */
	while ((intid = guest_ack()) != 0) {
		u64 ppi = BIT_ULL(intid & 63);

		GUEST_ASSERT(kinds & ~acknowledged & ppi);
		acknowledged |= ppi;
		if (ppi & CNTV)
			timer_set_ctl(VIRTUAL, CTL_IMASK);
		if (ppi & CNTP)
			timer_set_ctl(PHYSICAL, CTL_IMASK);
		guest_drop_priority();
		guest_deactivate(intid);
	}
	GUEST_ASSERT_EQ(acknowledged, kinds);
	GUEST_DONE();
}

/* ---- the VM without: it has nothing to acknowledge an interrupt with ---- */

static u32 strays;

static void stray_irq(struct ex_regs *regs)
{
	strays++;
	regs->pstate |= PSR_I_BIT;
}

static void guest_without_gic(void)
{
	for (;;) {
		local_irq_enable();
		for (int i = 0; i < 1000; i++)
			isb();
		local_irq_disable();
		GUEST_SYNC(strays);
	}
}

static struct kvm_vcpu *bare_vcpu(guest_fn code, guest_irq_fn irq)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, 1, 0);
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, 0, code);

	vm_init_descriptor_tables(vm);
	if (irq)
		vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, irq);
	vcpu_init_descriptor_tables(vcpu);
	return vcpu;
}

static void by_turns(u64 ppis)
{
	struct kvm_vcpu *other = bare_vcpu(guest_without_gic, stray_irq);
	struct vgic5_vm v = vgic5_vm_create(1, guest_with_gic, NULL);
	u64 said;

	kinds = ppis;
	sync_global_to_guest(v.vm, kinds);
	TEST_ASSERT(!vgic5_pin(0), "pinning to CPU 0: errno %d", errno);
	while ((said = vgic5_vcpu_run(v.vcpu[0])) == PENDING)
		vgic5_expect(other, 0);
	TEST_ASSERT(said == VGIC5_DONE, "the guest said 0x%lx", (unsigned long)said);
	vgic5_vm_free(&v);
	kvm_vm_free(other->vm);
}

static void no_sw_ppi(void)
{
	by_turns(SW);
}

static void no_ppis(void)
{
	by_turns(CNTV);
	by_turns(CNTP);
	by_turns(SW | CNTV | CNTP);
}

/* ---- the same, where the scheduler changes guests and neither exits ---- */

static u32 laps, stop;

static void guest_spins_pending(void)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(SW);
	guest_pend_sw();
	GUEST_SYNC(PENDING);
	while (!READ_ONCE(stop)) {
		WRITE_ONCE(laps, laps + 1);
		isb();
	}
	GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
	GUEST_DONE();
}

static void *run_on_cpu0(void *vcpu)
{
	vgic5_pin(0);
	vgic5_expect(vcpu, VGIC5_DONE);
	return NULL;
}

#define SWITCHES	50

static void by_the_scheduler(void)
{
	struct kvm_vcpu *other = bare_vcpu(guest_without_gic, stray_irq);
	struct vgic5_vm v = vgic5_vm_create(1, guest_spins_pending, NULL);
	u32 *seen = addr_gva2hva(v.vm, (gva_t)&laps), *halt = addr_gva2hva(v.vm, (gva_t)&stop);
	int switches = 0;
	pthread_t thread;

	TEST_ASSERT(!vgic5_pin(0), "pinning to CPU 0: errno %d", errno);
	vgic5_expect(v.vcpu[0], PENDING);
	pthread_create(&thread, NULL, run_on_cpu0, v.vcpu[0]);
	/* Both are on CPU 0: when one has got on, the other was off. */
	while (switches < SWITCHES) {
		u32 before = READ_ONCE(*seen);

		vgic5_expect(other, 0);
		switches += READ_ONCE(*seen) != before;
		TEST_ASSERT(!vgic5_out_of_time(), "%d switches", switches);
	}
	WRITE_ONCE(*halt, 1);
	pthread_join(thread, NULL);
	vgic5_vm_free(&v);
	kvm_vm_free(other->vm);
}

/* ---- a timer for userspace beside one that is injected directly ---- */

#define EXPIRIES	200

static u32 noticed;	/* by userspace */

static void guest_with_user_irq(void)
{
	local_irq_disable();
	for (u32 n = 1; n <= EXPIRIES; n++) {
		timer_set_ctl(VIRTUAL, 0);
		timer_set_tval(VIRTUAL, usec_to_cycles(1000));
		timer_set_ctl(VIRTUAL, CTL_ENABLE);
		while (READ_ONCE(noticed) != n)
			cpu_relax();
		GUEST_ASSERT(timer_get_ctl(VIRTUAL) & CTL_ISTATUS);
		timer_set_ctl(VIRTUAL, CTL_ENABLE | CTL_IMASK);
		GUEST_SYNC(TAKEN);
	}
	GUEST_DONE();
}

static void user_irqs(struct kvm_vcpu *vcpu)
{
	u32 *notice = addr_gva2hva(vcpu->vm, (gva_t)&noticed);

	for (u32 n = 1; n <= EXPIRIES; n++) {
		while (!__vcpu_run(vcpu) || errno != EINTR ||
		       !(vcpu->run->s.regs.device_irq_level & KVM_ARM_DEV_EL1_VTIMER)) {
			TEST_ASSERT(vcpu->run->exit_reason == KVM_EXIT_INTR,
				    "expiry %u: exit reason %d", n, vcpu->run->exit_reason);
			TEST_ASSERT(!vgic5_out_of_time(), "expiry %u was not told", n);
		}
		WRITE_ONCE(*notice, n);
		vgic5_expect(vcpu, TAKEN);
		TEST_ASSERT(!(vcpu->run->s.regs.device_irq_level & KVM_ARM_DEV_EL1_VTIMER),
			    "the end of expiry %u was not told", n);
	}
	vgic5_expect(vcpu, VGIC5_DONE);
}

static void guest_with_direct_irq(void)
{
	guest_begin();
	for (u32 n = 0; n < EXPIRIES; n++) {
		arm(1000);
		take_one(n);
	}
	guest_end(EXPIRIES);
}

static void timers_of_both(void)
{
	struct kvm_vcpu *other;
	struct vgic5_vm v;
	pthread_t thread;

	if (!kvm_has_cap(KVM_CAP_ARM_USER_IRQ))
		vgic5_skip("no KVM_CAP_ARM_USER_IRQ");
	other = bare_vcpu(guest_with_user_irq, NULL);
	v = timer_vm(guest_with_direct_irq);
	TEST_ASSERT(!vgic5_pin(0), "pinning to CPU 0: errno %d", errno);
	pthread_create(&thread, NULL, run_on_cpu0, v.vcpu[0]);
	user_irqs(other);
	pthread_join(thread, NULL);
	vgic5_vm_free(&v);
	kvm_vm_free(other->vm);
}

FOR_EACH_TIMER(timers_of_both)

static const struct vgic5_test tests[] = {
	{ "row 14: a VM without a vGIC takes no SW_PPI of its neighbour's", no_sw_ppi },
	{ "row 14: a VM without a vGIC takes none of its neighbour's PPIs", no_ppis },
	{ "row 14: a VM without a vGIC, scheduled in, takes no SW_PPI", by_the_scheduler },
	EACH_TIMER("rows 15 23", "beside one that userspace is told of", timers_of_both),
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
