// SPDX-License-Identifier: GPL-2.0
/*
 * ID_AA64PFR2_EL1.GCIE, which userspace can write, says what the guest has: with a
 * GICv5 device it is 1 and the interface is there, without it is 0. No write of
 * userspace's has the guest told something else.
 */
#include "vgic5_guest.h"

#define PFR2		KVM_ARM64_SYS_REG(SYS_ID_AA64PFR2_EL1)
#define GCIE(val)	SYS_FIELD_GET(ID_AA64PFR2_EL1, GCIE, val)

static void guest_pfr2(void)
{
	for (;;)
		GUEST_SYNC(GCIE(read_sysreg_s(SYS_ID_AA64PFR2_EL1)));
}

static int write_pfr2(struct kvm_vcpu *vcpu, u64 gcie)
{
	u64 val = vcpu_get_reg(vcpu, PFR2) & ~ID_AA64PFR2_EL1_GCIE;

	val |= FIELD_PREP(ID_AA64PFR2_EL1_GCIE, gcie);
	return __vcpu_set_reg(vcpu, PFR2, val) ? -errno : 0;
}

static void cannot_be_cleared(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_pfr2, NULL);
	int ret = write_pfr2(v.vcpu[0], 0);

	TEST_ASSERT(ret == -EINVAL, "clearing GCIE: %d", ret);
	TEST_ASSERT(GCIE(vcpu_get_reg(v.vcpu[0], PFR2)) == ID_AA64PFR2_EL1_GCIE_IMP,
		    "userspace reads another value");
	/* What it is can be written, as a VMM does that restores a VM. */
	ret = write_pfr2(v.vcpu[0], ID_AA64PFR2_EL1_GCIE_IMP);
	TEST_ASSERT(!ret, "writing what is there: %d", ret);
	vgic5_expect(v.vcpu[0], ID_AA64PFR2_EL1_GCIE_IMP);
	vgic5_vm_free(&v);
}

static struct kvm_vcpu *vcpu_without_device(void)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, 1, 0);

	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	return vm_vcpu_add(vm, 0, guest_pfr2);
}

static void cannot_be_promised(void)
{
	struct kvm_vcpu *vcpu = vcpu_without_device();

	/* Whether or not it is taken: the guest is not told of what is not there. */
	write_pfr2(vcpu, ID_AA64PFR2_EL1_GCIE_IMP);
	vgic5_expect(vcpu, 0);
	kvm_vm_free(vcpu->vm);
}

static void restored_before_device(void)
{
	for (u64 gcie = 0; gcie <= ID_AA64PFR2_EL1_GCIE_IMP; gcie++) {
		struct kvm_vcpu *vcpu = vcpu_without_device();
		int gic;

		write_pfr2(vcpu, gcie);
		gic = kvm_create_device(vcpu->vm, KVM_DEV_TYPE_ARM_VGIC_V5);
		TEST_ASSERT(!vgic5_init(gic), "INIT: errno %d", errno);
		vgic5_expect(vcpu, ID_AA64PFR2_EL1_GCIE_IMP);
		close(gic);
		kvm_vm_free(vcpu->vm);
	}
}

static const struct vgic5_test tests[] = {
	{ "row 11: GCIE of a VM with a GICv5 cannot be cleared", cannot_be_cleared },
	{ "row 11: GCIE of a VM without a GICv5 cannot be set", cannot_be_promised },
	{ "row 11: GCIE written before there is a device", restored_before_device },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
