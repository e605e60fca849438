/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where things are on FVP_Base_RevC-2xAEMvA: for the boot code, the device
 * tree and tools/fvp/start. gicv5.yaml has the GIC's frames once more.
 *
 * A test may put them elsewhere, with -D.
 */
#ifndef FVP_LAYOUT_H
#define FVP_LAYOUT_H

#ifndef BOOT_BASE

/* Trusted SRAM: 256 KiB from 0x04000000. The reset vector of all CPUs. */
#define BOOT_BASE	0x04001000

/* Motherboard: PL011s, system registers. */
#define UART0_BASE	0x1c090000
#define UART1_BASE	0x1c0a0000
#define SYSREGS_BASE	0x1c010000

/* The system counter's control frame. */
#define CNTCONTROL_BASE	0x2a430000

/* The IRS's configuration frames, as gicv5.yaml places them. */
#define IRS_NS_BASE	0x2f1a0000
#define IRS_EL3_BASE	0x2f1c0000

/* MPIDR_EL1's affinity of a CPU: 2 clusters of 4, one thread each. */
#define CPU_MPIDRS	0x000, 0x100, 0x200, 0x300, 0x10000, 0x10100, 0x10200, 0x10300

#endif

/* DRAM from 0x80000000: what is loaded where. The image on 2 MiB. */
#define DTB_BASE	0x83000000
#define IMAGE_BASE	0x84000000
#define INITRD_BASE	0x88000000

#endif
