// SPDX-License-Identifier: GPL-2.0
/*
 * The host side of vgic5_irs.h.
 */
#include <stdlib.h>

#include "vgic5_irs.h"

const u16 vgic5_irs_regs[VGIC5_NR_IRS_REGS] = {
	/* What it is */
	0x000, 0x004, 0x008, 0x00c, 0x010, 0x014, 0x018, 0x01c, 0x040, 0x044,
	/* Itself, SPIs, PEs, the IST of LPIs */
	0x080, 0x084, 0x0c0, 0x0c4, 0x100, 0x108, 0x10c, 0x110, 0x114, 0x118,
	0x140, 0x144, 0x148, 0x180, 0x190, 0x194, 0x1c0,
	/* VMs and VPEs */
	0x200, 0x210, 0x214, 0x240, 0x248, 0x250, 0x258, 0x25c, 0x280, 0x288, 0x28c,
	0x2c0, 0x2c8, 0x2d0, 0x2d8, 0x2e0, 0x300, 0x308,
	/* MEC, MPAM, software errors */
	0x340, 0x344, 0x380, 0x384, 0x3c0, 0x3c8, 0x3d0,
};

bool vgic5_irs_reg_is_64(u64 offset)
{
	static const u16 is_64[] = {
		0x100, 0x180, 0x200, 0x240, 0x248, 0x250, 0x280, 0x2c0, 0x2c8, 0x2d0, 0x2d8,
		0x2e0, 0x300, 0x3c0, 0x3c8, 0x3d0,
	};

	for (int i = 0; i < (int)ARRAY_SIZE(is_64); i++)
		if (is_64[i] == offset)
			return true;
	return false;
}

int vgic5_attr_has(int gic, u32 group, u64 attr)
{
	return __kvm_has_device_attr(gic, group, attr) ? -errno : 0;
}

int vgic5_attr_get(int gic, u32 group, u64 attr, void *val)
{
	return __kvm_device_attr_get(gic, group, attr, val) ? -errno : 0;
}

int vgic5_attr_set(int gic, u32 group, u64 attr, void *val)
{
	return __kvm_device_attr_set(gic, group, attr, val) ? -errno : 0;
}

int vgic5_set_irs_address(int gic, u64 address)
{
	return vgic5_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V5_ADDR_TYPE_IRS, &address);
}

int vgic5_set_nr_spis(int gic, u32 spis)
{
	return vgic5_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &spis);
}

int vgic5_irs_get(int gic, u64 offset, u64 *val)
{
	return vgic5_attr_get(gic, KVM_DEV_ARM_VGIC_GRP_IRS_REGS, offset, val);
}

int vgic5_irs_set(int gic, u64 offset, u64 val)
{
	return vgic5_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_IRS_REGS, offset, &val);
}

int __vgic5_set_spi(struct kvm_vm *vm, u32 spi, int level)
{
	return __vgic5_irq_line(vm, KVM_ARM_IRQ_TYPE_SPI, 0, spi, level);
}

void vgic5_set_spi(struct kvm_vm *vm, u32 spi, int level)
{
	int ret = __vgic5_set_spi(vm, spi, level);

	TEST_ASSERT(!ret, "KVM_IRQ_LINE of SPI %u to %d: %d", spi, level, ret);
}

void vgic5_need_irs(int gic)
{
	/* Mainline's C backend of 7.3 has none. */
	if (vgic5_attr_has(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V5_ADDR_TYPE_IRS))
		vgic5_skip("this backend has no virtual IRS");
}

struct vgic5_vm vgic5_irs_vm_bare(int nr_vcpus, guest_fn code, guest_irq_fn irq, u32 spis)
{
	struct vgic5_vm v = vgic5_vm_create_bare(nr_vcpus, code, irq, 0);
	int ret;

	vgic5_need_irs(v.gic);
	virt_map(v.vm, IRS_BASE, IRS_BASE, KVM_VGIC_V5_IRS_SIZE / getpagesize());
	ret = vgic5_set_irs_address(v.gic, IRS_BASE);
	TEST_ASSERT(!ret, "setting the IRS's address: %d", ret);
	ret = vgic5_set_nr_spis(v.gic, spis);
	TEST_ASSERT(!ret, "setting the number of SPIs to %u: %d", spis, ret);
	return v;
}

struct vgic5_vm vgic5_irs_vm(int nr_vcpus, guest_fn code, guest_irq_fn irq, u32 spis)
{
	struct vgic5_vm v = vgic5_irs_vm_bare(nr_vcpus, code, irq, spis);
	int ret = vgic5_init(v.gic);

	TEST_ASSERT(!ret, "INIT: %d", ret);
	return v;
}

static u64 irs_reg(int gic, u64 offset)
{
	u64 val;
	int ret = vgic5_irs_get(gic, offset, &val);

	TEST_ASSERT(!ret, "saving IRS register 0x%lx: %d", (unsigned long)offset, ret);
	return val;
}

static int access_ist(int gic, struct vgic5_irs_state *state, bool set)
{
	struct kvm_vgic_v5_ist ist = {
		.spi_ist_addr = (u64)state->entries,
		.spi_ist_size = state->spis * sizeof(u32),
		.lpi_ist_addr = state->lpis ? (u64)(state->entries + state->spis) : 0,
		.lpi_ist_size = state->lpis * sizeof(u32),
	};

	return set ? vgic5_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_IST, 0, &ist) :
		     vgic5_attr_get(gic, KVM_DEV_ARM_VGIC_GRP_IST, 0, &ist);
}

struct vgic5_irs_state vgic5_irs_save(int gic)
{
	struct vgic5_irs_state state = { .spis = irs_reg(gic, IRS_IDR5) };
	int ret;

	if (irs_reg(gic, IRS_IST_BASER) & IRS_IST_BASER_VALID)
		state.lpis = BIT(irs_reg(gic, IRS_IST_CFGR) & 0x1f);
	state.entries = calloc(state.spis + state.lpis, sizeof(u32));
	TEST_ASSERT(state.entries, "no memory");
	ret = access_ist(gic, &state, false);
	TEST_ASSERT(!ret, "saving SPIs and LPIs: %d", ret);
	return state;
}

void vgic5_irs_restore(int gic, struct vgic5_irs_state *state)
{
	int ret = access_ist(gic, state, true);

	TEST_ASSERT(!ret, "restoring SPIs and LPIs: %d", ret);
}

void vgic5_copy_irs_regs(int to, int from)
{
	for (int i = 0; i < VGIC5_NR_IRS_REGS; i++) {
		u64 val = irs_reg(from, vgic5_irs_regs[i]);
		int ret = vgic5_irs_set(to, vgic5_irs_regs[i], val);

		TEST_ASSERT(!ret, "restoring IRS register 0x%x to 0x%lx: %d", vgic5_irs_regs[i],
			    (unsigned long)val, ret);
	}
}

void vgic5_copy_irs(int to, int from)
{
	struct vgic5_irs_state state = vgic5_irs_save(from);

	vgic5_copy_irs_regs(to, from);
	vgic5_irs_restore(to, &state);
	free(state.entries);
}
