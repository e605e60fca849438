// SPDX-License-Identifier: GPL-2.0
/*
 * The GICv5 device's life in every order, right and wrong, and every
 * attribute of every group: what is supported works, the rest answers the
 * errno that the kernel's own C backend gives.
 */
#include "vgic5_guest.h"

#define NR_GROUPS	16
#define NR_ATTRS	64

static void guest_done(void)
{
	GUEST_DONE();
}

static struct kvm_vm *vm_bare(int nr_vcpus)
{
	return __vm_create(VM_SHAPE_DEFAULT, nr_vcpus, 0);
}

/* A VM with the device but no INIT; skips where there is no device type. */
static int create_gic(struct kvm_vm *vm)
{
	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	return kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
}

/* The device comes when there are @at of two vCPUs; vCPU @first runs first. */
static void create_among_vcpus(int at, int first)
{
	struct kvm_vm *vm = vm_bare(2);
	struct kvm_vcpu *vcpu[2];
	int gic = -1;

	for (int i = 0; i <= 2; i++) {
		if (i == at)
			gic = create_gic(vm);
		if (i < 2)
			vcpu[i] = vm_vcpu_add(vm, i, guest_done);
	}
	EXPECT(0, vgic5_init(gic));
	EXPECT(0, vgic5_try_run(vcpu[first]));
	EXPECT(0, vgic5_try_run(vcpu[!first]));
	close(gic);
	kvm_vm_free(vm);
}

static void create_before_vcpus(void)
{
	create_among_vcpus(0, 0);
}

static void create_between_vcpus(void)
{
	create_among_vcpus(1, 0);
}

static void create_after_vcpus(void)
{
	create_among_vcpus(2, 1);
}

static void test_flag_creates_nothing(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic;

	/* Twice, and then for real: the flag left nothing behind. */
	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	TEST_ASSERT(!__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5),
		    "the second time: errno %d", errno);
	gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	close(gic);
	kvm_vm_free(vm);
}

static void create_twice(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);
	int ret = __kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);

	TEST_ASSERT(ret < 0 && errno == EEXIST, "a second GIC: %d, errno %d",
		    ret, errno);
	close(gic);
	kvm_vm_free(vm);
}

static void create_after_run(void)
{
	struct kvm_vm *vm = vm_bare(1);
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, 0, guest_done);
	int ret;

	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	EXPECT(0, vgic5_try_run(vcpu));
	ret = __kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	TEST_ASSERT(ret < 0 && errno == EBUSY,
		    "creating a GIC for a vCPU that has run: %d, errno %d",
		    ret, errno);
	kvm_vm_free(vm);
}

static void init_twice(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, 0, guest_done);

	EXPECT(0, vgic5_init(gic));
	EXPECT(0, vgic5_init(gic));
	EXPECT(0, vgic5_try_run(vcpu));
	EXPECT(0, vgic5_init(gic));
	close(gic);
	kvm_vm_free(vm);
}

static void init_without_vcpus(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);

	EXPECT(0, vgic5_init(gic));
	close(gic);
	kvm_vm_free(vm);
}

static void run_without_init(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, 0, guest_done);

	EXPECT(-EBUSY, vgic5_try_run(vcpu));
	/* And that was it, INIT or not. */
	EXPECT(-EIO, vgic5_init(gic));
	EXPECT(-EIO, vgic5_try_run(vcpu));
	close(gic);
	kvm_vm_free(vm);
}

static void vcpu_after_init(void)
{
	struct kvm_vm *vm = vm_bare(2);
	int gic = create_gic(vm);
	int fd;

	vm_vcpu_add(vm, 0, guest_done);
	EXPECT(0, vgic5_init(gic));
	fd = __vm_ioctl(vm, KVM_CREATE_VCPU, (void *)1UL);
	TEST_ASSERT(fd < 0 && errno == EBUSY,
		    "a vCPU created after INIT: %d, errno %d", fd, errno);
	close(gic);
	kvm_vm_free(vm);
}

static void close_before_run(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, 0, guest_done);

	EXPECT(0, vgic5_init(gic));
	close(gic);
	EXPECT(0, vgic5_try_run(vcpu));
	kvm_vm_free(vm);
}

static void gic_outlives_vm_fd(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);

	vm_vcpu_add(vm, 0, guest_done);
	EXPECT(0, vgic5_init(gic));
	kvm_vm_free(vm);
	/* The device holds the VM; it answers until it goes as well. */
	EXPECT(0, vgic5_init(gic));
	close(gic);
}

/* The only attributes there are. Everything else is ENXIO, and does nothing. */
static bool is_ctrl(u32 group, u64 attr, u64 which)
{
	return group == KVM_DEV_ARM_VGIC_GRP_CTRL && attr == which;
}

/* Groups that only some backends have: save/restore, and a virtual IRS (0, 3, 10, 11). */
static bool is_optional(u32 group)
{
	switch (group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
	case 10: /* KVM_DEV_ARM_VGIC_GRP_IRS_REGS */
	case 11: /* KVM_DEV_ARM_VGIC_GRP_IST */
		return true;
	}
	return false;
}

static void every_attribute(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);
	u64 data[2];

	vm_vcpu_add(vm, 0, guest_done);
	EXPECT(0, vgic5_init(gic));

	for (u32 group = 0; group < NR_GROUPS; group++) {
		for (u64 attr = 0; attr < NR_ATTRS; attr++) {
			bool init = is_ctrl(group, attr, KVM_DEV_ARM_VGIC_CTRL_INIT);
			bool ppis = is_ctrl(group, attr, KVM_DEV_ARM_VGIC_USERSPACE_PPIS);
			int has, get, set;

			/* Save/restore has a program of its own. */
			if (is_optional(group))
				continue;

			has = __kvm_has_device_attr(gic, group, attr) ? -errno : 0;
			EXPECT(init || ppis ? 0 : -ENXIO, has);

			memset(data, 0x5a, sizeof(data));
			get = __kvm_device_attr_get(gic, group, attr, data) ? -errno : 0;
			EXPECT(ppis ? 0 : -ENXIO, get);
			TEST_ASSERT(ppis || data[0] == 0x5a5a5a5a5a5a5a5aUL,
				    "a refused get of %u/%lu wrote something",
				    group, (unsigned long)attr);

			set = __kvm_device_attr_set(gic, group, attr, data) ? -errno : 0;
			EXPECT(init ? 0 : -ENXIO, set);
		}
	}
	close(gic);
	kvm_vm_free(vm);
}

static void userspace_ppis(void)
{
	u64 mask[3] = { ~0UL, ~0UL, 0x5a5a };
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm);
	int ret;

	vm_vcpu_add(vm, 0, guest_done);
	EXPECT(0, vgic5_init(gic));
	kvm_device_attr_get(gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_USERSPACE_PPIS, mask);
	TEST_ASSERT(mask[0] == BIT_ULL(PPI_SW) && !mask[1],
		    "userspace may drive %lx:%lx", (unsigned long)mask[1],
		    (unsigned long)mask[0]);
	TEST_ASSERT(mask[2] == 0x5a5a, "more than two words were written");

	ret = __kvm_device_attr_get(gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
				    KVM_DEV_ARM_VGIC_USERSPACE_PPIS,
				    (void *)8UL);
	TEST_ASSERT(ret && errno == EFAULT, "a bad address: %d, errno %d", ret,
		    errno);
	close(gic);
	kvm_vm_free(vm);
}

static void many_vcpus(void)
{
	static const int counts[] = { 1, 2, 16, 128, 512 };

	for (int c = 0; c < (int)ARRAY_SIZE(counts); c++) {
		struct kvm_vm *vm = vm_bare(counts[c]);
		struct kvm_vcpu *last = NULL;
		int gic = create_gic(vm);

		for (int i = 0; i < counts[c]; i++)
			last = vm_vcpu_add(vm, i, guest_done);
		EXPECT(0, vgic5_init(gic));
		EXPECT(0, vgic5_try_run(last));
		close(gic);
		kvm_vm_free(vm);
	}
}

static void too_many_vcpus(void)
{
	struct kvm_vm *vm = vm_bare(1);
	int gic = create_gic(vm), fd;

	fd = __vm_ioctl(vm, KVM_CREATE_VCPU, (void *)512UL);
	TEST_ASSERT(fd < 0 && errno == EINVAL,
		    "vCPU 512 of at most 512: %d, errno %d", fd, errno);
	close(gic);
	kvm_vm_free(vm);
}

static void guest_iaffid(void)
{
	GUEST_SYNC(read_sysreg_s(SYS_ICC_IAFFIDR_EL1));
}

static void sparse_vcpu_ids(void)
{
	static const int ids[] = { 5, 1, 300, 17 };
	struct kvm_vcpu *vcpu[ARRAY_SIZE(ids)];
	struct kvm_vm *vm = vm_bare(ARRAY_SIZE(ids));
	int gic = create_gic(vm);

	for (int i = 0; i < (int)ARRAY_SIZE(ids); i++)
		vcpu[i] = vm_vcpu_add(vm, ids[i], guest_iaffid);
	EXPECT(0, vgic5_init(gic));
	for (int i = 0; i < (int)ARRAY_SIZE(ids); i++)
		vgic5_expect(vcpu[i], ids[i]);
	close(gic);
	kvm_vm_free(vm);
}

static void guest_ppis(void)
{
	guest_enable(~0UL);
	GUEST_SYNC(read_sysreg_s(SYS_ICC_PPI_ENABLER0_EL1));
}

/* Whichever vCPU runs first, all are given the same PPIs. */
static void any_vcpu_first(void)
{
	for (int first = 0; first < 3; first++) {
		struct kvm_vm *vm = vm_bare(3);
		struct kvm_vcpu *vcpu[3];
		int gic = create_gic(vm);

		for (int i = 0; i < 3; i++)
			vcpu[i] = vm_vcpu_add(vm, i, guest_ppis);
		EXPECT(0, vgic5_init(gic));
		for (int i = 0; i < 3; i++)
			vgic5_expect(vcpu[(first + i) % 3], GUEST_PPIS);
		close(gic);
		kvm_vm_free(vm);
	}
}

static const struct vgic5_test tests[] = {
	{ "rows 6 12 21: the device before the vCPUs", create_before_vcpus },
	{ "rows 6 12 21: the device after the vCPUs", create_after_vcpus },
	{ "rows 6 12 21: the device between the vCPUs", create_between_vcpus },
	{ "row 6: the TEST flag creates nothing", test_flag_creates_nothing },
	{ "row 6: a second device is EEXIST", create_twice },
	{ "row 21: a device for a vCPU that has run is EBUSY", create_after_run },
	{ "row 21: INIT twice", init_twice },
	{ "row 21: INIT without vCPUs", init_without_vcpus },
	{ "row 21: running without INIT is EBUSY, and the VM is dead", run_without_init },
	{ "row 21: a vCPU after INIT is EBUSY", vcpu_after_init },
	{ "row 21: closing the device before the first run", close_before_run },
	{ "row 21: the device outlives the VM's descriptor", gic_outlives_vm_fd },
	{ "rows 21 27 31: every attribute of every group", every_attribute },
	{ "rows 17 31: userspace drives the SW_PPI alone", userspace_ppis },
	{ "rows 19 21: the same PPIs whichever vCPU runs first", any_vcpu_first },
	{ "row 21: 1 to 512 vCPUs", many_vcpus, 120 },
	{ "row 21: more than 512 vCPUs is EINVAL", too_many_vcpus },
	{ "rows 10 21: sparse vCPU IDs are the IAFFIDs", sparse_vcpu_ids },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
