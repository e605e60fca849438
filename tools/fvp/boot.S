/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From reset, at EL3, to Linux, at EL2: what Linux's
 * Documentation/arch/arm64/booting.rst asks of EL3, for each feature that the
 * CPU says it has.
 *
 * NOT RUN on the FVP by its authors. scripts/check.d/13-fvp runs it in QEMU,
 * but for the GIC and the system counter.
 *
 * The MMU stays off. CPUs that nobody turned on wait in the pen.
 */
#include "layout.h"
#include "cpu.h"

	.section .text.start, "ax"
	.globl _start
_start:
	mrs	x0, CurrentEL
	cmp	x0, #(3 << 2)
	b.ne	stop

	ldr	x0, =SCTLR_RES1
	msr	sctlr_el3, x0
	adr	x0, vectors
	msr	vbar_el3, x0
	isb

	mrs	x1, mpidr_el1
	ldr	x2, =MPIDR_AFFINITY
	and	x1, x1, x2
	bl	find_cpu
	cbz	x0, stop		// not in CPU_MPIDRS: of no use
	mov	x19, x0
	ldr	x0, [x19, #CPU_STACK]
	mov	sp, x0

	ldr	x0, =cpus
	cmp	x19, x0
	b.ne	pen

	bl	counter_init
	bl	gic_init_irs
	mov	w0, #CPU_ON_STATE
	str	w0, [x19, #CPU_STATE]
	ldr	x20, =IMAGE_BASE
	ldr	x21, =DTB_BASE
	b	enter

/* x19: this CPU, whose state is OFF. Waits until PSCI CPU_ON turns it on. */
	.globl pen
pen:
	ldr	x0, [x19, #CPU_STACK]
	mov	sp, x0
1:	wfe
	ldr	w0, [x19, #CPU_STATE]
	cmp	w0, #CPU_PENDING_STATE
	b.ne	1b
	dmb	sy
	ldp	x20, x21, [x19, #CPU_ENTRY]
	mov	w0, #CPU_ON_STATE
	str	w0, [x19, #CPU_STATE]

/* Enters x20 at EL2 with x21 in x0. */
enter:
	bl	el3_init
	bl	gic_init_pe

	ldr	x0, =SCTLR_RES1
	msr	sctlr_el2, x0
	ldr	x0, =HCR_RW
	msr	hcr_el2, x0
	ldr	x0, =CPTR_EL2_RES1
	msr	cptr_el2, x0
	mov	x0, #CNTHCTL_EL1_ACCESS
	msr	cnthctl_el2, x0
	msr	cntvoff_el2, xzr
	msr	vttbr_el2, xzr

	msr	elr_el3, x20
	mov	x0, #SPSR_EL2H_DAIF
	msr	spsr_el3, x0
	mov	x0, x21
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	isb
	eret

	.globl stop
stop:
	wfe
	b	stop

/* x1: an affinity. Returns its struct cpu in x0, or 0. Clobbers x2, x3. */
	.globl find_cpu
find_cpu:
	ldr	x0, =cpus
	mov	x2, #CPU_COUNT
1:	ldr	x3, [x0, #CPU_MPIDR]
	cmp	x3, x1
	b.eq	2f
	add	x0, x0, #CPU_SIZE
	subs	x2, x2, #1
	b.ne	1b
	mov	x0, xzr
2:	ret

/* Lets the system counter count, if nobody did yet. */
counter_init:
#ifdef CNTCONTROL_BASE
	ldr	x0, =CNTCONTROL_BASE
	mov	w1, #1			// CNTCR.EN
	str	w1, [x0]
	dsb	sy
#endif
	ret

/* x10 |= value if the field of 4 bits at shift of an ID register >= least. */
	.macro	feature reg, shift, least, value
	mrs	x11, \reg
	ubfx	x11, x11, #\shift, #4
	cmp	x11, #\least
	ldr	x12, =\value
	csel	x12, x12, xzr, hs
	orr	x10, x10, x12
	.endm

/* This CPU's registers of EL3: nothing of the lower levels is trapped. */
el3_init:
	ldr	x10, =SCR_BASE
	feature	ID_AA64ISAR1_EL1, 4, 1, SCR_PAUTH	// APA
	feature	ID_AA64ISAR1_EL1, 8, 1, SCR_PAUTH	// API
	feature	ID_AA64ISAR2, 12, 1, SCR_PAUTH		// APA3
	feature	ID_AA64PFR1_EL1, 8, 2, SCR_ATA		// MTE2
	feature	ID_AA64PFR1_EL1, 24, 1, SCR_ENTP2	// SME
	feature	ID_AA64PFR1_EL1, 44, 1, SCR_GCSEN	// GCS
	feature	ID_AA64PFR2, 32, 1, SCR_ENFPM		// FPMR
	feature	ID_AA64MMFR0_EL1, 56, 1, SCR_FGTEN	// FGT
	feature	ID_AA64MMFR0_EL1, 56, 2, SCR_FGTEN2	// FGT2
	feature	ID_AA64MMFR0_EL1, 60, 2, SCR_ECVEN	// ECV, with CNTPOFF
	feature	ID_AA64MMFR1_EL1, 40, 1, SCR_HXEN	// HCX
	feature	ID_AA64MMFR3, 0, 1, SCR_TCR2EN		// TCRX
	feature	ID_AA64MMFR3, 4, 1, SCR_SCTLR2EN	// SCTLRX
	feature	ID_AA64MMFR3, 8, 1, SCR_PIEN		// S1PIE
	feature	ID_AA64MMFR3, 16, 1, SCR_PIEN		// S1POE
	feature	ID_AA64MMFR3, 32, 1, SCR_D128EN		// D128
	msr	scr_el3, x10

	mov	x10, xzr
	feature	ID_AA64PFR0_EL1, 32, 1, CPTR_EZ		// SVE
	feature	ID_AA64PFR1_EL1, 24, 1, CPTR_ESM	// SME
	msr	cptr_el3, x10
	isb

	/* The longest vectors; the length registers are there if CPTR has a bit. */
	tbz	x10, #CPTR_EZ_SHIFT, 1f
	mov	x11, #0xf
	msr	ZCR_EL3, x11
1:	tbz	x10, #CPTR_ESM_SHIFT, 3f
	mov	x10, #0xf
	feature	ID_AA64PFR1_EL1, 24, 2, SMCR_EZT0	// SME2
	mrs	x11, ID_AA64SMFR0
	tbz	x11, #63, 2f				// FA64
	orr	x10, x10, #SMCR_FA64
2:	msr	SMCR_EL3, x10
3:
	mov	x10, xzr
	feature	ID_AA64DFR0_EL1, 8, 9, MDCR_ENPM2	// PMUv3p9
	feature	ID_AA64DFR0_EL1, 32, 1, MDCR_NSPB	// SPE
	feature	ID_AA64DFR0_EL1, 44, 1, MDCR_NSTB	// TRBE
	feature	ID_AA64DFR0_EL1, 52, 1, MDCR_SBRBE	// BRBE
	msr	mdcr_el3, x10

#ifdef CNTCONTROL_BASE
	ldr	x10, =CNTCONTROL_BASE
	ldr	w10, [x10, #0x20]	// CNTFID0: the counter's frequency, in Hz
	msr	cntfrq_el0, x10
#endif
	isb
	ret

/* x0: a text that ends with 0, for UART 0. Clobbers x1, x2. */
	.globl print
print:
	ldr	x1, =UART0_BASE
1:	ldrb	w2, [x0], #1
	cbz	w2, 3f
2:	ldr	w3, [x1, #0x18]		// UARTFR.TXFF: no room
	tbnz	w3, #5, 2b
	str	w2, [x1]
	b	1b
3:	ret

	.ltorg

/* struct cpu of each of CPU_MPIDRS. */
	.macro	cpu mpidr, more:vararg
	.quad	\mpidr, stacks + (. - cpus) / CPU_SIZE * STACK_SIZE + STACK_SIZE
	.quad	0, 0
	.quad	CPU_OFF_STATE
	.ifnb	\more
	cpu	\more
	.endif
	.endm

	.data
	.balign	16
	.globl cpus
cpus:
	cpu	CPU_MPIDRS
cpus_end:
	.equ	CPU_COUNT, (cpus_end - cpus) / CPU_SIZE

	.bss
	.balign	16
stacks:
	.space	STACK_SIZE * 8
