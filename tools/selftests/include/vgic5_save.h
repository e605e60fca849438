/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a VMM does to save a VM with a GICv5 and to restore it into another VM.
 */
#ifndef VGIC5_SAVE_H
#define VGIC5_SAVE_H

#include "vgic5.h"

/* The registers of KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS. */
struct vgic5_reg {
	const char *name;
	u32 reg;
	u64 writable;		/* what reads back, on a VM before its first run */
};

#define VGIC5_NR_REGS	26

extern const struct vgic5_reg vgic5_regs[VGIC5_NR_REGS];

/* The attribute of such a register; 0 or -errno. */
int vgic5_get_reg(int gic, u64 attr, u64 *val);
int vgic5_set_reg(int gic, u64 attr, u64 val);
int vgic5_has_reg(int gic, u64 attr);

/* As vgic5_vm_create(); skips the test if the backend cannot save. */
struct vgic5_vm vgic5_saver_vm(int nr_vcpus, guest_fn code, guest_irq_fn irq);

/* From one VM to another that was made in the same way. */
void vgic5_copy_memory(struct kvm_vm *to, struct kvm_vm *from);
/* All that KVM_GET_REG_LIST has, but for the counters, which run on. */
void vgic5_copy_vcpu(struct kvm_vcpu *to, struct kvm_vcpu *from);
/* The CPU interface of the vCPU with an ID to that of another one. */
void vgic5_copy_gic(int to, u32 to_id, int from, u32 from_id);
/* The same, one register after the other as `order` has them. */
void vgic5_copy_gic_in_order(int to, u32 to_id, int from, u32 from_id,
			     const int order[VGIC5_NR_REGS]);

#endif
