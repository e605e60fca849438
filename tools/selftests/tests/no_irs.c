// SPDX-License-Identifier: GPL-2.0
/*
 * The GIC instructions about SPIs and LPIs in a guest that has neither. KVM traps
 * none of them: on a CPU with no resident VPE they have no effect. The host's IPIs
 * are LPIs with the numbers that this guest tries, so what went to the physical
 * side would be noticed.
 */
#include <stdlib.h>
#include <string.h>

#include "vgic5_guest.h"

#define NR_LPIS		4096
#define NR_SPIS		256
#define NR_OTHERS	64	/* of each type that is reserved */

#define TYPE_LPI	2
#define TYPE_SPI	3

static u64 found;	/* instructions that found an interrupt */

static bool is_there(u64 intid)
{
	gic_insn(intid, CDRCFG);
	isb();
	return !(read_sysreg_s(SYS_ICC_ICSR_EL1) & ICC_ICSR_EL1_F);
}

static void try_all(u64 intid)
{
	gic_insn(intid, CDDIS);
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPRI_PRIORITY_MASK, 31), CDPRI);
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDAFF_IAFFID_MASK, 1), CDAFF);
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDHM_HM_MASK, 1), CDHM);
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPEND_PENDING_MASK, 1), CDPEND);
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPEND_PENDING_MASK, 0), CDPEND);
	gic_insn(intid, CDDI);
	gic_insn(intid, CDEN);
	gic_insn(intid | FIELD_PREP(GICV5_GIC_CDPEND_PENDING_MASK, 1), CDPEND);
	gic_insn(intid, CDDIS);
	found += is_there(intid);
}

static void guest_code(void)
{
	static const u16 nr[8] = {
		[0] = NR_OTHERS, [4 ... 7] = NR_OTHERS,
		[TYPE_LPI] = NR_LPIS, [TYPE_SPI] = NR_SPIS,
	};

	local_irq_disable();
	gicv5_cpu_enable_interrupts();
	guest_set_mask(PRIORITY_LOWEST);
	for (u64 type = 0; type < ARRAY_SIZE(nr); type++)
		for (u64 id = 0; id < nr[type]; id++)
			try_all((type << 29) | id);
	GUEST_ASSERT_EQ(found, 0);
	GUEST_ASSERT_EQ(guest_ack(), 0);
	GUEST_SYNC(1);

	/* Its own interrupts are as before. */
	guest_enable(BIT_ULL(PPI_SW));
	guest_pend_sw();
	GUEST_ASSERT_EQ(guest_ack(), PPI_INTID(PPI_SW));
	GUEST_DONE();
}

static u64 nr_ipis(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[512], *at;
	u64 sum = 0;

	TEST_ASSERT(f, "reading /proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "IPI");
		if (!at || at > line + 3)
			continue;
		/* A count for each CPU. */
		strtok(line, ":");
		for (char *n; (n = strtok(NULL, " ")) && *n >= '0' && *n <= '9'; )
			sum += strtoul(n, NULL, 10);
	}
	fclose(f);
	return sum;
}

/* Every CPU is reached from every other one. */
static void all_cpus_reached(void)
{
	int cpus = vgic5_nr_cpus();
	u64 before = nr_ipis();

	for (int i = 0; i < 20 * cpus; i++)
		TEST_ASSERT(!vgic5_pin(i % cpus), "CPU %d: errno %d", i % cpus, errno);
	while (cpus > 1 && nr_ipis() == before)
		TEST_ASSERT(!vgic5_out_of_time(), "no IPI arrived");
}

static void no_effect(void)
{
	for (int cpu = vgic5_nr_cpus() - 1; cpu >= 0; cpu--) {
		struct vgic5_vm w = vgic5_vm_create(1, guest_code, NULL);

		TEST_ASSERT(!vgic5_pin(cpu), "CPU %d: errno %d", cpu, errno);
		vgic5_expect(w.vcpu[0], 1);
		vgic5_expect(w.vcpu[0], VGIC5_DONE);
		vgic5_vm_free(&w);
		all_cpus_reached();
	}
}

static const struct vgic5_test tests[] = {
	{ "row 11: GIC instructions about SPIs and LPIs find none, and not the host's", no_effect, 300 },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
