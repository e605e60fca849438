// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest reads and writes of its CPU interface: identification, the PPI
 * registers, masks, acknowledging in every order, and UNDEF where mainline
 * has it.
 */
#include "vgic5_guest.h"

#define ENABLER0()	read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1)
#define ENABLER1()	read_sysreg_s(SYS_ICC_PPI_ENABLER1_EL1)
#define PENDR0()	read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1)
#define ACTIVER0()	read_sysreg_s(SYS_ICC_PPI_SACTIVER0_EL1)
#define APR()		read_sysreg_s(SYS_ICC_APR_EL1)
#define HPPIR()		read_sysreg_s(SYS_ICC_HPPIR_EL1)

#define SW		BIT_ULL(PPI_SW)

static void run_guest(guest_fn code)
{
	struct vgic5_vm v = vgic5_vm_create(1, code, NULL);

	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* Taken with PSTATE.I set throughout: interrupts stay pending. */

static void guest_identification(void)
{
	u64 idr0 = read_sysreg_s(SYS_ICC_IDR0_EL1);

	GUEST_ASSERT_EQ(FIELD_GET(ICC_IDR0_EL1_ID_BITS, idr0),
			ICC_IDR0_EL1_ID_BITS_16BITS);
	GUEST_ASSERT_EQ(FIELD_GET(ICC_IDR0_EL1_PRI_BITS, idr0),
			ICC_IDR0_EL1_PRI_BITS_5BITS);
	GUEST_ASSERT_EQ(FIELD_GET(ICC_IDR0_EL1_GCIE_LEGACY, idr0), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_IAFFIDR_EL1), 0);
	GUEST_ASSERT_EQ(SYS_FIELD_GET(ID_AA64PFR2_EL1, GCIE,
				      read_sysreg_s(SYS_ID_AA64PFR2_EL1)),
			ID_AA64PFR2_EL1_GCIE_IMP);
	GUEST_ASSERT_EQ(SYS_FIELD_GET(ID_AA64PFR0_EL1, GIC,
				      read_sysreg_s(SYS_ID_AA64PFR0_EL1)), 0);
	GUEST_DONE();
}

static void guest_power_on(void)
{
	GUEST_ASSERT_EQ(ENABLER0(), 0);
	GUEST_ASSERT_EQ(ENABLER1(), 0);
	GUEST_ASSERT_EQ(PENDR0() & ~(BIT_ULL(PPI_CNTV) | BIT_ULL(PPI_CNTP)), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SPENDR1_EL1), 0);
	GUEST_ASSERT_EQ(ACTIVER0(), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_SACTIVER1_EL1), 0);
	GUEST_ASSERT_EQ(APR(), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PCR_EL1), 0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_CR0_EL1) & ICC_CR0_EL1_EN, 0);
	GUEST_ASSERT_EQ(FIELD_GET(ICC_HPPIR_EL1_HPPIV, HPPIR()), 0);
	GUEST_ASSERT_EQ(guest_ack(), 0);
	GUEST_DONE();
}

static void guest_enabler(void)
{
	/* A write is masked with what the guest was given. */
	guest_enable(~0UL);
	GUEST_ASSERT_EQ(ENABLER0(), GUEST_PPIS);
	write_sysreg_s(~0UL, SYS_ICC_PPI_ENABLER1_EL1);
	isb();
	GUEST_ASSERT_EQ(ENABLER1(), 0);
	guest_enable(SW);
	GUEST_ASSERT_EQ(ENABLER0(), SW);
	GUEST_ASSERT_EQ(ENABLER1(), 0);
	/* And stays across exits. */
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(ENABLER0(), SW);
	guest_enable(0);
	GUEST_ASSERT_EQ(ENABLER0(), 0);
	GUEST_DONE();
}

static void guest_pendr(void)
{
	guest_pend_sw();
	GUEST_ASSERT_EQ(PENDR0() & SW, SW);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_CPENDR0_EL1) & SW, SW);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(PENDR0() & SW, SW);
	write_sysreg_s(SW, SYS_ICC_PPI_CPENDR0_EL1);
	isb();
	GUEST_ASSERT_EQ(PENDR0() & SW, 0);
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(PENDR0() & SW, 0);
	GUEST_DONE();
}

static void guest_activer(void)
{
	write_sysreg_s(SW, SYS_ICC_PPI_SACTIVER0_EL1);
	isb();
	GUEST_ASSERT_EQ(ACTIVER0() & SW, SW);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_CACTIVER0_EL1) & SW, SW);
	write_sysreg_s(SW, SYS_ICC_PPI_CACTIVER0_EL1);
	isb();
	GUEST_ASSERT_EQ(ACTIVER0() & SW, 0);
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(ACTIVER0() & SW, 0);
	GUEST_DONE();
}

static void guest_priorityr(void)
{
	u64 field = 0x1fUL << ((PPI_SW % 8) * 8);

	for (u64 p = 0; p <= PRIORITY_LOWEST; p++) {
		u64 val = p << ((PPI_SW % 8) * 8);

		guest_set_priority(PPI_SW, p);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_PRIORITYR0_EL1) & field, val);
		GUEST_SYNC(p);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_PRIORITYR0_EL1) & field, val);
	}
	GUEST_DONE();
}

static void guest_masks(void)
{
	for (u64 p = 0; p <= PRIORITY_LOWEST; p++) {
		guest_set_mask(p);
		GUEST_SYNC(p);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PCR_EL1), p);
	}
	write_sysreg_s(ICC_CR0_EL1_EN, SYS_ICC_CR0_EL1);
	GUEST_SYNC(40);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_CR0_EL1) & ICC_CR0_EL1_EN,
			ICC_CR0_EL1_EN);
	write_sysreg_s(0, SYS_ICC_CR0_EL1);
	GUEST_SYNC(41);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_CR0_EL1) & ICC_CR0_EL1_EN, 0);
	GUEST_DONE();
}

static void guest_apr(void)
{
	write_sysreg_s(BIT(4) | BIT(17) | BIT(31), SYS_ICC_APR_EL1);
	isb();
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(APR(), BIT(4) | BIT(17) | BIT(31));
	/* CDEOI drops the highest active priority, which is the lowest bit. */
	guest_drop_priority();
	isb();
	GUEST_ASSERT_EQ(APR(), BIT(17) | BIT(31));
	guest_drop_priority();
	isb();
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(APR(), BIT(31));
	guest_drop_priority();
	guest_drop_priority();
	isb();
	GUEST_ASSERT_EQ(APR(), 0);
	GUEST_DONE();
}

static void guest_hppir(void)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	GUEST_ASSERT_EQ(FIELD_GET(ICC_HPPIR_EL1_HPPIV, HPPIR()), 0);
	guest_pend_sw();
	/* Not enabled. */
	GUEST_ASSERT_EQ(FIELD_GET(ICC_HPPIR_EL1_HPPIV, HPPIR()), 0);
	guest_enable(SW);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(FIELD_GET(ICC_HPPIR_EL1_HPPIV, HPPIR()), 1);
	GUEST_ASSERT_EQ((u32)HPPIR(), PPI_INTID(PPI_SW));
	GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
	GUEST_ASSERT_EQ(FIELD_GET(ICC_HPPIR_EL1_HPPIV, HPPIR()), 0);
	GUEST_DONE();
}

/* Acknowledge, then EOI and DI in either order: each does its own half. */
static void guest_ack_orders(void)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_set_priority(PPI_SW, 9);
	guest_enable(SW);

	for (int eoi_first = 0; eoi_first < 2; eoi_first++) {
		GUEST_ASSERT_EQ(guest_ack(), 0);
		guest_pend_sw();
		GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
		GUEST_ASSERT_EQ(PENDR0() & SW, 0);
		GUEST_ASSERT_EQ(ACTIVER0() & SW, SW);
		GUEST_ASSERT_EQ(APR(), BIT(9));
		GUEST_ASSERT_EQ(guest_ack(), 0);
		GUEST_SYNC(1 + eoi_first);

		if (eoi_first) {
			guest_drop_priority();
			isb();
			GUEST_ASSERT_EQ(APR(), 0);
			GUEST_ASSERT_EQ(ACTIVER0() & SW, SW);
			/* Active: a new edge is latched, not signalled. */
			guest_pend_sw();
			GUEST_SYNC(10);
			GUEST_ASSERT_EQ(guest_ack(), 0);
			guest_deactivate(PPI_INTID(PPI_SW));
			GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
		} else {
			guest_deactivate(PPI_INTID(PPI_SW));
			GUEST_ASSERT_EQ(ACTIVER0() & SW, 0);
			GUEST_ASSERT_EQ(APR(), BIT(9));
			/* Not active, but its own priority still runs. */
			guest_pend_sw();
			GUEST_SYNC(11);
			GUEST_ASSERT_EQ(guest_ack(), 0);
			guest_drop_priority();
			isb();
			GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
		}
		guest_deactivate(PPI_INTID(PPI_SW));
		guest_drop_priority();
		isb();
		GUEST_ASSERT_EQ(ACTIVER0(), 0);
		GUEST_ASSERT_EQ(APR(), 0);
	}
	GUEST_DONE();
}

static void guest_nmia(void)
{
	u64 nmia;

	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(SW);
	guest_pend_sw();
	nmia = read_sysreg_s(GICV5_OP_GICR_CDNMIA);
	GUEST_ASSERT_EQ(nmia & GICV5_GICR_CDNMIA_VALID_MASK, 0);
	/* Which took nothing. */
	GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
	GUEST_DONE();
}

static void guest_hmr(void)
{
	/* The SW_PPI is edge, the timers level; nothing else is there. */
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_HMR0_EL1) & GUEST_PPIS,
			BIT_ULL(PPI_CNTV) | BIT_ULL(PPI_CNTP));
	GUEST_DONE();
}

static void guest_hmr_exact(void)
{
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_HMR0_EL1),
			BIT_ULL(PPI_CNTV) | BIT_ULL(PPI_CNTP));
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_ICC_PPI_HMR1_EL1), 0);
	GUEST_DONE();
}

/* ---- UNDEF ---- */

static u32 undefs;

static void guest_undef_handler(struct ex_regs *regs)
{
	undefs++;
	regs->pc += 4;
}

#define EXPECT_UNDEF(access)						\
	do {								\
		u32 __before = undefs;					\
		access;							\
		isb();							\
		GUEST_ASSERT_EQ(undefs, __before + 1);			\
	} while (0)

#define EXPECT_DEF(access)						\
	do {								\
		u32 __before = undefs;					\
		access;							\
		isb();							\
		GUEST_ASSERT_EQ(undefs, __before);			\
	} while (0)

static void guest_undefs_with_gic(void)
{
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_IDR0_EL1));
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_IAFFIDR_EL1));
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_HPPIR_EL1));
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_PPI_HMR0_EL1));
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_PPI_HMR1_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICH_VMCR_EL2));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICH_PPI_PENDR0_EL2));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_SRE_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_IAR1_EL1));
	EXPECT_DEF(read_sysreg_s(SYS_ICC_IDR0_EL1));
	EXPECT_DEF(read_sysreg_s(GICV5_OP_GICR_CDNMIA));
	EXPECT_DEF(guest_ack());
	GUEST_DONE();
}

static void guest_undefs_without_gic(void)
{
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_IDR0_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_IAFFIDR_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_PPI_HMR0_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1));
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_PPI_ENABLER0_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1));
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_PCR_EL1));
	EXPECT_UNDEF(write_sysreg_s(0, SYS_ICC_CR0_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_APR_EL1));
	EXPECT_UNDEF(read_sysreg_s(SYS_ICC_HPPIR_EL1));
	EXPECT_UNDEF(read_sysreg_s(GICV5_OP_GICR_CDIA));
	EXPECT_UNDEF(read_sysreg_s(GICV5_OP_GICR_CDNMIA));
	EXPECT_UNDEF(gic_insn(0, CDEOI));
	EXPECT_UNDEF(gic_insn(PPI_INTID(PPI_SW), CDDI));
	GUEST_ASSERT_EQ(SYS_FIELD_GET(ID_AA64PFR2_EL1, GCIE,
				      read_sysreg_s(SYS_ID_AA64PFR2_EL1)), 0);
	GUEST_DONE();
}

static void undefs_with_gic(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_undefs_with_gic, NULL);

	vm_install_sync_handler(v.vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_UNKNOWN,
				guest_undef_handler);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

static void undefs_without_gic(void)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, 1, 0);
	struct kvm_vcpu *vcpu;

	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	vcpu = vm_vcpu_add(vm, 0, guest_undefs_without_gic);
	vm_init_descriptor_tables(vm);
	vcpu_init_descriptor_tables(vcpu);
	vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_UNKNOWN,
				guest_undef_handler);
	vgic5_expect(vcpu, VGIC5_DONE);
	kvm_vm_free(vm);
}

/* Runs the guest to its end, whatever it says on the way. */
static void run_talking_guest(guest_fn code)
{
	struct vgic5_vm v = vgic5_vm_create(1, code, NULL);

	while (vgic5_vcpu_run(v.vcpu[0]) != VGIC5_DONE)
		;
	vgic5_vm_free(&v);
}

#define GUEST_TEST(name, runner)		\
	static void name(void)			\
	{					\
		runner(guest_##name);		\
	}

GUEST_TEST(identification, run_guest)
GUEST_TEST(power_on, run_guest)
GUEST_TEST(nmia, run_guest)
GUEST_TEST(hmr, run_guest)
GUEST_TEST(hmr_exact, run_guest)
GUEST_TEST(enabler, run_talking_guest)
GUEST_TEST(pendr, run_talking_guest)
GUEST_TEST(activer, run_talking_guest)
GUEST_TEST(priorityr, run_talking_guest)
GUEST_TEST(masks, run_talking_guest)
GUEST_TEST(apr, run_talking_guest)
GUEST_TEST(hppir, run_talking_guest)
GUEST_TEST(ack_orders, run_talking_guest)

static const struct vgic5_test tests[] = {
	{ "rows 8 10: ICC_IDR0, ICC_IAFFIDR and the ID registers", identification },
	{ "row 22: the interface after power-on", power_on },
	{ "rows 17 19: ICC_PPI_ENABLERn are masked and kept", enabler },
	{ "row 17: ICC_PPI_SPENDRn and CPENDRn", pendr },
	{ "row 17: ICC_PPI_SACTIVERn and CACTIVERn", activer },
	{ "row 17: ICC_PPI_PRIORITYRn, 32 priorities", priorityr },
	{ "row 14: ICC_PCR and ICC_CR0 across exits", masks },
	{ "row 14: ICC_APR and priority drop across exits", apr },
	{ "row 17: ICC_HPPIR", hppir },
	{ "row 17: CDIA, CDEOI and CDDI in either order", ack_orders },
	{ "row 5: GICR CDNMIA finds nothing and takes nothing", nmia },
	{ "rows 11 19: the handling mode of the guest's PPIs", hmr },
	{ "row 11: ICC_PPI_HMRn show only the guest's PPIs", hmr_exact },
	{ "rows 5 8 10: UNDEF, with a GICv5", undefs_with_gic },
	{ "rows 5 8: UNDEF, with no GIC", undefs_without_gic },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
