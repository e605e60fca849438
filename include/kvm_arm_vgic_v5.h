/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module sees of the kernel through bindgen, besides what the kernel
 * crate already offers.
 */
#ifndef KVM_ARM_VGIC_V5_H
#define KVM_ARM_VGIC_V5_H

#include <linux/irq.h>
#include <linux/irqchip/arm-gic-v5.h>
#include <linux/kvm_host.h>
#include <linux/xarray.h>

#include <kvm/arm_vgic.h>
#include <kvm/iodev.h>

/* The linear map starts at -(1 << VA_BITS) */
static const unsigned int VGIC_V5_VA_BITS = VA_BITS;

#endif
