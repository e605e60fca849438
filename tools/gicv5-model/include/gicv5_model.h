/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * C interface of the GICv5 architecture model.
 *
 * The model is the whole GICv5 as software sees it; whoever embeds it (the
 * emulator) supplies processors, wires and memory, and decides nothing.
 *
 * Threading: the model has no locks. The caller serialises every call on one
 * struct gicv5; callbacks run inside a call, on the calling thread, and must
 * not call back into the model.
 */
#ifndef GICV5_MODEL_H
#define GICV5_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gicv5;

#define GICV5_MAX_PES		16
#define GICV5_NR_PPIS		128
#define GICV5_IRS_FRAME_SIZE	0x10000
#define GICV5_NO_PE		UINT32_MAX

/* Interrupt lines from the GIC to one PE, as a bit mask. */
enum gicv5_line {
	GICV5_LINE_IRQ	= 1 << 0,	/* physical IRQ */
	GICV5_LINE_NMI	= 1 << 1,	/* physical IRQ with Superpriority */
	GICV5_LINE_VIRQ	= 1 << 2,	/* virtual IRQ */
	GICV5_LINE_VNMI	= 1 << 3,	/* virtual IRQ with Superpriority */
};

struct gicv5_config {
	uint32_t num_pes;	/* 1..GICV5_MAX_PES; the IAFFID of PE n is n */
	uint32_t num_spis;	/* 0..1024 SPIs, INTID.ID 0 upwards */
	bool virt;		/* IRS_IDR0.VIRT */
	/* Room for what is not fixed by the architecture; 0 means default. */
	uint32_t lpi_id_bits;	/* IRS_IDR2.ID_BITS; default 16 */
	bool ist_linear_only;	/* clear IRS_IDR2.IST_LEVELS */
	bool no_gicmnt;		/* PPI 25 is not implemented */
	uint64_t high_ppis;	/* PPIs above 63 that are: bit n is PPI 64 + n */
	/*
	 * The virtual IRS, which is there with @virt; zero everywhere is a
	 * machine that KVM can use. The other values select other code in it.
	 */
	uint32_t vm_id_bits;	/* IRS_IDR3.VM_ID_BITS, 8..16; default 8 */
	bool vmt_two_level;	/* IRS_IDR3.VMT_LEVELS */
	uint32_t vmd_log2;	/* IRS_IDR3.VMD_SZ, 3..15; default: no VMD */
	uint32_t vped_log2;	/* IRS_IDR4.VPED_SZ, 3..12; default 6 */
	uint32_t vpe_id_bits;	/* IRS_IDR4.VPE_ID_BITS + 1, 1..16; default 9 */
	uint32_t istmd_id_bits;	/* IRS_IDR2.ISTMD_SZ; default: no ISTMD */
	uint32_t ist_l2_sizes;	/* IRS_IDR2.IST_L2SZ, 1..7; default 7 */
	/*
	 * Strictness. With delay_steps a GIC CD* or VD* instruction is complete
	 * only at the PE's GSB SYS, and a write to the IRS when its status has
	 * been read so often, or after that many accesses by anyone; call
	 * gicv5_step() from a timer then, as nobody need make any. What is
	 * written at stuck_offset is never complete.
	 */
	uint32_t delay_steps;	/* default 0: complete at once */
	uint32_t stuck_offset;	/* in the frame; default none */
};

struct gicv5_callbacks {
	void *opaque;
	/* The set of asserted lines of PE @pe is now @lines. Called on change. */
	void (*lines)(void *opaque, uint32_t pe, uint32_t lines);
	/* Guest physical memory, for the tables. False: the access faulted. */
	bool (*mem_read)(void *opaque, uint64_t pa, void *buf, size_t len);
	bool (*mem_write)(void *opaque, uint64_t pa, const void *buf, size_t len);
	/* Software did what the architecture calls an error. One line, no '\n'. */
	void (*guest_error)(void *opaque, const char *msg);
};

/* NULL if @config is out of range; @why then points at a static string. */
struct gicv5 *gicv5_new(const struct gicv5_config *config,
			const struct gicv5_callbacks *cb, const char **why);
void gicv5_free(struct gicv5 *g);

/*
 * Cold reset of everything, or of one PE's CPU interface, which also ends the
 * residency of a VPE on it.
 */
void gicv5_reset(struct gicv5 *g);
void gicv5_reset_pe(struct gicv5 *g, uint32_t pe);

/* What the model needs to know of the PE to place an access. */
struct gicv5_pe_state {
	uint8_t el;		/* current Exception level, 0..2 */
	bool el2;		/* EL2 is implemented and enabled */
	uint64_t hcr_el2;	/* effective HCR_EL2 */
	bool nmi;		/* SCTLR_ELx.NMI of the current Exception level */
};

enum gicv5_access {
	GICV5_OK,
	GICV5_UNDEF,		/* the access is UNDEFINED */
	GICV5_TRAP_EL2,		/* trap to EL2, EC 0x18, as a system register access */
	GICV5_MEMORY,		/* it accesses memory, at VNCR_EL2 + vncr_offset */
};

/* The table of system registers and instructions, in index order 0..n-1. */
struct gicv5_sysreg {
	const char *name;	/* "ICC_PCR_EL1", "GIC_CDEOI", "GSB_SYS" */
	uint8_t op0, op1, crn, crm, op2;
	bool insn;		/* op0 == 1: a SYS or SYSL instruction */
	bool readable, writable; /* of the encoding; anything else is UNDEFINED */
	uint16_t vncr_offset;	/* its place with HCR_EL2.NV2; 0: it has none */
};

size_t gicv5_num_sysregs(void);
const struct gicv5_sysreg *gicv5_sysreg(size_t index);

/* Would this access trap, be UNDEFINED, or be done? Changes nothing. */
enum gicv5_access gicv5_sysreg_check(const struct gicv5 *g, uint32_t pe,
				     size_t index, bool write,
				     const struct gicv5_pe_state *state);
/* Only after a check that said GICV5_OK. */
uint64_t gicv5_sysreg_read(struct gicv5 *g, uint32_t pe, size_t index,
			   const struct gicv5_pe_state *state);
void gicv5_sysreg_write(struct gicv5 *g, uint32_t pe, size_t index,
			uint64_t value, const struct gicv5_pe_state *state);

/*
 * The IRS configuration frame, accessed by PE @pe or by something that is none:
 * two PEs that use one of its selectors at once are an error of software's.
 * @size is 4 or 8; false: external abort.
 */
bool gicv5_irs_read(struct gicv5 *g, uint32_t pe, uint32_t offset,
		    uint32_t size, uint64_t *value);
bool gicv5_irs_write(struct gicv5 *g, uint32_t pe, uint32_t offset,
		     uint32_t size, uint64_t value);

/* Wires into the GIC. Level interrupts follow @level, edge ones its rise. */
void gicv5_set_ppi(struct gicv5 *g, uint32_t pe, uint32_t id, bool level);
void gicv5_set_spi(struct gicv5 *g, uint32_t id, bool level);

/*
 * PE @pe has taken an exception or returned from one. HCR_EL2 says what becomes
 * of the timers' PPIs below EL2, so the lines may change.
 */
void gicv5_el_change(struct gicv5 *g, uint32_t pe,
		     const struct gicv5_pe_state *state);
/*
 * PE @pe executes an ISB. Only with delay_steps: what an instruction leaves in
 * a register is not there before.
 */
void gicv5_synchronize(struct gicv5 *g, uint32_t pe);

/* Time passes: one step for what is not complete, with delay_steps. */
void gicv5_step(struct gicv5 *g);

/*
 * The whole state as bytes; memory, which has the tables, is not part of it.
 * gicv5_save() gives the number of bytes, and writes them if @len is enough.
 * gicv5_restore() is for a model with the same configuration, and tells every
 * PE's lines anew; false: the bytes are no such state, nothing has changed.
 */
size_t gicv5_save(struct gicv5 *g, void *buf, size_t len);
bool gicv5_restore(struct gicv5 *g, const void *buf, size_t len);

/* The asserted lines of PE @pe now, as last given to @lines. */
uint32_t gicv5_lines(const struct gicv5 *g, uint32_t pe);

#endif
