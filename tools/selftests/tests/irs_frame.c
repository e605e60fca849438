// SPDX-License-Identifier: GPL-2.0
/*
 * The IRS's frames as a guest finds them: registers, the widths of accesses, and
 * the IST of its LPIs.
 */
#include "vgic5_irs_guest.h"

#define SPIS		96

static u32 pe_cnt, iaffid_bits;	/* what the host made */

static void guest_identity(void)
{
	u32 idr1 = irs_read(IRS_IDR1), idr2 = irs_read(IRS_IDR2);

	/* Non-secure, and nothing else but a PA_RANGE. */
	GUEST_ASSERT_EQ(irs_read(IRS_IDR0) & ~GENMASK(5, 2), 1);
	GUEST_ASSERT_EQ(FIELD_GET(GENMASK(15, 0), idr1), pe_cnt);
	GUEST_ASSERT_EQ(FIELD_GET(GENMASK(19, 16), idr1) + 1, iaffid_bits);
	GUEST_ASSERT_EQ(FIELD_GET(GENMASK(22, 20), idr1), 4);
	/* LPIs, in linear tables of entries without metadata. */
	GUEST_ASSERT(idr2 & BIT(5));
	GUEST_ASSERT_EQ(idr2 & GENMASK(31, 10), 0);
	GUEST_ASSERT(FIELD_GET(GENMASK(9, 6), idr2) <= FIELD_GET(GENMASK(4, 0), idr2));
	GUEST_ASSERT(FIELD_GET(GENMASK(4, 0), idr2) <= 16);
	GUEST_ASSERT_EQ(irs_read(0x00c), 0);
	GUEST_ASSERT_EQ(irs_read(0x010), 0);
	GUEST_ASSERT_EQ(irs_read(IRS_IDR5), SPIS);
	GUEST_ASSERT_EQ(irs_read(IRS_IDR6), SPIS);
	GUEST_ASSERT_EQ(irs_read(IRS_IDR7), 0);
	GUEST_ASSERT_EQ(irs_read(IRS_IIDR), 0x04b0043b);
	GUEST_ASSERT_EQ(irs_read(0x044), 0);
	/* DEVARCH, and the identification of a component. */
	GUEST_ASSERT_EQ(irs_read(0xffbc), 0x47705a19);
	GUEST_ASSERT_EQ(irs_read(0xfff0) | irs_read(0xfff4) << 8 | irs_read(0xfff8) << 16 |
			irs_read(0xfffc) << 24, 0xb105f00d);
	GUEST_ASSERT_EQ(irs_read(0xffe0), 0x4b);
	GUEST_ASSERT_EQ(irs_read(0xffe4), 0xb0);
	GUEST_ASSERT_EQ(irs_read(0xffe8), 0x0b);
	GUEST_ASSERT_EQ(irs_read(0xffd0), 0x04);
	GUEST_DONE();
}

static void identity(void)
{
	for (int nr = 1; nr <= 5; nr += 2) {
		struct vgic5_vm v = vgic5_irs_vm(nr, guest_identity, NULL, SPIS);

		pe_cnt = nr;
		iaffid_bits = nr == 1 ? 1 : nr == 3 ? 2 : 3;
		sync_global_to_guest(v.vm, pe_cnt);
		sync_global_to_guest(v.vm, iaffid_bits);
		vgic5_expect(v.vcpu[0], VGIC5_DONE);
		vgic5_vm_free(&v);
	}
}

static void guest_registers(void)
{
	/* Itself. */
	GUEST_ASSERT_EQ(irs_read(IRS_CR0), IRS_CR0_IDLE);
	irs_write(IRS_CR0, ~0U);
	GUEST_ASSERT_EQ(irs_read(IRS_CR0), IRS_CR0_IDLE | IRS_CR0_IRSEN);
	irs_write(IRS_CR0, 0);
	GUEST_ASSERT_EQ(irs_read(IRS_CR0), IRS_CR0_IDLE);
	irs_write(IRS_CR1, 0x357d);
	GUEST_ASSERT_EQ(irs_read(IRS_CR1), 0x357d);
	irs_write(IRS_CR1, 0);
	GUEST_ASSERT_EQ(irs_read(IRS_CR1), 0);
	GUEST_ASSERT_EQ(irs_read(IRS_SYNC_STATUSR), IRS_STATUSR_IDLE);

	/* SPIs: no trigger mode without one that is selected. */
	irs_write(IRS_SPI_CFGR, 1);
	for (u32 spi = 0; spi < SPIS; spi++) {
		irs_write(IRS_SPI_SELR, spi);
		GUEST_ASSERT_EQ(irs_read(IRS_SPI_SELR), spi);
		GUEST_ASSERT_EQ(irs_read(IRS_SPI_STATUSR), IRS_STATUSR_IDLE | IRS_STATUSR_V);
		GUEST_ASSERT_EQ(irs_read(0x10c), 1);
		GUEST_ASSERT_EQ(irs_read(IRS_SPI_CFGR), 0);
		irs_write(IRS_SPI_CFGR, spi % 3 == 0);
	}
	for (u32 spi = 0; spi < SPIS; spi++) {
		irs_write(IRS_SPI_SELR, spi);
		GUEST_ASSERT_EQ(irs_read(IRS_SPI_CFGR), spi % 3 == 0);
	}
	for (int i = 0; i < 2; i++) {
		irs_write(IRS_SPI_SELR, i ? 0xffffff : SPIS);
		GUEST_ASSERT_EQ(irs_read(IRS_SPI_STATUSR), IRS_STATUSR_IDLE);
		irs_write(IRS_SPI_CFGR, 1);
		GUEST_ASSERT_EQ(irs_read(IRS_SPI_CFGR), 0);
	}

	/* PEs are vCPUs, by their IDs. */
	for (u32 id = 0; id < 32; id++) {
		bool there = id == 2 || id == 17;

		irs_write(IRS_PE_SELR, id);
		GUEST_ASSERT_EQ(irs_read(IRS_PE_SELR), id);
		GUEST_ASSERT_EQ(irs_read(IRS_PE_STATUSR), IRS_STATUSR_IDLE |
				(there ? IRS_STATUSR_V | BIT(2) : 0));
		GUEST_ASSERT_EQ(irs_read(IRS_PE_CR0), there);
		irs_write(IRS_PE_CR0, !there);
		GUEST_ASSERT_EQ(irs_read(IRS_PE_CR0), there);
	}
	GUEST_DONE();
}

static void registers(void)
{
	struct vgic5_vm v = vgic5_irs_vm_bare(0, NULL, NULL, SPIS);
	struct kvm_vcpu *vcpu = vm_vcpu_add(v.vm, 17, guest_registers);

	vm_vcpu_add(v.vm, 2, guest_registers);
	TEST_ASSERT(!vgic5_init(v.gic), "INIT: errno %d", errno);
	vgic5_expect(vcpu, VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- widths ---- */

static u8 read8(u32 offset)
{
	u32 val;

	asm volatile("ldrb %w0, [%1]" : "=r"(val) : "r"(IRS_BASE + offset) : "memory");
	return val;
}

static u16 read16(u32 offset)
{
	u32 val;

	asm volatile("ldrh %w0, [%1]" : "=r"(val) : "r"(IRS_BASE + offset) : "memory");
	return val;
}

static void write8(u32 offset, u32 val)
{
	asm volatile("strb %w0, [%1]" :: "r"(val), "r"(IRS_BASE + offset) : "memory");
}

static void write16(u32 offset, u32 val)
{
	asm volatile("strh %w0, [%1]" :: "r"(val), "r"(IRS_BASE + offset) : "memory");
}

static void guest_widths(void)
{
	u64 addr = 0x00aabbccdd998840UL;

	/* A 32-bit register is read and written as such. */
	irs_write(IRS_CR1, 0x3579);
	GUEST_ASSERT_EQ(irs_read64(IRS_CR1 - 4), 0);
	GUEST_ASSERT_EQ(irs_read64(IRS_IDR0), 0);
	GUEST_ASSERT_EQ(read8(IRS_CR1), 0);
	GUEST_ASSERT_EQ(read16(IRS_CR1), 0);
	irs_write64(IRS_CR0, 1UL << 32 | IRS_CR0_IRSEN);
	write8(IRS_CR0, IRS_CR0_IRSEN);
	write16(IRS_CR0, IRS_CR0_IRSEN);
	GUEST_ASSERT_EQ(irs_read(IRS_CR0), IRS_CR0_IDLE);
	GUEST_ASSERT_EQ(irs_read(IRS_CR1), 0x3579);

	/* A 64-bit one as a whole, or by its halves. */
	irs_write64(IRS_IST_BASER, addr);
	GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), addr);
	GUEST_ASSERT_EQ(irs_read(IRS_IST_BASER), (u32)addr);
	GUEST_ASSERT_EQ(irs_read(IRS_IST_BASER + 4), addr >> 32);
	irs_write(IRS_IST_BASER, 0x12345640);
	GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), (addr >> 32 << 32) | 0x12345640);
	irs_write(IRS_IST_BASER + 4, 0x9a);
	GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), 0x9a12345640UL);
	write16(IRS_IST_BASER, ~0U);
	write8(IRS_IST_BASER + 7, ~0U);
	irs_write64(IRS_IST_BASER, ~0UL & ~IRS_IST_BASER_VALID);
	GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), GENMASK_ULL(55, 6));
	GUEST_ASSERT_EQ(read8(IRS_IST_BASER), 0);
	GUEST_ASSERT_EQ(read16(IRS_IST_BASER + 6), 0);
	irs_write64(IRS_IST_BASER, 0);

	/* What is not there, and the SETLPI frame: zero, and no harm. */
	for (u32 offset = 0x400; offset < 0xf00; offset += 0x100) {
		irs_write(offset, ~0U);
		GUEST_ASSERT_EQ(irs_read(offset), 0);
		irs_write64(offset, ~0UL);
		GUEST_ASSERT_EQ(irs_read64(offset), 0);
	}
	for (u32 offset = 0x10000; offset < 0x20000; offset += 0x3ffc) {
		irs_write(offset, ~0U);
		GUEST_ASSERT_EQ(irs_read(offset), 0);
	}
	/* VMs are none of a guest's business. */
	for (u32 offset = 0x200; offset <= 0x308; offset += 8) {
		irs_write64(offset, ~0UL);
		GUEST_ASSERT_EQ(irs_read64(offset), 0);
		irs_write(offset, ~0U);
		GUEST_ASSERT_EQ(irs_read(offset), 0);
	}
	GUEST_DONE();
}

/* ---- the IST of LPIs ---- */

#define VALID	IRS_IST_BASER_VALID

static bool ist_is_valid(void)
{
	GUEST_ASSERT_EQ(irs_read(IRS_IST_STATUSR), IRS_STATUSR_IDLE);
	return irs_read64(IRS_IST_BASER) & VALID;
}

static bool lpi_is_there(u32 lpi)
{
	return !(guest_irq_state(LPI_INTID(lpi)) & ICC_ICSR_EL1_F);
}

static void guest_ist(void)
{
	u32 idr2 = irs_read(IRS_IDR2);
	u32 least = FIELD_GET(GENMASK(9, 6), idr2), most = FIELD_GET(GENMASK(4, 0), idr2);
	const u32 bad[] = {
		0, least - 1, most + 1, 31,
		least | BIT(16),	/* two levels */
		least | BIT(7),		/* entries of 8 bytes */
		least | BIT(8),		/* of 16 */
	};

	GUEST_ASSERT(!lpi_is_there(0));
	for (int i = 0; i < (int)ARRAY_SIZE(bad); i++) {
		irs_write(IRS_IST_CFGR, bad[i]);
		GUEST_ASSERT_EQ(irs_read(IRS_IST_CFGR), bad[i]);
		irs_write64(IRS_IST_BASER, IRS_IST | VALID);
		GUEST_ASSERT(!ist_is_valid());
		GUEST_ASSERT(!lpi_is_there(0));
	}

	/* From the smallest to the largest, again and again. */
	for (u32 bits = least; bits <= most; bits++) {
		irs_write(IRS_IST_CFGR, bits);
		irs_write64(IRS_IST_BASER, IRS_IST | VALID);
		GUEST_ASSERT(ist_is_valid());
		GUEST_ASSERT(lpi_is_there(0) && lpi_is_there(BIT(bits) - 1));
		GUEST_ASSERT(!lpi_is_there(BIT(bits)));
		/* All as it was given: not enabled, not pending. */
		GUEST_ASSERT_EQ(guest_irq_state(LPI_INTID(BIT(bits) - 1)), 0);
		guest_irq_setup(LPI_INTID(BIT(bits) - 1), 0, 3);

		/* Neither changes while it is valid. */
		irs_write(IRS_IST_CFGR, least);
		GUEST_ASSERT_EQ(irs_read(IRS_IST_CFGR), bits);
		irs_write64(IRS_IST_BASER, (IRS_IST + 0x10000) | VALID);
		GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), IRS_IST | VALID);
		GUEST_ASSERT(lpi_is_there(BIT(bits) - 1));

		irs_write64(IRS_IST_BASER, IRS_IST);
		GUEST_ASSERT(!ist_is_valid());
		GUEST_ASSERT(!lpi_is_there(0) && !lpi_is_there(BIT(bits) - 1));
	}
	GUEST_DONE();
}

static void guest_ist_by_halves(void)
{
	guest_poll_on();
	guest_irs_enable(true);
	for (int i = 0; i < 4; i++) {
		irs_write(IRS_IST_CFGR, guest_lpi_id_bits());
		irs_write(IRS_IST_BASER + 4, i);
		GUEST_ASSERT(!ist_is_valid());
		irs_write(IRS_IST_BASER, (u32)IRS_IST | VALID);
		GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), (u64)i << 32 | IRS_IST | VALID);
		guest_irq_setup(LPI_INTID(i), 0, 3);
		guest_irq_pend(LPI_INTID(i), true);
		guest_take(LPI_INTID(i));
		/* The upper half says nothing of VALID. */
		irs_write(IRS_IST_BASER + 4, i + 1);
		GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), (u64)i << 32 | IRS_IST | VALID);
		irs_write(IRS_IST_BASER, IRS_IST);
		GUEST_ASSERT(!ist_is_valid());
		GUEST_ASSERT(!lpi_is_there(i));
	}
	GUEST_DONE();
}

static void run_one(guest_fn code)
{
	struct vgic5_vm v = vgic5_irs_vm(1, code, NULL, SPIS);

	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

static void widths(void)
{
	run_one(guest_widths);
}

static void ist(void)
{
	run_one(guest_ist);
}

static void ist_by_halves(void)
{
	run_one(guest_ist_by_halves);
}

static const struct vgic5_test tests[] = {
	{ "the IRS says what it is", identity },
	{ "registers of SPIs and of PEs", registers },
	{ "accesses of 8, 16, 32 and 64 bits", widths },
	{ "ISTs of all sizes become valid and invalid", ist },
	{ "an IST becomes valid by 32-bit writes", ist_by_halves },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
