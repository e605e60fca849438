/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of PSCI 1.0 as Linux uses here: CPUs on and off, the end. There is no
 * CPU_SUSPEND, and the device tree has no idle state that would want one. A
 * reset ends the run, as what was loaded at its start is not loaded again.
 *
 * Two CPU_ON of the same CPU at once are not told apart: Linux turns CPUs on
 * one after the other. CPU_OFF does nothing to caches: the model runs with
 * cache_state_modelled=0.
 */
#include "layout.h"
#include "cpu.h"

#define SMCCC_VERSION		0x80000000
#define SMCCC_ARCH_FEATURES	0x80000001
#define PSCI_VERSION		0x84000000
#define PSCI_CPU_OFF		0x84000002
#define PSCI_CPU_ON		0xc4000003
#define PSCI_AFFINITY_INFO	0xc4000004
#define PSCI_MIGRATE_INFO_TYPE	0x84000006
#define PSCI_SYSTEM_OFF		0x84000008
#define PSCI_SYSTEM_RESET	0x84000009
#define PSCI_FEATURES		0x8400000a

#define SUCCESS			0
#define NOT_SUPPORTED		-1
#define INVALID_PARAMETERS	-2
#define ALREADY_ON		-4
#define ON_PENDING		-5

#define VERSION_1_0		0x10000
#define SMCCC_1_1		0x10001
#define TOS_NOT_PRESENT		2

#define EC_SMC64		0x17

/* The motherboard's configuration interface. */
#define SYS_CFGDATA		0xa0
#define SYS_CFGCTRL		0xa4
#define SYS_CFGSTAT		0xa8
#define CFG_SHUTDOWN		(1 << 31 | 1 << 30 | 8 << 20)	/* start, write */

	.text

/* Anything but an SMC from AArch64 is a fault of this code's. */
	.balign	2048
	.globl vectors
vectors:
	.rept	8
	b	unexpected
	.balign	128
	.endr
	b	from_lower
	.balign	128
	.rept	7
	b	unexpected
	.balign	128
	.endr

unexpected:
	adr	x0, unexpected_text
	bl	print
	b	system_off

/* x0 to x3 are arguments and results; all else is the caller's. */
from_lower:
	stp	x4, x5, [sp, #-64]!
	stp	x6, x7, [sp, #16]
	stp	x8, x19, [sp, #32]
	str	x30, [sp, #48]
	mrs	x4, esr_el3
	ubfx	x4, x4, #26, #6
	cmp	x4, #EC_SMC64
	b.ne	unexpected

	bl	find_function
	cbz	x5, 1f
	br	x5
1:	mov	x0, #NOT_SUPPORTED

done:
	ldr	x30, [sp, #48]
	ldp	x8, x19, [sp, #32]
	ldp	x6, x7, [sp, #16]
	ldp	x4, x5, [sp], #64
	eret

/* w0: a function's ID. Returns where it is in x5, or 0. Clobbers x4, x6 to x8. */
find_function:
	adr	x4, functions
1:	ldp	w6, w7, [x4], #8
	cbz	w6, 2f
	cmp	w6, w0
	b.ne	1b
	adr	x5, functions
	add	x5, x5, w7, sxtw
	ret
2:	mov	x5, xzr
	ret

	.macro	function id, label
	.word	\id, \label - functions
	.endm

	.balign	8
functions:
	function SMCCC_VERSION, smccc_version
	function SMCCC_ARCH_FEATURES, not_supported
	function PSCI_VERSION, psci_version
	function PSCI_CPU_OFF, cpu_off
	function PSCI_CPU_ON, cpu_on
	function PSCI_AFFINITY_INFO, affinity_info
	function PSCI_MIGRATE_INFO_TYPE, migrate_info_type
	function PSCI_SYSTEM_OFF, system_off
	function PSCI_SYSTEM_RESET, system_off
	function PSCI_FEATURES, psci_features
	.word	0, 0

smccc_version:
	ldr	w0, =SMCCC_1_1
	b	done
psci_version:
	ldr	w0, =VERSION_1_0
	b	done
migrate_info_type:
	mov	w0, #TOS_NOT_PRESENT
	b	done
not_supported:
	mov	x0, #NOT_SUPPORTED
	b	done

/* x1: the function that is asked for. */
psci_features:
	mov	w0, w1
	bl	find_function
	mov	x0, #NOT_SUPPORTED
	cbz	x5, done
	mov	x0, #SUCCESS
	b	done

/* x1: affinity. Their states are what PSCI calls them: 0 on, 1 off, 2 pending. */
affinity_info:
	bl	lookup
	cbz	x4, invalid
	ldr	w0, [x4, #CPU_STATE]
	b	done

/* x1: affinity, x2: where to go, x3: what is to be in x0 there. */
cpu_on:
	bl	lookup
	cbz	x4, invalid
	ldr	w5, [x4, #CPU_STATE]
	mov	x0, #ALREADY_ON
	cmp	w5, #CPU_ON_STATE
	b.eq	done
	mov	x0, #ON_PENDING
	cmp	w5, #CPU_PENDING_STATE
	b.eq	done
	stp	x2, x3, [x4, #CPU_ENTRY]
	dmb	sy
	mov	w5, #CPU_PENDING_STATE
	str	w5, [x4, #CPU_STATE]
	dsb	sy
	sev
	mov	x0, #SUCCESS
	b	done

invalid:
	mov	x0, #INVALID_PARAMETERS
	b	done

/* Does not return: the CPU is back in the pen. */
cpu_off:
	mrs	x1, mpidr_el1
	ldr	x2, =MPIDR_AFFINITY
	and	x1, x1, x2
	bl	find_cpu
	mov	x19, x0
	mov	w0, #CPU_OFF_STATE
	str	w0, [x19, #CPU_STATE]
	dsb	sy
	b	pen

/* find_cpu, with the result in x4 and the arguments left alone. */
lookup:
	mov	x6, x30
	mov	x7, x2
	mov	x8, x3
	bl	find_cpu
	mov	x4, x0
	mov	x2, x7
	mov	x3, x8
	ret	x6

	.globl system_off
system_off:
	ldr	x0, =SYSREGS_BASE
	str	wzr, [x0, #SYS_CFGDATA]
	str	wzr, [x0, #SYS_CFGSTAT]
	ldr	w1, =CFG_SHUTDOWN
	str	w1, [x0, #SYS_CFGCTRL]
	dsb	sy
	b	stop

	.ltorg
unexpected_text:
	.asciz	"boot: an exception at EL3 that is no SMC\r\n"
