// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own macros for GICv5 INTIDs as functions, for intids.rs. The
 * headers that have them are arm64's and include half of the kernel, so
 * build.rs makes a header of their #defines, word by word; what these are made
 * of in turn comes from the kernel's tools/include, which is for any machine.
 */
#include <stdbool.h>
#include <stdint.h>

#include <linux/bits.h>
#include <linux/bitfield.h>

/*
 * Only what the macros tell a GICv5 from others by; any number that is no other
 * device's will do.
 */
enum { KVM_DEV_TYPE_ARM_VGIC_V5 = 5 };

#include "kernel_intids.h"

#define VALUE(name, value)	\
	uint32_t kernel_##name(void) { return value; }
#define FUNCTION(type, name, macro)	\
	type kernel_##name(uint32_t x) { return macro(x); }
#define IS(name)	\
	bool kernel_is_##name(uint32_t x)	\
	{ return __irq_is_##name(KVM_DEV_TYPE_ARM_VGIC_V5, x); }

IS(sgi)
IS(ppi)
IS(lpi)
IS(spi)

FUNCTION(uint32_t, id, vgic_v5_get_hwirq_id)
FUNCTION(uint32_t, make_ppi, vgic_v5_make_ppi)
FUNCTION(uint32_t, make_lpi, vgic_v5_make_lpi)
FUNCTION(uint32_t, make_spi, vgic_v5_make_spi)

bool kernel_has_type_ppi(uint32_t x)
{
	return is_v5_type(GICV5_HWIRQ_TYPE_PPI, x);
}

VALUE(type_mask, GICV5_HWIRQ_TYPE)
VALUE(id_mask, GICV5_HWIRQ_ID)
VALUE(private_irqs, VGIC_V5_NR_PRIVATE_IRQS)
VALUE(sw_ppi, GICV5_ARCH_PPI_SW_PPI)
VALUE(pmuirq, GICV5_ARCH_PPI_PMUIRQ)
VALUE(gicmnt, GICV5_ARCH_PPI_GICMNT)
VALUE(cnthp, GICV5_ARCH_PPI_CNTHP)
VALUE(cntv, GICV5_ARCH_PPI_CNTV)
VALUE(cnthv, GICV5_ARCH_PPI_CNTHV)
VALUE(cntp, GICV5_ARCH_PPI_CNTP)
