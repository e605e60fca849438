/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry, and the exception vectors of whatever level the program runs at.
 *
 * Everything says *_EL1: a program started at EL2 sets HCR_EL2.E2H first, and
 * from then on the *_EL1 names reach its own EL2 registers. The same vectors
 * thus serve the EL1 program, the EL2 program and a guest at EL1.
 */

/* struct Frame of trap.rs: x0..x30, ELR, SPSR, padding. */
	.set	FRAME_SIZE, 272
	.set	FRAME_ELR, 248

	.section .text.start, "ax"
	.global	_start
_start:
	ldr	x1, =rt_stack_top
	mov	x20, #0
1:	mrs	x0, CurrentEL
	cmp	x0, #(2 << 2)
	b.ne	2f
	/* HCR_EL2: E2H[34], TGE[27] and RW[31]: a VHE host, IRQs taken here. */
	ldr	x0, =((1 << 34) | (1 << 31) | (1 << 27))
	msr	hcr_el2, x0
	isb
2:	mov	sp, x1
	ldr	x0, =rt_vectors
	msr	vbar_el1, x0
	isb
	cbnz	x20, 4f

	ldr	x0, =rt_bss_start
	ldr	x1, =rt_bss_end
3:	cmp	x0, x1
	b.hs	5f
	str	xzr, [x0], #8
	b	3b
4:	bl	rt_secondary
5:	bl	rt_main
6:	wfi
	b	6b

/* PSCI CPU_ON comes here with the top of the new PE's stack in x0. */
	.global	rt_secondary_entry
rt_secondary_entry:
	mov	x1, x0
	mov	x20, #1
	b	1b

	.macro	ventry kind
	.balign	128
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x0, #\kind
	b	rt_save
	.endm

	.section .text, "ax"
	.balign	2048
	.global	rt_vectors
rt_vectors:
	.irp	kind, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	ventry	\kind
	.endr

	.global	rt_save
rt_save:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	str	x30, [sp, #240]
	mrs	x2, elr_el1
	mrs	x3, spsr_el1
	stp	x2, x3, [sp, #FRAME_ELR]
	mov	x1, sp
	bl	rt_exception
	ldp	x2, x3, [sp, #FRAME_ELR]
	msr	elr_el1, x2
	msr	spsr_el1, x3
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	ldr	x30, [sp, #240]
	ldp	x0, x1, [sp], #FRAME_SIZE
	eret
