/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of the boot code: what it keeps of each CPU, and bits of registers.
 * Registers that the assembler may not know go by their encodings.
 */
#ifndef FVP_CPU_H
#define FVP_CPU_H

/* struct cpu. Written by its own CPU, but for CPU_ON (psci.S). */
#define CPU_MPIDR		0
#define CPU_STACK		8
#define CPU_ENTRY		16	/* where to go, and behind it what is in x0 */
#define CPU_STATE		32
#define CPU_SIZE		40

#define CPU_OFF_STATE		1
#define CPU_PENDING_STATE	2
#define CPU_ON_STATE		0

#define STACK_SIZE		256

#define MPIDR_AFFINITY		0xff00ffffff

#define ID_AA64PFR2		S3_0_C0_C4_2
#define ID_AA64SMFR0		S3_0_C0_C4_5
#define ID_AA64ISAR2		S3_0_C0_C6_2
#define ID_AA64MMFR3		S3_0_C0_C7_3
#define ZCR_EL3			S3_6_C1_C2_0
#define SMCR_EL3		S3_6_C1_C2_6
#define ICC_PPI_DOMAINR0_EL3	S3_6_C12_C8_4
#define ICC_PPI_DOMAINR1_EL3	S3_6_C12_C8_5
#define ICC_PPI_DOMAINR2_EL3	S3_6_C12_C8_6
#define ICC_PPI_DOMAINR3_EL3	S3_6_C12_C8_7

#define PFR2_GCIE_SHIFT		12

#define SCTLR_RES1		0x30c50830
#define HCR_RW			(1 << 31)
#define CPTR_EL2_RES1		0x33ff
#define CNTHCTL_EL1_ACCESS	3
#define SPSR_EL2H_DAIF		0x3c9

/* NS, the two RES1 bits, HCE, RW. */
#define SCR_BASE		(1 | 3 << 4 | 1 << 8 | 1 << 10)
#define SCR_PAUTH		(3 << 16)
#define SCR_ATA			(1 << 26)
#define SCR_FGTEN		(1 << 27)
#define SCR_ECVEN		(1 << 28)
#define SCR_HXEN		(1 << 38)
#define SCR_GCSEN		(1 << 39)
#define SCR_ENTP2		(1 << 41)
#define SCR_TCR2EN		(1 << 43)
#define SCR_SCTLR2EN		(1 << 44)
#define SCR_PIEN		(1 << 45)
#define SCR_D128EN		(1 << 47)
#define SCR_ENFPM		(1 << 50)
#define SCR_FGTEN2		(1 << 59)

#define CPTR_EZ_SHIFT		8
#define CPTR_EZ			(1 << CPTR_EZ_SHIFT)
#define CPTR_ESM_SHIFT		12
#define CPTR_ESM		(1 << CPTR_ESM_SHIFT)

#define SMCR_EZT0		(1 << 30)
#define SMCR_FA64		(1 << 31)

#define MDCR_ENPM2		(1 << 7)
#define MDCR_NSPB		(3 << 12)
#define MDCR_NSTB		(3 << 24)
#define MDCR_SBRBE		(3 << 32)

#endif
