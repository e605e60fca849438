// SPDX-License-Identifier: GPL-2.0
/*
 * A host that offers no GICv5 to guests: the device type answers ENODEV, with
 * and without the TEST flag, and a VM without a GIC runs as ever. Skipped
 * where there is a GICv5.
 */
#include "vgic5_guest.h"

static void guest_pfr2(void)
{
	GUEST_ASSERT_EQ(SYS_FIELD_GET(ID_AA64PFR2_EL1, GCIE,
				      read_sysreg_s(SYS_ID_AA64PFR2_EL1)), 0);
	GUEST_DONE();
}

static void no_device(void)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, 1, 0);
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, 0, guest_pfr2);
	int ret;

	if (!__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("there is a GICv5");
	TEST_ASSERT(errno == ENODEV, "TEST: errno %d", errno);
	ret = __kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	TEST_ASSERT(ret < 0 && errno == ENODEV, "create: %d, errno %d", ret, errno);
	vgic5_expect(vcpu, VGIC5_DONE);
	kvm_vm_free(vm);
}

static const struct vgic5_test tests[] = {
	{ "rows 25 27 29 30: without a backend the device type is ENODEV", no_device },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
