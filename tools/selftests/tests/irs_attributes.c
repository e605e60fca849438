// SPDX-License-Identifier: GPL-2.0
/*
 * What a VMM saves of a VM with an IRS, call by call: registers of the IRS, the
 * state of SPIs and LPIs, and the CPU interfaces. That a VM goes on is for
 * irs_save.c.
 */
#include <stdlib.h>

#include "vgic5_irs_guest.h"
#include "vgic5_save.h"

#define REGS	KVM_DEV_ARM_VGIC_GRP_IRS_REGS
#define IST	KVM_DEV_ARM_VGIC_GRP_IST
#define SYSREGS	KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS

#define BAD_POINTER	((void *)8UL)
#define SPIS		64
#define VALID_IST	(0x10000000UL | IRS_IST_BASER_VALID)

static void guest_done(void)
{
	for (;;)
		GUEST_SYNC(1);
}

static struct vgic5_vm vm_new(void)
{
	return vgic5_irs_vm(1, guest_done, NULL, SPIS);
}

static u64 reg(struct vgic5_vm *v, u64 offset)
{
	u64 val = ~0UL;
	int ret = vgic5_irs_get(v->gic, offset, &val);

	TEST_ASSERT(!ret, "get 0x%lx: %d", (unsigned long)offset, ret);
	return val;
}

/* The smallest number of LPI ID bits that an IRS takes. */
static u32 lpi_id_bits(struct vgic5_vm *v)
{
	return FIELD_GET(GENMASK(9, 6), reg(v, IRS_IDR2));
}

/* ---- IRS_REGS ---- */

static void registers(void)
{
	static const u16 status[] = {
		IRS_SYNC_STATUSR, IRS_SPI_STATUSR, IRS_PE_STATUSR, IRS_IST_STATUSR,
	};
	struct vgic5_vm v = vm_new();
	u64 vals[VGIC5_NR_IRS_REGS];

	for (int i = 0; i < VGIC5_NR_IRS_REGS; i++) {
		u64 offset = vgic5_irs_regs[i];

		EXPECT(0, vgic5_attr_has(v.gic, REGS, offset));
		vals[i] = reg(&v, offset);
		if (!vgic5_irs_reg_is_64(offset))
			TEST_ASSERT(!(vals[i] >> 32), "0x%lx reads 0x%lx",
				    (unsigned long)offset, (unsigned long)vals[i]);
	}
	for (int i = 0; i < VGIC5_NR_IRS_REGS; i++) {
		int ret = vgic5_irs_set(v.gic, vgic5_irs_regs[i], vals[i]);

		TEST_ASSERT(!ret, "set 0x%x to what it was: %d", vgic5_irs_regs[i], ret);
	}
	/* V of what is selected is not state. */
	EXPECT(0, vgic5_irs_set(v.gic, IRS_SPI_SELR, 0));
	for (int i = 0; i < (int)ARRAY_SIZE(status); i++)
		TEST_ASSERT(reg(&v, status[i]) == IRS_STATUSR_IDLE, "0x%x", status[i]);
	vgic5_vm_free(&v);
}

/* All offsets: a register, the inside of one, or nothing. */
static void offsets(void)
{
	struct vgic5_vm v = vm_new();
	int registers = 0;

	for (u64 offset = 0; offset < 0x400; offset++) {
		int want = -ENXIO, start = -1;
		u64 val = 0x5a;

		for (int i = 0; i < VGIC5_NR_IRS_REGS; i++) {
			u64 at = vgic5_irs_regs[i];

			if (offset >= at && offset < at + (vgic5_irs_reg_is_64(at) ? 8 : 4))
				start = at;
		}
		if (start >= 0)
			want = (u64)start == offset ? 0 : -EINVAL;
		registers += !want;
		EXPECT(want, vgic5_attr_has(v.gic, REGS, offset));
		EXPECT(want, vgic5_irs_get(v.gic, offset, &val));
		if (want) {
			TEST_ASSERT(val == 0x5a, "a refused get wrote something");
			EXPECT(want, vgic5_irs_set(v.gic, offset, 0));
		}
	}
	TEST_ASSERT(registers == VGIC5_NR_IRS_REGS, "%d registers", registers);
	EXPECT(-ENXIO, vgic5_attr_has(v.gic, REGS, 0x10000));
	EXPECT(-ENXIO, vgic5_attr_has(v.gic, REGS, BIT_ULL(32)));
	EXPECT(-ENXIO, vgic5_attr_has(v.gic, REGS, ~0UL));
	vgic5_vm_free(&v);
}

static void register_errors(void)
{
	struct vgic5_vm v = vgic5_vm_create_bare(0, NULL, NULL, 0);
	u64 val;

	vgic5_need_irs(v.gic);
	EXPECT(-EINVAL, vgic5_attr_has(v.gic, REGS, IRS_IDR0));
	EXPECT(-ENXIO, vgic5_attr_has(v.gic, REGS, 0x10000));
	vgic5_vm_free(&v);

	/* Before the address is known, it is known what there is. */
	v = vgic5_vm_create_bare(1, guest_done, NULL, 0);
	for (int i = 0; i < VGIC5_NR_IRS_REGS; i++) {
		EXPECT(0, vgic5_attr_has(v.gic, REGS, vgic5_irs_regs[i]));
		EXPECT(-EBUSY, vgic5_irs_get(v.gic, vgic5_irs_regs[i], &val));
		EXPECT(-EBUSY, vgic5_irs_set(v.gic, vgic5_irs_regs[i], 0));
	}
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, REGS, IRS_CR0, BAD_POINTER));
	EXPECT(0, vgic5_init(v.gic));
	EXPECT(-ENXIO, vgic5_irs_get(v.gic, IRS_IDR0, &val));
	EXPECT(-ENXIO, vgic5_irs_set(v.gic, IRS_IDR0, 1));
	EXPECT(0, vgic5_set_irs_address(v.gic, IRS_BASE));
	EXPECT(0, vgic5_irs_get(v.gic, IRS_IDR0, &val));
	EXPECT(-EFAULT, vgic5_attr_get(v.gic, REGS, IRS_IDR0, BAD_POINTER));
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, REGS, IRS_IDR0, BAD_POINTER));

	/* Once it has run they can be read, and not written. */
	vgic5_expect(v.vcpu[0], 1);
	EXPECT(0, vgic5_irs_get(v.gic, IRS_CR0, &val));
	EXPECT(-EBUSY, vgic5_irs_set(v.gic, IRS_CR0, val));
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, REGS, IRS_CR0, BAD_POINTER));
	EXPECT(-ENXIO, vgic5_irs_set(v.gic, 0x10000, 0));
	EXPECT(-EINVAL, vgic5_irs_set(v.gic, IRS_IDR0 + 2, 0));
	vgic5_vm_free(&v);
}

/* What another host's IRS may have said: harmless differences, and others. */
static void identity(void)
{
	static const struct {
		u16 offset;
		u64 flip;
		int want;
	} changes[] = {
		{ IRS_IDR0, 0xffff0000, 0 },	/* IRSID */
		{ IRS_IDR0, 0x3c, 0 },		/* PA_RANGE */
		{ IRS_IDR0, 0x3, -EINVAL },	/* INT_DOM */
		{ IRS_IDR0, BIT(6), -EINVAL },	/* VIRT */
		{ IRS_IDR0, BIT(7), -EINVAL },	/* ONE_N */
		{ IRS_IDR0, BIT(8), -EINVAL },	/* VIRT_ONE_N */
		{ IRS_IDR0, BIT(9), -EINVAL },	/* SETLPI */
		{ IRS_IDR0, BIT(10), -EINVAL },	/* MEC */
		{ IRS_IDR0, BIT(11), -EINVAL },	/* MPAM */
		{ IRS_IDR0, BIT(12), -EINVAL },	/* SWE */
		{ IRS_IDR1, 0xffff, 0 },	/* PE_CNT */
		{ IRS_IDR1, BIT(16), -EINVAL },	/* IAFFID_BITS */
		{ IRS_IDR1, BIT(20) * 7, -EINVAL }, /* PRIORITY_BITS; checked below */
		{ IRS_IDR2, 0x3800, 0 },	/* IST_L2SZ */
		{ IRS_IDR2, BIT(5), -EINVAL },	/* LPI */
		{ IRS_IDR2, BIT(10), -EINVAL },	/* IST_LEVELS */
		{ IRS_IDR2, BIT(14), -EINVAL },	/* ISTMD */
		{ IRS_IDR2, BIT(15), -EINVAL },	/* ISTMD_SZ */
		{ 0x00c, ~0U, 0 },		/* IDR3 */
		{ 0x010, ~0U, 0 },		/* IDR4 */
		{ IRS_IDR5, 1, -EINVAL },
		{ IRS_IDR6, 32, -EINVAL },
		{ IRS_IDR7, 1, -EINVAL },
		{ IRS_IIDR, ~0U, 0 },
		{ 0x044, ~0U, 0 },		/* AIDR */
		/* Bits 63:32 of a 32-bit register are nothing. */
		{ IRS_IDR5, ~0UL << 32, 0 },
		{ IRS_IDR0, ~0UL << 32, 0 },
	};
	struct vgic5_vm v = vm_new();

	for (int i = 0; i < (int)ARRAY_SIZE(changes); i++) {
		u64 was = reg(&v, changes[i].offset), val = was ^ changes[i].flip;
		int ret;

		/* The most there can be, whatever this host has. */
		if (changes[i].flip == BIT(20) * 7)
			val = was | changes[i].flip;
		ret = vgic5_irs_set(v.gic, changes[i].offset, val);
		TEST_ASSERT(ret == changes[i].want, "set 0x%x to 0x%lx, which is 0x%lx: %d",
			    changes[i].offset, (unsigned long)val, (unsigned long)was, ret);
		TEST_ASSERT(reg(&v, changes[i].offset) == was, "0x%x has changed", changes[i].offset);
	}
	EXPECT(-EINVAL, vgic5_irs_set(v.gic, IRS_IDR2, 0));
	vgic5_vm_free(&v);
}

static void stored(void)
{
	struct vgic5_vm v = vm_new();

	EXPECT(0, vgic5_irs_set(v.gic, IRS_CR0, IRS_CR0_IRSEN | ~0UL << 32));
	TEST_ASSERT(reg(&v, IRS_CR0) == (IRS_CR0_IRSEN | IRS_CR0_IDLE), "IRSEN");
	EXPECT(0, vgic5_irs_set(v.gic, IRS_CR0, ~0UL << 32));
	TEST_ASSERT(reg(&v, IRS_CR0) == IRS_CR0_IDLE, "no IRSEN");
	EXPECT(0, vgic5_irs_set(v.gic, IRS_SPI_SELR, 5));
	TEST_ASSERT(reg(&v, IRS_SPI_SELR) == 5, "SPI_SELR");
	EXPECT(0, vgic5_irs_set(v.gic, IRS_PE_SELR, 3));
	TEST_ASSERT(reg(&v, IRS_PE_SELR) == 3, "PE_SELR");
	/* Trigger modes travel with the entries. */
	EXPECT(0, vgic5_irs_set(v.gic, IRS_SPI_CFGR, 1));
	TEST_ASSERT(!reg(&v, IRS_SPI_CFGR), "SPI_CFGR");
	/* A status says no more than IDLE, whatever is written. */
	EXPECT(0, vgic5_irs_set(v.gic, IRS_SPI_STATUSR, ~0U));
	TEST_ASSERT(reg(&v, IRS_SPI_STATUSR) == IRS_STATUSR_IDLE, "SPI_STATUSR");
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_STATUSR, 0));
	TEST_ASSERT(reg(&v, IRS_IST_STATUSR) == IRS_STATUSR_IDLE, "IST_STATUSR");
	/* Without an IST_CFGR that makes sense. */
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_BASER, VALID_IST));
	TEST_ASSERT(reg(&v, IRS_IST_BASER) == VALID_IST, "IST_BASER");
	vgic5_vm_free(&v);
}

/* A valid IST whose entries are missing: the guest would lose its LPIs. */
static void ist_missing(void)
{
	struct vgic5_vm v = vm_new();

	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_CFGR, lpi_id_bits(&v)));
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_BASER, VALID_IST));
	EXPECT(-EINVAL, vgic5_try_run(v.vcpu[0]));
	EXPECT(-EIO, vgic5_try_run(v.vcpu[0]));
	vgic5_vm_free(&v);

	/* One that is not valid any more is none. */
	v = vm_new();
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_CFGR, lpi_id_bits(&v)));
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_BASER, VALID_IST));
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_BASER, 0));
	EXPECT(0, vgic5_try_run(v.vcpu[0]));
	vgic5_vm_free(&v);
}

/* ---- IST ---- */

static u32 spis[SPIS + 1], lpis[BIT(16) + 1];

static struct kvm_vgic_v5_ist buffers(u32 nr_spis, u32 nr_lpis)
{
	struct kvm_vgic_v5_ist ist = {
		.spi_ist_addr = nr_spis ? (u64)spis : 0,
		.spi_ist_size = nr_spis * 4,
		.lpi_ist_addr = nr_lpis ? (u64)lpis : 0,
		.lpi_ist_size = nr_lpis * 4,
	};

	return ist;
}

static int ist_get(struct vgic5_vm *v, struct kvm_vgic_v5_ist ist)
{
	return vgic5_attr_get(v->gic, IST, 0, &ist);
}

static int ist_set(struct vgic5_vm *v, struct kvm_vgic_v5_ist ist)
{
	return vgic5_attr_set(v->gic, IST, 0, &ist);
}

/* Neither of them takes these buffers. */
static void both_are(struct vgic5_vm *v, int want, struct kvm_vgic_v5_ist ist)
{
	EXPECT(want, ist_get(v, ist));
	EXPECT(want, ist_set(v, ist));
}

static void ist_errors(void)
{
	struct vgic5_vm v = vgic5_irs_vm_bare(1, guest_done, NULL, SPIS);
	struct kvm_vgic_v5_ist ist = buffers(SPIS, 0);

	for (u64 attr = 1; attr < 4; attr++) {
		EXPECT(-ENXIO, vgic5_attr_has(v.gic, IST, attr));
		EXPECT(-ENXIO, vgic5_attr_get(v.gic, IST, attr, &ist));
		EXPECT(-ENXIO, vgic5_attr_set(v.gic, IST, attr, &ist));
	}
	EXPECT(0, vgic5_attr_has(v.gic, IST, 0));
	both_are(&v, -EBUSY, ist);
	EXPECT(0, vgic5_init(v.gic));

	EXPECT(-EINVAL, vgic5_attr_get(v.gic, IST, 0, NULL));
	EXPECT(-EINVAL, vgic5_attr_set(v.gic, IST, 0, NULL));
	EXPECT(-EFAULT, vgic5_attr_get(v.gic, IST, 0, (void *)1UL));
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, IST, 0, (void *)1UL));
	both_are(&v, -EINVAL, buffers(0, 0));
	both_are(&v, -EINVAL, buffers(SPIS - 1, 0));
	both_are(&v, -EINVAL, buffers(SPIS + 1, 0));
	both_are(&v, -EINVAL, buffers(SPIS, 1));
	both_are(&v, -EINVAL, buffers(SPIS, BIT(lpi_id_bits(&v))));
	ist.spi_ist_addr = 0;
	both_are(&v, -EINVAL, ist);
	ist.spi_ist_addr = 8;
	both_are(&v, -EFAULT, ist);
	EXPECT(0, ist_get(&v, buffers(SPIS, 0)));
	EXPECT(0, ist_set(&v, buffers(SPIS, 0)));

	vgic5_expect(v.vcpu[0], 1);
	EXPECT(0, ist_get(&v, buffers(SPIS, 0)));
	EXPECT(-EBUSY, ist_set(&v, buffers(SPIS, 0)));
	vgic5_vm_free(&v);
}

static void ist_lpis(void)
{
	struct vgic5_vm v = vm_new();
	u32 nr = BIT(lpi_id_bits(&v));

	/* As many as IST_CFGR says, which has to be possible. */
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_BASER, VALID_IST));
	both_are(&v, -EINVAL, buffers(SPIS, 1));
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_CFGR, lpi_id_bits(&v)));
	both_are(&v, -EINVAL, buffers(SPIS, 0));
	both_are(&v, -EINVAL, buffers(SPIS, nr - 1));
	both_are(&v, -EINVAL, buffers(SPIS, nr + 1));
	/* There is nothing to save yet. */
	EXPECT(-ENXIO, ist_get(&v, buffers(SPIS, nr)));

	EXPECT(0, ist_set(&v, buffers(SPIS, nr)));
	EXPECT(0, ist_get(&v, buffers(SPIS, nr)));
	EXPECT(-EBUSY, ist_set(&v, buffers(SPIS, nr)));
	/* From now on the two registers are what they are. */
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_BASER, VALID_IST));
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_CFGR, lpi_id_bits(&v)));
	EXPECT(-EINVAL, vgic5_irs_set(v.gic, IRS_IST_BASER, VALID_IST + 0x10000));
	EXPECT(-EINVAL, vgic5_irs_set(v.gic, IRS_IST_BASER, 0));
	EXPECT(-EINVAL, vgic5_irs_set(v.gic, IRS_IST_CFGR, lpi_id_bits(&v) + 1));
	vgic5_expect(v.vcpu[0], 1);
	vgic5_vm_free(&v);
}

/* Any state there can be comes back, bit by bit; the rest does not. */
static void ist_bits(void)
{
	u32 mask = ISTE_PENDING | ISTE_ACTIVE | ISTE_HM | ISTE_ENABLE | ISTE_PRIORITY | ISTE_IAFFID;
	struct vgic5_vm v = vm_new();
	static u32 want[SPIS + BIT(16)];
	u32 nr = BIT(lpi_id_bits(&v));

	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_CFGR, lpi_id_bits(&v)));
	EXPECT(0, vgic5_irs_set(v.gic, IRS_IST_BASER, VALID_IST));
	for (u32 i = 0; i < SPIS + nr; i++) {
		/* vCPU 0 is the only target there is. */
		want[i] = (u32)rand() & mask & ~ISTE_IAFFID;
		if (i < SPIS)
			spis[i] = want[i];
		else
			lpis[i - SPIS] = want[i];
	}
	EXPECT(0, ist_set(&v, buffers(SPIS, nr)));
	memset(spis, 0x5a, sizeof(spis));
	memset(lpis, 0x5a, sizeof(lpis));
	EXPECT(0, ist_get(&v, buffers(SPIS, nr)));
	for (u32 i = 0; i < SPIS + nr; i++) {
		u32 got = i < SPIS ? spis[i] : lpis[i - SPIS];

		TEST_ASSERT(got == want[i], "%s %u: 0x%x, not 0x%x", i < SPIS ? "SPI" : "LPI",
			    i < SPIS ? i : i - SPIS, got, want[i]);
	}
	TEST_ASSERT(spis[SPIS] == 0x5a5a5a5a && lpis[nr] == 0x5a5a5a5a, "more was written");
	vgic5_vm_free(&v);
}

/* ---- CPU_SYSREGS, USERSPACE_PPIS ---- */

static void sysregs(void)
{
	struct vgic5_vm v = vgic5_irs_vm_bare(1, guest_done, NULL, SPIS);
	u64 attr, val, ctlr = vgic5_sysreg_attr(0, SYS_ICC_CTLR_EL1);

	for (int i = 0; i < VGIC5_NR_REGS; i++) {
		attr = vgic5_sysreg_attr(0, vgic5_regs[i].reg);
		EXPECT(0, vgic5_has_reg(v.gic, attr));
		EXPECT(-EBUSY, vgic5_get_reg(v.gic, attr, &val));
		EXPECT(-EBUSY, vgic5_set_reg(v.gic, attr, 0));
	}
	EXPECT(0, vgic5_init(v.gic));
	for (int i = 0; i < VGIC5_NR_REGS; i++) {
		attr = vgic5_sysreg_attr(0, vgic5_regs[i].reg);
		EXPECT(0, vgic5_has_reg(v.gic, attr));
		EXPECT(0, vgic5_get_reg(v.gic, attr, &val));
		EXPECT(0, vgic5_set_reg(v.gic, attr, val));
	}
	EXPECT(-ENXIO, vgic5_has_reg(v.gic, ctlr));
	EXPECT(-ENOENT, vgic5_get_reg(v.gic, ctlr, &val));
	EXPECT(-ENOENT, vgic5_set_reg(v.gic, ctlr, 0));
	attr = vgic5_sysreg_attr(1, SYS_ICC_PCR_EL1);
	EXPECT(-EINVAL, vgic5_has_reg(v.gic, attr));
	EXPECT(-EINVAL, vgic5_get_reg(v.gic, attr, &val));
	EXPECT(-EINVAL, vgic5_set_reg(v.gic, attr, 0));
	attr = vgic5_sysreg_attr(0, SYS_ICC_PCR_EL1);
	EXPECT(-EFAULT, vgic5_attr_get(v.gic, SYSREGS, attr, NULL));
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, SYSREGS, attr, NULL));
	vgic5_vm_free(&v);
}

/* The link to an IRS is there, and idle; it is not what is saved. */
static void cr0(void)
{
	struct vgic5_vm v = vm_new();
	u64 attr = vgic5_sysreg_attr(0, SYS_ICC_CR0_EL1), link = 0x6, val;

	for (u64 en = 0; en < 2; en++) {
		EXPECT(0, vgic5_set_reg(v.gic, attr, en | link));
		EXPECT(0, vgic5_get_reg(v.gic, attr, &val));
		TEST_ASSERT(val == (en | link), "0x%lx", (unsigned long)val);
		EXPECT(0, vgic5_set_reg(v.gic, attr, en));
		EXPECT(0, vgic5_get_reg(v.gic, attr, &val));
		TEST_ASSERT(val == (en | link), "0x%lx", (unsigned long)val);
	}
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "each register can be read and written back", registers },
	{ "each offset is a register, in one, or ENXIO", offsets },
	{ "errors of the registers", register_errors },
	{ "identity registers take what this VM can have", identity },
	{ "what the registers keep", stored },
	{ "no run with a valid IST that was not restored", ist_missing },
	{ "errors of the state of interrupts", ist_errors },
	{ "LPIs are saved as IST_CFGR says", ist_lpis },
	{ "any state of any interrupt comes back", ist_bits },
	{ "CPU interfaces of a VM with an IRS", sysregs },
	{ "ICC_CR0_EL1 shows the link to the IRS", cr0 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
