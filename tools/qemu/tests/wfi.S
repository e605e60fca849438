/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When does WFI wait, with a virtual interrupt pending? Runs at EL2 on one PE
 * without memory but its code, writes to the UART:
 *
 *	2 at most 9	how often WFI returned at EL2 in 0.2 s, * for more often
 *	1		WFI at EL1 returned
 *	a6		the syndrome of a WFIT X5 that trapped, its bits 9:0, in hex
 *	c7		that of a WFET X6
 *
 * then powers off. The physical CNTHP interrupt ends the 0.2 s; it is masked
 * by PSTATE, as everything is after reset, and so is never taken.
 */

#define ICC_CR0_EL1		S3_1_C12_C0_1
#define ICC_PCR_EL1		S3_1_C12_C0_2
#define ICC_PPI_ENABLER0_EL1	S3_0_C12_C10_6
#define ICH_VCTLR_EL2		S3_4_C12_C11_4
#define ICH_VMCR_EL2		S3_4_C12_C11_7
#define ICH_PPI_ENABLER0_EL2	S3_4_C12_C10_2
#define ICH_PPI_PENDR0_EL2	S3_4_C12_C10_4
#define ICH_PPI_PRIORITYR3_EL2	S3_4_C12_C14_3

#define PPI_CNTHP		26
#define PPI_CNTV		27
#define HCR_EL2_IMO		(1 << 4)
#define HCR_EL2_RW		(1 << 31)
#define HCR_EL2_TWI		(1 << 13)
#define HCR_EL2_TWE		(1 << 14)
#define SPSR_EL1H_MASKED	0x3c5
#define CNT_CTL_ISTATUS		2
#define INTID_NO_SUCH_SPI	0x60ffffff
#define UART			0x09000000
#define PSCI_SYSTEM_OFF		0x84000008

	.macro put char
	mov	w0, \char
	bl	put_w0
	.endm

	.globl _start
_start:
	adr	x0, vectors
	msr	vbar_el2, x0
	mov	x5, #-1			// deadlines that never come
	mov	x6, #-1

	/* A mistake, to be logged as one: enable an SPI that is not there. */
	ldr	x0, =INTID_NO_SUCH_SPI
	sys	#0, c12, c1, #1, x0		// GIC CDEN

	/* A virtual interrupt, of the priority after the highest: no NMI. */
	ldr	x0, =0x0101010101010101
	msr	ICH_PPI_PRIORITYR3_EL2, x0
	mov	x0, #(1 << PPI_CNTV)
	msr	ICH_PPI_ENABLER0_EL2, x0
	msr	ICH_PPI_PENDR0_EL2, x0
	ldr	x0, =0xf8000001			// VPMR 31, EN
	msr	ICH_VMCR_EL2, x0
	mov	x0, #1
	msr	ICH_VCTLR_EL2, x0
	ldr	x0, =(HCR_EL2_RW | HCR_EL2_IMO)
	msr	hcr_el2, x0

	/* A physical one, in 0.2 s. */
	mov	x0, #(1 << PPI_CNTHP)
	msr	ICC_PPI_ENABLER0_EL1, x0
	mov	x0, #31
	msr	ICC_PCR_EL1, x0
	mov	x0, #1
	msr	ICC_CR0_EL1, x0
	mrs	x1, cntfrq_el0
	mov	x2, #5
	udiv	x1, x1, x2
	msr	cnthp_tval_el2, x1
	msr	cnthp_ctl_el2, x0
	isb

	mov	w19, #0
1:	wfi
	add	w19, w19, #1
	mrs	x0, cnthp_ctl_el2
	tbz	x0, #CNT_CTL_ISTATUS, 1b
	cmp	w19, #9
	mov	w1, #('*' - '0')
	csel	w19, w19, w1, ls
	put	#'2'
	put	#' '
	add	w0, w19, #'0'
	bl	put_w0
	put	#'\n'

	/* No physical interrupt wakes EL1; the virtual one has to. */
	msr	cnthp_ctl_el2, xzr
	adr	x0, 2f
	msr	elr_el2, x0
	mov	x0, #SPSR_EL1H_MASKED
	msr	spsr_el2, x0
	eret
2:	wfi
	put	#'1'
	put	#'\n'

	/* Back to EL2, to have both trap: there is nothing pending for EL1 now. */
	hvc	#0
	.balign	2048
vectors:
	.skip	0x400			// from a lower EL
	mrs	x0, esr_el2
	lsr	w1, w0, #26
	cmp	w1, #0x16		// HVC
	b.eq	3f
	mov	w19, w0
	ubfx	w0, w19, #4, #6
	bl	put_hex
	and	w0, w19, #15
	bl	put_hex
	put	#'\n'
	adr	x0, 5f			// the next, or the end
	mrs	x1, elr_el2
	adr	x2, 4f
	cmp	x1, x2
	b.ne	6f
	b	7f
3:	msr	ICH_VCTLR_EL2, xzr
	msr	ICH_PPI_PENDR0_EL2, xzr
	ldr	x0, =(HCR_EL2_RW | HCR_EL2_TWI | HCR_EL2_TWE)
	msr	hcr_el2, x0
	adr	x0, 4f
7:	msr	elr_el2, x0
	mov	x0, #SPSR_EL1H_MASKED
	msr	spsr_el2, x0
	eret
4:	msr	s0_3_c1_c0_1, x5	// WFIT X5
5:	msr	s0_3_c1_c0_0, x6	// WFET X6
6:	ldr	w0, =PSCI_SYSTEM_OFF
	smc	#0

put_hex:
	and	w0, w0, #15
	cmp	w0, #10
	mov	w1, #('a' - 10)
	mov	w2, #'0'
	csel	w1, w1, w2, hs
	add	w0, w0, w1
put_w0:
	mov	x1, #UART
	str	w0, [x1]
	ret
