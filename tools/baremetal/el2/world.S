/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Into a guest at EL1 and out again. The context is a struct Regs of
 * guest.rs: x0..x30, ELR, SPSR; while a guest runs TPIDR_EL2 points at it.
 */
	.set	REGS_ELR, 248

	.section .text, "ax"

/* x0: the context. Returns the index of the vector that ended the stay. */
	.global	guest_enter
guest_enter:
	stp	x19, x20, [sp, #-96]!
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	msr	tpidr_el2, x0
	ldp	x1, x2, [x0, #REGS_ELR]
	msr	elr_el2, x1
	msr	spsr_el2, x2
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	eret

guest_exit:
	mrs	x1, tpidr_el2
	stp	x2, x3, [x1, #16]
	stp	x4, x5, [x1, #32]
	stp	x6, x7, [x1, #48]
	stp	x8, x9, [x1, #64]
	stp	x10, x11, [x1, #80]
	stp	x12, x13, [x1, #96]
	stp	x14, x15, [x1, #112]
	stp	x16, x17, [x1, #128]
	stp	x18, x19, [x1, #144]
	stp	x20, x21, [x1, #160]
	stp	x22, x23, [x1, #176]
	stp	x24, x25, [x1, #192]
	stp	x26, x27, [x1, #208]
	stp	x28, x29, [x1, #224]
	str	x30, [x1, #240]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x1]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [x1, #REGS_ELR]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	x19, x20, [sp], #96
	ret

/* A guest begins here: x0 its argument, x1 its function. */
	.global	guest_start
guest_start:
	blr	x1
	hvc	#1
	b	.

/*
 * EL2's vectors: its own exceptions go where the runtime's do, a guest's end
 * its stay.
 */
	.balign	2048
	.global	el2_vectors
el2_vectors:
	.irp kind, 0, 1, 2, 3, 4, 5, 6, 7
	.balign	128
	sub	sp, sp, #272
	stp	x0, x1, [sp]
	mov	x0, #\kind
	b	rt_save
	.endr
	.irp kind, 8, 9, 10, 11, 12, 13, 14, 15
	.balign	128
	stp	x0, x1, [sp, #-16]!
	mov	x0, #\kind
	b	guest_exit
	.endr
