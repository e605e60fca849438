/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virt machine's GICv5: the device, its wires, its device tree node.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/arm/bsa.h"
#include "hw/arm/fdt.h"
#include "hw/arm/virt.h"
#include "hw/intc/arm_gicv5_model.h"
#include "hw/qdev-properties.h"
#include "system/device_tree.h"
#include "target/arm/cpu.h"
#include "target/arm/gtimer.h"

/*
 * The PPI of each timer, by the architecture's assignment of PPI numbers,
 * which is the one that GICv3 systems use for their INTIDs.
 */
static const int gicv5_timer_ppi[NUM_GTIMERS] = {
    [GTIMER_PHYS] = ARCH_TIMER_NS_EL1_IRQ,
    [GTIMER_VIRT] = ARCH_TIMER_VIRT_IRQ,
    [GTIMER_HYP] = ARCH_TIMER_NS_EL2_IRQ,
    [GTIMER_SEC] = ARCH_TIMER_S_EL1_IRQ,
    [GTIMER_HYPVIRT] = ARCH_TIMER_NS_EL2_VIRT_IRQ,
    [GTIMER_S_EL2_PHYS] = ARCH_TIMER_S_EL2_IRQ,
    [GTIMER_S_EL2_VIRT] = ARCH_TIMER_S_EL2_VIRT_IRQ,
};

static void gicv5_connect_cpu(DeviceState *gic, int pe)
{
    DeviceState *cpu = DEVICE(qemu_get_cpu(pe));
    int pmu = gicv5_model_ppi_gpio(pe, VIRTUAL_PMU_IRQ);

    for (int i = 0; i < NUM_GTIMERS; i++) {
        int n = gicv5_model_ppi_gpio(pe, gicv5_timer_ppi[i]);

        qdev_connect_gpio_out(cpu, i, qdev_get_gpio_in_named(gic, "ppi", n));
    }
    qdev_connect_gpio_out_named(cpu, "pmu-interrupt", 0,
                                qdev_get_gpio_in_named(gic, "ppi", pmu));
}

/* See Linux's Documentation/devicetree, arm,gic-v5.yaml. */
static void gicv5_add_fdt_nodes(VirtMachineState *vms, hwaddr irs_base)
{
    static const char gic[] = "/intc";
    g_autofree char *irs = g_strdup_printf("%s/irs@%" PRIx64, gic, irs_base);
    MachineState *ms = MACHINE(vms);
    int cpus = ms->smp.cpus;
    uint32_t phandles[GICV5_MODEL_MAX_PES];
    uint16_t iaffids[GICV5_MODEL_MAX_PES];
    void *fdt = ms->fdt;

    vms->gic_phandle = qemu_fdt_alloc_phandle(fdt);
    qemu_fdt_setprop_cell(fdt, "/", "interrupt-parent", vms->gic_phandle);

    qemu_fdt_add_subnode(fdt, gic);
    qemu_fdt_setprop_string(fdt, gic, "compatible", "arm,gic-v5");
    qemu_fdt_setprop_cell(fdt, gic, "phandle", vms->gic_phandle);
    qemu_fdt_setprop(fdt, gic, "interrupt-controller", NULL, 0);
    qemu_fdt_setprop_cell(fdt, gic, "#interrupt-cells", 3);
    qemu_fdt_setprop_cell(fdt, gic, "#address-cells", 2);
    qemu_fdt_setprop_cell(fdt, gic, "#size-cells", 2);
    qemu_fdt_setprop(fdt, gic, "ranges", NULL, 0);
    /* Without it there is no KVM in Linux 7.3. */
    if (vms->virt && object_property_get_bool(OBJECT(vms->gic), "gicmnt",
                                              &error_abort)) {
        qemu_fdt_setprop_cells(fdt, gic, "interrupts", GIC_FDT_IRQ_TYPE_PPI,
                               ARCH_GIC_MAINT_IRQ, GIC_FDT_IRQ_FLAGS_LEVEL_HI);
    }

    for (int i = 0; i < cpus; i++) {
        g_autofree char *cpu = g_strdup_printf("/cpus/cpu@%d", i);

        phandles[i] = cpu_to_be32(qemu_fdt_get_phandle(fdt, cpu));
        iaffids[i] = cpu_to_be16(i);
    }

    qemu_fdt_add_subnode(fdt, irs);
    qemu_fdt_setprop_string(fdt, irs, "compatible", "arm,gic-v5-irs");
    qemu_fdt_setprop_sized_cells(fdt, irs, "reg", 2, irs_base,
                                 2, (hwaddr)GICV5_MODEL_IRS_SIZE);
    qemu_fdt_setprop_string(fdt, irs, "reg-names", "ns-config");
    qemu_fdt_setprop_cell(fdt, irs, "#address-cells", 2);
    qemu_fdt_setprop_cell(fdt, irs, "#size-cells", 2);
    qemu_fdt_setprop(fdt, irs, "ranges", NULL, 0);
    qemu_fdt_setprop(fdt, irs, "cpus", phandles, cpus * sizeof(phandles[0]));
    qemu_fdt_setprop(fdt, irs, "arm,iaffids", iaffids,
                     cpus * sizeof(iaffids[0]));
}

/* Called when the CPUs are realized and have their device tree nodes. */
void virt_create_gicv5(VirtMachineState *vms, int num_spis)
{
    /* Where GICv2 machines have their CPU interface; the size is the same. */
    hwaddr irs_base = vms->memmap[VIRT_GIC_CPU].base;
    int cpus = MACHINE(vms)->smp.cpus;

    vms->gic = qdev_new(TYPE_ARM_GICV5_MODEL);
    qdev_prop_set_uint32(vms->gic, "num-cpu", cpus);
    qdev_prop_set_uint32(vms->gic, "num-spi", num_spis);
    qdev_prop_set_bit(vms->gic, "virt", vms->virt && vms->gicv5_virt);
    sysbus_realize_and_unref(SYS_BUS_DEVICE(vms->gic), &error_fatal);
    sysbus_mmio_map(SYS_BUS_DEVICE(vms->gic), 0, irs_base);

    for (int pe = 0; pe < cpus; pe++) {
        gicv5_connect_cpu(vms->gic, pe);
    }
    gicv5_add_fdt_nodes(vms, irs_base);
}
