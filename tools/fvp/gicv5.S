/* SPDX-License-Identifier: GPL-2.0 */
/*
 * EL3's share of a GICv5: every interrupt goes to the Non-secure domain, which
 * is Linux's. EL3 has none of its own.
 *
 * NOT RUN by its authors: nothing here has a GICv5 with EL3.
 */
#include "layout.h"
#include "cpu.h"

#define DOMAIN_NS		1
/* 32 PPIs a register, 2 bits each. */
#define DOMAINS_NS		0x5555555555555555

#define IRS_IDR6		0x018	/* SPIs of this IRS, 24:0 */
#define IRS_IDR7		0x01c	/* the first of them, 23:0 */
#define IRS_SPI_SELR		0x108
#define IRS_SPI_DOMAINR		0x10c
#define IRS_SPI_STATUSR		0x118	/* IDLE 0 */

	.text

/* This CPU's PPIs. Clobbers x10, x11. */
	.globl gic_init_pe
gic_init_pe:
#ifdef IRS_EL3_BASE
	ldr	x10, =DOMAINS_NS
	msr	ICC_PPI_DOMAINR0_EL3, x10
	msr	ICC_PPI_DOMAINR1_EL3, x10
	msr	ICC_PPI_DOMAINR2_EL3, x10
	msr	ICC_PPI_DOMAINR3_EL3, x10
	isb
#endif
	ret

/* The SPIs, once. Ends the run if there is no GICv5. Clobbers x10 to x15. */
	.globl gic_init_irs
gic_init_irs:
#ifdef GIC_IS_OPTIONAL
	ret
#endif
	mrs	x10, ID_AA64PFR2
	ubfx	x10, x10, #PFR2_GCIE_SHIFT, #4
	cbz	x10, no_gic
#ifdef IRS_EL3_BASE
	ldr	x10, =IRS_EL3_BASE
	ldr	w11, [x10, #IRS_IDR7]
	and	w11, w11, #0xffffff
	ldr	w12, [x10, #IRS_IDR6]
	and	w12, w12, #0x1ffffff
	add	w12, w12, w11
	mov	w13, #DOMAIN_NS
1:	cmp	w11, w12
	b.hs	4f
	str	w11, [x10, #IRS_SPI_SELR]
2:	ldr	w14, [x10, #IRS_SPI_STATUSR]
	tbz	w14, #0, 2b
	str	w13, [x10, #IRS_SPI_DOMAINR]
3:	ldr	w14, [x10, #IRS_SPI_STATUSR]
	tbz	w14, #0, 3b
	add	w11, w11, #1
	b	1b
4:	dsb	sy
#endif
	ret

no_gic:
	adr	x0, no_gic_text
	bl	print
	b	system_off

	.ltorg
no_gic_text:
	.asciz	"boot: no GICv5 (ID_AA64PFR2_EL1.GCIE is 0): does the model take gicv5_config_file?\r\n"
