/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm GICv5: the architecture model as a QEMU device.
 *
 * The device is glue. It shows the model's system registers and its IRS
 * configuration frame to the CPUs, brings wires in and interrupt lines out,
 * and gives the model access to memory.
 *
 *  + sysbus MMIO region 0: the IRS configuration frame
 *  + unnamed GPIO inputs: SPI n is input n
 *  + GPIO inputs "ppi": input gicv5_model_ppi_gpio(pe, id) is that PE's PPI id
 *  + QOM property "num-cpu": PEs, 1..GICV5_MODEL_MAX_PES; PE n is CPU index n
 *  + QOM property "num-spi": SPIs, INTID.ID 0 upwards
 *  + QOM property "virt": IRS_IDR0.VIRT
 *  + QOM property "lpi-id-bits": IRS_IDR2.ID_BITS, 0 for the model's default
 *  + QOM property "ist-linear-only": clear IRS_IDR2.IST_LEVELS
 *  + QOM property "gicmnt": PPI 25 is there, and the device tree names it
 *  + QOM property "high-ppis": the PPIs above 63 that are; bit n is PPI 64 + n
 *  + QOM properties "vm-id-bits", "vmt-two-level", "vmd-log2", "vped-log2",
 *    "vpe-id-bits", "istmd-id-bits", "ist-l2-sizes",
 *    "delay-steps", "stuck-offset": as in struct gicv5_config
 *
 * The outputs go straight to the IRQ, NMI, VIRQ and VINMI inputs of the CPUs,
 * which have to be realized before the device is.
 */
#ifndef HW_INTC_ARM_GICV5_MODEL_H
#define HW_INTC_ARM_GICV5_MODEL_H

#include "hw/sysbus.h"
#include "qom/object.h"

#define TYPE_ARM_GICV5_MODEL "arm-gicv5-model"
OBJECT_DECLARE_SIMPLE_TYPE(GICv5ModelState, ARM_GICV5_MODEL)

/* The limits of gicv5_model.h, for boards; the device checks that they agree. */
#define GICV5_MODEL_MAX_PES 16
#define GICV5_MODEL_NR_PPIS 128
#define GICV5_MODEL_IRS_SIZE 0x10000

static inline int gicv5_model_ppi_gpio(int pe, int id)
{
    return pe * GICV5_MODEL_NR_PPIS + id;
}

#endif
