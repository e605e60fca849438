/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest side: the CPU interface as a guest of a GICv5 uses it.
 */
#ifndef VGIC5_GUEST_H
#define VGIC5_GUEST_H

#include "processor.h"
#include "vgic5.h"

/* Defines functions that are not inline: one translation unit a program. */
#include <arm64/gic_v5.h>

/* Acknowledge; 0 when there was nothing to acknowledge. */
static inline u32 guest_ack(void)
{
	u64 ia = gicr_insn(CDIA);

	if (!GICV5_GICR_CDIA_VALID(ia))
		return 0;
	gsb_ack();
	isb();
	return FIELD_GET(GICV5_GICR_CDIA_INTID, ia);
}

static inline void guest_drop_priority(void)
{
	gic_insn(0, CDEOI);
}

static inline void guest_deactivate(u32 intid)
{
	gic_insn(intid, CDDI);
	isb();
}

static inline void guest_set_mask(u8 priority)
{
	write_sysreg_s(priority, SYS_ICC_PCR_EL1);
	isb();
}

static inline void guest_set_priority(int ppi, u8 priority)
{
	int shift = (ppi % 8) * 8;
	u64 val;

	/* Only the four registers that hold PPIs a guest can be given. */
#define PRIORITYR(n)							\
	case n:								\
		val = read_sysreg_s(SYS_ICC_PPI_PRIORITYR##n##_EL1);	\
		val &= ~(0x1fUL << shift);				\
		val |= (u64)priority << shift;				\
		write_sysreg_s(val, SYS_ICC_PPI_PRIORITYR##n##_EL1);	\
		break
	switch (ppi / 8) {
	PRIORITYR(0);
	PRIORITYR(1);
	PRIORITYR(2);
	PRIORITYR(3);
	default:
		GUEST_FAIL("PPI %d is none of ours", ppi);
	}
#undef PRIORITYR
	isb();
}

static inline void guest_enable(u64 ppis)
{
	write_sysreg_s(ppis, SYS_ICC_PPI_ENABLER0_EL1);
	isb();
}

static inline void guest_pend_sw(void)
{
	write_sysreg_s(BIT_ULL(PPI_SW), SYS_ICC_PPI_SPENDR0_EL1);
	isb();
}

/* Everything open: all priorities pass, interrupts on, PSTATE.I clear. */
static inline void guest_gic_on(u64 ppis)
{
	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	guest_enable(ppis);
	local_irq_enable();
}

#endif
