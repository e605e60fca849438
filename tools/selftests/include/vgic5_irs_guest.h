/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest side: the IRS, SPIs and LPIs. Interrupts are taken by polling, with
 * PSTATE.I set, unless a program says otherwise.
 */
#ifndef VGIC5_IRS_GUEST_H
#define VGIC5_IRS_GUEST_H

#include "vgic5_guest.h"
#include "vgic5_irs.h"

static inline u32 irs_read(u32 offset)
{
	return readl((void *)(IRS_BASE + offset));
}

static inline void irs_write(u32 offset, u32 val)
{
	writel(val, (void *)(IRS_BASE + offset));
}

static inline u64 irs_read64(u32 offset)
{
	return readq((void *)(IRS_BASE + offset));
}

static inline void irs_write64(u32 offset, u64 val)
{
	/* A constant 0 would be wzr to the library's writeq(), which is no operand. */
	asm volatile("" : "+r"(val));
	writeq(val, (void *)(IRS_BASE + offset));
}

/* IRSEN; KVM's work is done when the write is. */
static inline void guest_irs_enable(bool on)
{
	irs_write(IRS_CR0, on ? IRS_CR0_IRSEN : 0);
	GUEST_ASSERT_EQ(irs_read(IRS_CR0), IRS_CR0_IDLE | (on ? IRS_CR0_IRSEN : 0));
}

/* The smallest number of LPI ID bits that this IRS takes. */
static inline u32 guest_lpi_id_bits(void)
{
	u32 least = FIELD_GET(GENMASK(9, 6), irs_read(IRS_IDR2));

	return least < 5 ? 5 : least;
}

/* An IST for LPIs: as few as possible, in a linear table. */
static inline void guest_lpis_on(void)
{
	irs_write(IRS_IST_CFGR, guest_lpi_id_bits());
	irs_write64(IRS_IST_BASER, IRS_IST | IRS_IST_BASER_VALID);
	GUEST_ASSERT_EQ(irs_read(IRS_IST_STATUSR), IRS_STATUSR_IDLE);
	GUEST_ASSERT_EQ(irs_read64(IRS_IST_BASER), IRS_IST | IRS_IST_BASER_VALID);
}

static inline void guest_set_level(u32 spi, bool level)
{
	irs_write(IRS_SPI_SELR, spi);
	GUEST_ASSERT_EQ(irs_read(IRS_SPI_STATUSR), IRS_STATUSR_IDLE | IRS_STATUSR_V);
	irs_write(IRS_SPI_CFGR, level);
	GUEST_ASSERT_EQ(irs_read(IRS_SPI_STATUSR), IRS_STATUSR_IDLE | IRS_STATUSR_V);
	gic_insn(SPI_INTID(spi) | FIELD_PREP(GICV5_GIC_CDHM_HM_MASK, level), CDHM);
	gsb_sys();
}

static inline void guest_irq_priority(u64 intid, u8 priority)
{
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPRI_PRIORITY_MASK, priority), CDPRI);
	gsb_sys();
	isb();
}

static inline void guest_irq_target(u64 intid, u16 vcpu)
{
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDAFF_IAFFID_MASK, vcpu), CDAFF);
	gsb_sys();
	isb();
}

static inline void guest_irq_enable(u64 intid, bool on)
{
	if (on)
		gic_insn(intid, CDEN);
	else
		gic_insn(intid, CDDIS);
	gsb_sys();
	isb();
}

static inline void guest_irq_pend(u64 intid, bool pending)
{
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPEND_PENDING_MASK, pending), CDPEND);
	gsb_sys();
	isb();
}

/* Ready to be taken by a vCPU, at a priority. */
static inline void guest_irq_setup(u64 intid, u16 vcpu, u8 priority)
{
	guest_irq_priority(intid, priority);
	guest_irq_target(intid, vcpu);
	guest_irq_enable(intid, true);
}

/* ICC_ICSR_EL1, of this interrupt. */
static inline u64 guest_irq_state(u64 intid)
{
	gic_insn(intid, CDRCFG);
	isb();
	return read_sysreg_s(SYS_ICC_ICSR_EL1);
}

/* The CPU interface open, PSTATE.I set, no PPI enabled. */
static inline void guest_poll_on(void)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
}

static inline void guest_eoi(u32 intid)
{
	guest_drop_priority();
	guest_deactivate(intid);
}

/* Waits for an interrupt, which has to be this one, and handles it. */
static inline void guest_take(u64 intid)
{
	u32 got;

	do {
		got = guest_ack();
	} while (!got);
	GUEST_ASSERT_EQ(got, intid);
	guest_eoi(got);
}

static inline u16 guest_iaffid(void)
{
	return read_sysreg_s(SYS_ICC_IAFFIDR_EL1);
}

#endif
