/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stands in for Linux at EL2, in QEMU, and asks the boot code's PSCI for
 * everything. Prints TAP on UART 0; ends QEMU by semihosting.
 */
#include "../layout.h"

#define SYS_CFGCTRL	0xa4
#define SHUTDOWN	0xc0800000
/* What the second CPU is told, and tells. */
#define MAILBOX		(IMAGE_BASE + 0x10000)
#define SAID		0
#define TOLD		8

	.text
	.globl _start
_start:
	ldr	x20, =MAILBOX
	stp	xzr, xzr, [x20]
	ldr	x9, =IMAGE_BASE + 0x20000
	mov	sp, x9
	mov	x21, #0			// tests so far
	mov	x22, x0
	orr	x23, x1, x2
	orr	x23, x23, x3

	/* result TEXT, VALUE: x0 has to be VALUE. */
	.macro	result text, value
	ldr	x1, =\value
	adr	x2, 1f
	b	2f
1:	.asciz	"\text\r\n"
	.balign	4
2:	bl	report
	.endm

	.macro	call id, a=0, b=0, c=0
	ldr	x0, =\id
	ldr	x1, =\a
	ldr	x2, =\b
	ldr	x3, =\c
	smc	#0
	.endm

	mrs	x0, CurrentEL
	result	"the first CPU is at EL2", 8
	mov	x0, x22
	result	"and has the device tree in x0", DTB_BASE
	mov	x0, x23
	result	"and 0 in x1 to x3", 0
	mrs	x0, sctlr_el2
	and	x0, x0, #1
	result	"and its MMU off", 0

	call	0x84000000
	result	"PSCI_VERSION is 1.0", 0x10000
	call	0x80000000
	result	"SMCCC_VERSION is 1.1", 0x10001
	call	0x8400000a, 0xc4000003
	result	"PSCI_FEATURES knows CPU_ON", 0
	call	0x8400000a, 0xc4000001
	result	"PSCI_FEATURES knows no CPU_SUSPEND", -1
	call	0xc4000001
	result	"neither is there one", -1
	call	0x80000001, 0x80008000
	result	"SMCCC_ARCH_FEATURES has nothing", -1
	call	0x84000006
	result	"there is no trusted OS", 2

	/* SMCCC 1.1: all but the results are as they were. */
	.irp	n,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18
	mov	x\n, #0x5a00 + \n
	.endr
	call	0xc4000004, 1
	mov	x24, x0
	mov	x0, #0
	.irp	n,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18
	mov	x1, #0x5a00 + \n
	eor	x1, x1, x\n
	orr	x0, x0, x1
	.endr
	result	"a call preserves x4 to x18", 0
	mov	x0, x24
	result	"AFFINITY_INFO: the second CPU is off", 1
	call	0xc4000004, 7
	result	"AFFINITY_INFO of no CPU is an invalid parameter", -2
	call	0xc4000003, 7, 0, 0
	result	"CPU_ON of no CPU is an invalid parameter", -2
	call	0xc4000003, 0, 0, 0
	result	"CPU_ON of the first CPU: already on", -4

	mov	x25, #2			// twice: after CPU_OFF it starts anew
again:
	ldr	x0, =0xc4000003
	mov	x1, #1
	adr	x2, second
	ldr	x3, =0x1234
	smc	#0
	result	"CPU_ON of the second CPU", 0
	mov	x1, #1
	bl	wait_said
	result	"it runs, at EL2, its MMU off, with its context in x0", 1
	call	0xc4000004, 1
	result	"AFFINITY_INFO: it is on", 0
	call	0xc4000003, 1, 0, 0
	result	"CPU_ON: it is already on", -4
	subs	x25, x25, #1
	b.eq	last
	mov	x0, #1
	str	x0, [x20, #TOLD]
1:	call	0xc4000004, 1
	cbz	x0, 1b
	result	"after its CPU_OFF it is off", 1
	stp	xzr, xzr, [x20]
	b	again

last:
	call	0xc4000004, 2
	result	"the third CPU was left alone", 1
	str	x21, [x20, #TOLD]	// how many tests there were
	call	0x84000008

/* The second CPU. */
second:
	ldr	x20, =MAILBOX
	mrs	x1, CurrentEL
	mrs	x2, sctlr_el2
	and	x2, x2, #1
	ldr	x3, =0x1234
	cmp	x0, x3
	ccmp	x1, #8, #0, eq
	ccmp	x2, #0, #0, eq
	cset	x0, eq
	add	x0, x0, #0
	cbnz	x0, 1f
	mov	x0, #2
1:	str	x0, [x20, #SAID]
	dsb	sy
2:	ldr	x0, [x20, #TOLD]
	cbz	x0, 2b
	cmp	x0, #1
	b.ne	3f
	call	0x84000002
	b	.

	/* Sees SYSTEM_OFF reach the motherboard, and ends QEMU. */
3:	mov	x21, x0
	ldr	x9, =IMAGE_BASE + 0x30000
	mov	sp, x9
	ldr	x1, =SYSREGS_BASE
4:	ldr	w0, [x1, #SYS_CFGCTRL]
	cbz	w0, 4b
	result	"SYSTEM_OFF shuts the motherboard down", SHUTDOWN
	mov	w0, #0x18		// SYS_EXIT
	adr	x1, exit
	hlt	#0xf000
	b	.
	.balign	8
exit:	.quad	0x20026, 0

/* Waits until the second CPU said something, and has it in x0. */
wait_said:
	ldr	x0, [x20, #SAID]
	cbz	x0, wait_said
	ret

/* x0 has to be x1; x2 is what of. Counts in x21. */
report:
	stp	x30, x2, [sp, #-16]!
	add	x21, x21, #1
	cmp	x0, x1
	b.eq	1f
	adr	x0, not_text
	bl	print
1:	adr	x0, ok_text
	bl	print
	mov	x0, #10
	udiv	x3, x21, x0
	msub	x4, x3, x0, x21
	add	x3, x3, #'0'
	add	x4, x4, #'0'
	adr	x0, number_text
	strb	w3, [x0]
	strb	w4, [x0, #1]
	bl	print
	ldp	x30, x0, [sp], #16
	b	print

print:
	ldr	x5, =UART0_BASE
1:	ldrb	w6, [x0], #1
	cbz	w6, 2f
	str	w6, [x5]
	b	1b
2:	ret

	.ltorg
not_text:
	.asciz	"not "
ok_text:
	.asciz	"ok "
number_text:
	.asciz	"00 - "
