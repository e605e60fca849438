/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs whose GICv5 has an IRS, and so SPIs and LPIs.
 */
#ifndef VGIC5_IRS_H
#define VGIC5_IRS_H

#include <linux/sizes.h>

#include "vgic5.h"

/* Where the IRS is in the guest, at the same virtual address. */
#define IRS_BASE	0x08000000UL
/* What guests give as their IST of LPIs. Nothing is there: KVM does not look. */
#define IRS_IST		0x08020000UL

#define LPI_INTID(id)	((2UL << 29) | (id))
#define SPI_INTID(id)	((3UL << 29) | (id))

/* Registers of the configuration frame. */
#define IRS_IDR0		0x000
#define IRS_IDR1		0x004
#define IRS_IDR2		0x008
#define IRS_IDR5		0x014
#define IRS_IDR6		0x018
#define IRS_IDR7		0x01c
#define IRS_IIDR		0x040
#define IRS_CR0			0x080
#define IRS_CR1			0x084
#define IRS_SYNC_STATUSR	0x0c4
#define IRS_SPI_SELR		0x108
#define IRS_SPI_CFGR		0x114
#define IRS_SPI_STATUSR		0x118
#define IRS_PE_SELR		0x140
#define IRS_PE_STATUSR		0x144
#define IRS_PE_CR0		0x148
#define IRS_IST_BASER		0x180	/* 64 bits */
#define IRS_IST_CFGR		0x190
#define IRS_IST_STATUSR		0x194

#define IRS_CR0_IRSEN		BIT(0)
#define IRS_CR0_IDLE		BIT(1)
#define IRS_STATUSR_IDLE	BIT(0)
#define IRS_STATUSR_V		BIT(1)
#define IRS_IST_BASER_VALID	BIT_ULL(0)

/* An entry of the ISTs that are saved. */
#define ISTE_PENDING		BIT(0)
#define ISTE_ACTIVE		BIT(1)
#define ISTE_HM			BIT(2)
#define ISTE_ENABLE		BIT(3)
#define ISTE_PRIORITY		GENMASK(15, 11)
#define ISTE_IAFFID		GENMASK(31, 16)

/* Any attribute: 0 or -errno. */
int vgic5_attr_has(int gic, u32 group, u64 attr);
int vgic5_attr_get(int gic, u32 group, u64 attr, void *val);
int vgic5_attr_set(int gic, u32 group, u64 attr, void *val);

/* The attributes by which a VM gets its IRS. */
int vgic5_set_irs_address(int gic, u64 address);
int vgic5_set_nr_spis(int gic, u32 spis);

/* A register of the frame, by its offset. */
int vgic5_irs_get(int gic, u64 offset, u64 *val);
int vgic5_irs_set(int gic, u64 offset, u64 val);

/* The registers that a VMM saves, and whether one is 64 bits wide. */
#define VGIC5_NR_IRS_REGS	52
extern const u16 vgic5_irs_regs[VGIC5_NR_IRS_REGS];
bool vgic5_irs_reg_is_64(u64 offset);

/*
 * The state of a VM's SPIs and LPIs, as it is saved: entries of SPIs, then those of
 * LPIs, in a buffer to be freed. And all of an IRS, from a VM to one that was made
 * in the same way and has not run.
 */
struct vgic5_irs_state {
	u32 spis, lpis;
	u32 *entries;
};

struct vgic5_irs_state vgic5_irs_save(int gic);
void vgic5_irs_restore(int gic, struct vgic5_irs_state *state);
void vgic5_copy_irs_regs(int to, int from);
void vgic5_copy_irs(int to, int from);

/* KVM_IRQ_LINE on an SPI; the raw form returns 0 or -errno. */
int __vgic5_set_spi(struct kvm_vm *vm, u32 spi, int level);
void vgic5_set_spi(struct kvm_vm *vm, u32 spi, int level);

/*
 * A VM with so many SPIs whose IRS is at IRS_BASE, not initialized; and one that
 * was sent INIT. Both skip the test if the backend has no virtual IRS.
 */
struct vgic5_vm vgic5_irs_vm_bare(int nr_vcpus, guest_fn code, guest_irq_fn irq, u32 spis);
struct vgic5_vm vgic5_irs_vm(int nr_vcpus, guest_fn code, guest_irq_fn irq, u32 spis);
/* Skips the test if the backend has no virtual IRS. */
void vgic5_need_irs(int gic);

#endif
