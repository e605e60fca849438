/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module sees of the kernel through bindgen, besides what the kernel
 * crate already offers.
 */
#ifndef KVM_ARM_VGIC_V5_H
#define KVM_ARM_VGIC_V5_H

#include <linux/irq.h>
#include <linux/kvm_host.h>
#include <linux/xarray.h>

#include <kvm/arm_vgic.h>

#endif
