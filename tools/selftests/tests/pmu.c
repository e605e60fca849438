// SPDX-License-Identifier: GPL-2.0
/*
 * The PMU's interrupt is PPI 23 on a GICv5 and no other.
 */
#include <perf/arm_pmuv3.h>

#include "vgic5_guest.h"

#define PMU	BIT_ULL(PPI_PMU)
#define CYCLES	BIT(31)

static u32 taken;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = guest_ack();

	GUEST_ASSERT_EQ(intid, PPI_INTID(PPI_PMU));
	GUEST_ASSERT(read_sysreg(pmovsclr_el0) & CYCLES);
	write_sysreg(CYCLES, pmintenclr_el1);
	write_sysreg(CYCLES, pmovsclr_el0);
	isb();
	WRITE_ONCE(taken, taken + 1);
	guest_drop_priority();
	guest_deactivate(intid);
}

static void guest_overflow(void)
{
	/* Out of reset these are UNKNOWN. */
	write_sysreg(0, pmcr_el0);
	write_sysreg(~0UL, pmcntenclr_el0);
	write_sysreg(~0UL, pmintenclr_el1);
	write_sysreg(~0UL, pmovsclr_el0);
	guest_gic_on(PMU);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1), PMU);
	for (u32 n = 0; n < 10; n++) {
		write_sysreg(CYCLES, pmovsclr_el0);
		write_sysreg(~0UL - 2000, pmccntr_el0);
		write_sysreg(CYCLES, pmintenset_el1);
		write_sysreg(CYCLES, pmcntenset_el0);
		write_sysreg(ARMV8_PMU_PMCR_E | ARMV8_PMU_PMCR_LC, pmcr_el0);
		isb();
		while (READ_ONCE(taken) == n)
			isb();
		write_sysreg(0, pmcr_el0);
		isb();
	}
	GUEST_ASSERT_EQ(taken, 10);
	GUEST_DONE();
}

static struct vgic5_vm pmu_vm(guest_fn code, guest_irq_fn irq)
{
	if (!kvm_has_cap(KVM_CAP_ARM_PMU_V3))
		vgic5_skip("no PMU");
	return vgic5_vm_create_with(1, code, irq, BIT(KVM_ARM_VCPU_PMU_V3));
}

static int pmu_attr(struct kvm_vcpu *vcpu, u64 attr, void *data)
{
	return __vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, attr, data) ?
		-errno : 0;
}

static void overflow(int *irq)
{
	struct vgic5_vm v = pmu_vm(guest_overflow, guest_irq);

	if (irq)
		TEST_ASSERT(!pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_IRQ, irq),
			    "PMU interrupt 0x%x: errno %d", *irq, errno);
	TEST_ASSERT(!pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_INIT, NULL),
		    "PMU INIT: errno %d", errno);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

static void by_default(void)
{
	overflow(NULL);
}

static void explicitly(void)
{
	int irq = PPI_INTID(PPI_PMU);

	overflow(&irq);
}

static void others_refused(void)
{
	struct vgic5_vm v = pmu_vm(guest_overflow, guest_irq);

	for (int id = 0; id < 128; id++) {
		int irq = PPI_INTID(id), ret;

		if (id == PPI_PMU)
			continue;
		ret = pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
		TEST_ASSERT(ret == -EINVAL, "PPI %d: %d", id, ret);
	}
	for (int type = 0; type < 8; type++) {
		int irq = (type << 29) | PPI_PMU, ret;

		if (type == 1)
			continue;
		ret = pmu_attr(v.vcpu[0], KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
		TEST_ASSERT(ret == -EINVAL, "type %d: %d", type, ret);
	}
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "rows 17 24: overflow interrupts on PPI 23 by default", by_default },
	{ "rows 17 24: overflow interrupts on PPI 23 when asked for", explicitly },
	{ "row 24: any other interrupt is EINVAL", others_refused },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
