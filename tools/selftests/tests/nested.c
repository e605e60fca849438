// SPDX-License-Identifier: GPL-2.0
/*
 * GICv5 and guests with EL2. KVM has no GICv5 for such: their ID register does
 * not show one, and a device made for one is refused. Skipped where KVM has no
 * EL2 for guests, which is everywhere but on a host in nested mode.
 *
 * No such guest runs here: KVM wants to give its maintenance interrupt to a GIC
 * that had its INIT, and a GICv3 is not to be had. What it would read of its ID
 * register is what KVM_GET_ONE_REG says.
 */
#include <errno.h>

#include "vgic5_guest.h"

#define PFR2		KVM_ARM64_SYS_REG(SYS_ID_AA64PFR2_EL1)
#define GCIE(val)	SYS_FIELD_GET(ID_AA64PFR2_EL1, GCIE, val)
#define GCIE_IMP	SYS_FIELD_PREP_ENUM(ID_AA64PFR2_EL1, GCIE, IMP)

static void guest_gcie(void)
{
	GUEST_SYNC(GCIE(read_sysreg_s(SYS_ID_AA64PFR2_EL1)));
}

static struct kvm_vm *vm_bare(int nr_vcpus)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, nr_vcpus, 0);

	if (!vm_check_cap(vm, KVM_CAP_ARM_EL2))
		vgic5_skip("this host has no EL2 for guests");
	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	return vm;
}

static struct kvm_vcpu *vcpu_el2(struct kvm_vm *vm, int id)
{
	struct kvm_vcpu_init init;

	kvm_get_default_vcpu_target(vm, &init);
	init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2);
	return aarch64_vcpu_add(vm, id, &init, guest_gcie);
}

static int set_gcie(struct kvm_vcpu *vcpu)
{
	u64 val = vcpu_get_reg(vcpu, PFR2) | GCIE_IMP;

	return __vcpu_set_reg(vcpu, PFR2, val) ? -errno : 0;
}

static void id_register(void)
{
	struct kvm_vm *plain = vm_bare(1), *nested = vm_bare(1);
	struct kvm_vcpu *el1 = vm_vcpu_add(plain, 0, guest_gcie);
	struct kvm_vcpu *el2 = vcpu_el2(nested, 0);

	/* There is something to hide: KVM offers it to a guest without EL2. */
	EXPECT(ID_AA64PFR2_EL1_GCIE_IMP, GCIE(vcpu_get_reg(el1, PFR2)));
	EXPECT(0, set_gcie(el1));

	EXPECT(0, GCIE(vcpu_get_reg(el2, PFR2)));
	EXPECT(-EINVAL, set_gcie(el2));
	EXPECT(0, GCIE(vcpu_get_reg(el2, PFR2)));
	kvm_vm_free(plain);
	kvm_vm_free(nested);
}

/* The device first, or the vCPUs. */
static void refused(bool device_first)
{
	struct kvm_vm *vm = vm_bare(2);
	struct kvm_vcpu *vcpu[2];
	int gic = -1;

	if (device_first)
		gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	for (int i = 0; i < 2; i++)
		vcpu[i] = vcpu_el2(vm, i);
	if (!device_first)
		gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);

	EXPECT(-EINVAL, vgic5_init(gic));
	EXPECT(-EINVAL, vgic5_init(gic));
	/* So the device stays without INIT, with which no vCPU runs. */
	EXPECT(-EBUSY, vgic5_try_run(vcpu[1]));
	close(gic);
	kvm_vm_free(vm);
}

static void refused_device_first(void)
{
	refused(true);
}

static void refused_vcpus_first(void)
{
	refused(false);
}

/* INIT cannot know yet what the vCPU is going to be. */
static void el2_after_init(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);
	struct kvm_vcpu_init init;

	EXPECT(0, vgic5_init(gic));
	kvm_get_default_vcpu_target(vm, &init);
	init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2);
	aarch64_vcpu_setup(vcpu, &init);
	vcpu_arch_set_entry_point(vcpu, guest_gcie);
	EXPECT(-EINVAL, vgic5_try_run(vcpu));
	close(gic);
	kvm_vm_free(vm);
}

/* A host in nested mode still serves guests without EL2. */
static void plain_guest(void)
{
	struct vgic5_vm v;

	kvm_vm_free(vm_bare(1));
	v = vgic5_vm_create(1, guest_gcie, NULL);
	vgic5_expect(v.vcpu[0], ID_AA64PFR2_EL1_GCIE_IMP);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "row 26: the ID register of a guest with EL2 has no GCIE", id_register },
	{ "row 26: INIT with a guest with EL2 is EINVAL, the device first", refused_device_first },
	{ "row 26: INIT with a guest with EL2 is EINVAL, the vCPUs first", refused_vcpus_first },
	{ "row 26: a vCPU that gets EL2 after INIT does not run", el2_after_init },
	{ "rows 8 26: a guest without EL2 on the same host has its GICv5", plain_guest },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
