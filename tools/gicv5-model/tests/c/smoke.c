// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The C interface as a C program sees it: the header compiles, the layouts
 * agree with Rust's, the callbacks come, bad configurations say why.
 *
 *	cc -I include tests/c/smoke.c libgicv5_model.a -lpthread -ldl -lm
 */
#include "gicv5_model.h"

#include <stdio.h>
#include <string.h>

#define CNTV 27

static int failed;

#define CHECK(cond)								\
	do {									\
		if (!(cond)) {							\
			fprintf(stderr, "line %d: %s\n", __LINE__, #cond);	\
			failed = 1;						\
		}								\
	} while (0)

struct machine {
	uint8_t ram[0x10000];	/* from physical address 0 */
	uint32_t lines[2];
	unsigned int line_calls, errors;
};

static void lines(void *opaque, uint32_t pe, uint32_t lines)
{
	struct machine *m = opaque;

	CHECK(pe < 2);
	CHECK(m->lines[pe] != lines);
	m->lines[pe] = lines;
	m->line_calls++;
}

static bool mem_read(void *opaque, uint64_t pa, void *buf, size_t len)
{
	struct machine *m = opaque;

	if (pa > sizeof(m->ram) || len > sizeof(m->ram) - pa)
		return false;
	memcpy(buf, m->ram + pa, len);
	return true;
}

static bool mem_write(void *opaque, uint64_t pa, const void *buf, size_t len)
{
	struct machine *m = opaque;

	if (pa > sizeof(m->ram) || len > sizeof(m->ram) - pa)
		return false;
	memcpy(m->ram + pa, buf, len);
	return true;
}

static void guest_error(void *opaque, const char *msg)
{
	struct machine *m = opaque;

	CHECK(strlen(msg) > 0 && !strchr(msg, '\n'));
	m->errors++;
}

static struct machine machine;
static struct gicv5 *gic;
static const struct gicv5_pe_state el2 = { .el = 2, .el2 = true };

static size_t reg(const char *name)
{
	size_t i;

	for (i = 0; i < gicv5_num_sysregs(); i++)
		if (!strcmp(gicv5_sysreg(i)->name, name))
			return i;
	fprintf(stderr, "no register %s\n", name);
	failed = 1;
	return 0;
}

static void msr(const char *name, uint64_t value)
{
	CHECK(gicv5_sysreg_check(gic, 0, reg(name), true, &el2) == GICV5_OK);
	gicv5_sysreg_write(gic, 0, reg(name), value, &el2);
}

static uint64_t mrs(const char *name)
{
	CHECK(gicv5_sysreg_check(gic, 0, reg(name), false, &el2) == GICV5_OK);
	return gicv5_sysreg_read(gic, 0, reg(name), &el2);
}

static void table(void)
{
	const struct gicv5_sysreg *cdia = gicv5_sysreg(reg("GICR_CDIA"));
	const struct gicv5_sysreg *pcr = gicv5_sysreg(reg("ICC_PCR_EL1"));

	CHECK(cdia->op0 == 1 && cdia->op1 == 0 && cdia->crn == 12 &&
	      cdia->crm == 3 && cdia->op2 == 0);
	CHECK(cdia->insn && cdia->readable && !cdia->writable);
	CHECK(pcr->op0 == 3 && pcr->op1 == 1 && pcr->crm == 0 && pcr->op2 == 2);
	CHECK(!pcr->insn && pcr->readable && pcr->writable);
	CHECK(!pcr->vncr_offset);
	CHECK(!gicv5_sysreg(gicv5_num_sysregs()));
}

static void bad_configurations(const struct gicv5_callbacks *cb)
{
	struct gicv5_config config = { .num_pes = GICV5_MAX_PES + 1 };
	const char *why = NULL;

	CHECK(!gicv5_new(&config, cb, &why) && why);
	CHECK(!gicv5_new(&config, cb, NULL));
	config.num_pes = 1;
	config.num_spis = 1025;
	why = NULL;
	CHECK(!gicv5_new(&config, cb, &why) && why);
}

static void traps(void)
{
	const struct gicv5_pe_state el1 = { .el = 1, .el2 = true };
	const struct gicv5_pe_state el0 = { .el = 0, .el2 = true };
	size_t pcr = reg("ICC_PCR_EL1");

	CHECK(gicv5_sysreg_check(gic, 0, pcr, true, &el1) == GICV5_TRAP_EL2);
	msr("ICH_HFGWTR_EL2", 1 << 5);
	CHECK(gicv5_sysreg_check(gic, 0, pcr, true, &el1) == GICV5_OK);
	CHECK(gicv5_sysreg_check(gic, 0, pcr, true, &el0) == GICV5_UNDEF);
	CHECK(gicv5_sysreg_check(gic, 0, reg("ICC_IDR0_EL1"), true, &el2) == GICV5_UNDEF);
}

static void ppi(void)
{
	struct gicv5_pe_state nmi = el2;
	unsigned int calls;

	msr("ICC_PPI_ENABLER0_EL1", 1 << CNTV);
	msr("ICC_PPI_PRIORITYR3_EL1", 5 << 24);
	msr("ICC_PCR_EL1", 31);
	msr("ICC_CR0_EL1", 1);
	calls = machine.line_calls;
	gicv5_set_ppi(gic, 0, CNTV, true);
	CHECK(machine.line_calls == calls + 1);
	CHECK(machine.lines[0] == GICV5_LINE_IRQ);
	CHECK(gicv5_lines(gic, 0) == GICV5_LINE_IRQ);
	CHECK(gicv5_lines(gic, 1) == 0);
	gicv5_set_ppi(gic, 0, CNTV, true);
	CHECK(machine.line_calls == calls + 1);
	CHECK(mrs("GICR_CDIA") == (1ull << 32 | 1u << 29 | CNTV));
	CHECK(machine.lines[0] == 0);
	msr("GIC_CDEOI", 0);
	msr("ICC_PPI_PRIORITYR3_EL1", 0);
	msr("GIC_CDDI", 1u << 29 | CNTV);
	CHECK(machine.lines[0] == GICV5_LINE_NMI);
	nmi.nmi = true;
	CHECK(gicv5_sysreg_read(gic, 0, reg("GICR_CDIA"), &nmi) == 0);
	CHECK(gicv5_sysreg_read(gic, 0, reg("GICR_CDNMIA"), &nmi) >> 32);
	gicv5_reset_pe(gic, 0);
	CHECK(machine.lines[0] == 0);
}

/* An LPI for PE 1, with a linear IST of 4-byte entries at 0. */
static void lpi(void)
{
	uint64_t id = 0;

	CHECK(gicv5_irs_write(gic, 0, 0x80, 4, 1));
	CHECK(gicv5_irs_write(gic, 0, 0x190, 4, 14));
	CHECK(gicv5_irs_write(gic, 0, 0x180, 8, 1));
	CHECK(gicv5_irs_read(gic, GICV5_NO_PE, 0x180, 8, &id) && id == 1);
	msr("GIC_CDAFF", 1ull << 32 | 2u << 29 | 9);
	msr("GIC_CDPRI", 3ull << 35 | 2u << 29 | 9);
	msr("GIC_CDEN", 2u << 29 | 9);
	gicv5_sysreg_write(gic, 1, reg("ICC_PCR_EL1"), 31, &el2);
	gicv5_sysreg_write(gic, 1, reg("ICC_CR0_EL1"), 1, &el2);
	msr("GIC_CDPEND", 1ull << 32 | 2u << 29 | 9);
	CHECK(machine.lines[1] == GICV5_LINE_IRQ);
	CHECK(machine.errors == 0);
	msr("GIC_CDEN", 3u << 29 | 5000);
	CHECK(machine.errors == 1);
	CHECK(!gicv5_irs_read(gic, GICV5_NO_PE, 0x80, 3, &id));
	gicv5_reset(gic);
	CHECK(machine.lines[1] == 0);
}

int main(void)
{
	const struct gicv5_callbacks cb = {
		.opaque = &machine,
		.lines = lines,
		.mem_read = mem_read,
		.mem_write = mem_write,
		.guest_error = guest_error,
	};
	const struct gicv5_config config = {
		.num_pes = 2, .num_spis = 32, .virt = true,
	};
	const char *why = NULL;

	bad_configurations(&cb);
	gic = gicv5_new(&config, &cb, &why);
	if (!gic) {
		fprintf(stderr, "no model: %s\n", why ? why : "?");
		return 1;
	}
	table();
	traps();
	ppi();
	lpi();
	gicv5_free(gic);
	gicv5_free(NULL);
	return failed;
}
