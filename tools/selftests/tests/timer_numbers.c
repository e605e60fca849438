// SPDX-License-Identifier: GPL-2.0
/*
 * A timer's PPI on a GICv5 is the architected one and no other, as userspace
 * sees it in KVM_ARM_VCPU_TIMER_CTRL.
 */
#include "vgic5_timer.h"

static int irq_set(struct kvm_vcpu *vcpu, enum arch_timer t, u32 irq)
{
	return __vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_TIMER_CTRL, timers[t].attr, &irq) ?
	       -errno : 0;
}

static u32 irq_get(struct kvm_vcpu *vcpu, enum arch_timer t)
{
	u32 irq = 0;

	vcpu_device_attr_get(vcpu, KVM_ARM_VCPU_TIMER_CTRL, timers[t].attr, &irq);
	return irq;
}

#define EXPECT_FOR(want, call, what)				\
	do {								\
		int __want = (want), __got = (call);			\
		TEST_ASSERT(__got == __want, "0x%x: %s: %d, not %d",	\
			    (u32)(what), #call, __got, __want);		\
	} while (0)

#define TYPE(type)	((u32)(type) << 29)

/*
 * A number that is no PPI of the lower 64 is refused at once. Of those that
 * are, the verdict comes with the first KVM_RUN, and leaves the VM as it was.
 */
static void wrong_numbers(void)
{
	struct vgic5_vm v = vgic5_vm_create(2, guest_takes_one, guest_irq);
	u32 right = PPI_INTID(timers[timer].ppi), irq;

	sync_global_to_guest(v.vm, timer);
	EXPECT_FOR(right, irq_get(v.vcpu[0], timer), right);

	for (u32 id = 0; id < 128; id++) {
		bool ppi = id < 64;

		irq = PPI_INTID(id);
		EXPECT_FOR(ppi ? 0 : -EINVAL, irq_set(v.vcpu[0], timer, irq), irq);
		/* One number for all vCPUs; a refused one changes nothing. */
		EXPECT_FOR(ppi ? irq : PPI_INTID(63), irq_get(v.vcpu[1], timer), irq);
		if (ppi && irq != right)
			EXPECT_FOR(-EINVAL, vgic5_try_run(v.vcpu[id & 1]), irq);
	}

	/* As a GICv3 would have it, an LPI, an SPI, what is no type at all. */
	for (u32 type = 0; type < 8; type++) {
		if (type == 1)
			continue;
		EXPECT_FOR(-EINVAL, irq_set(v.vcpu[0], timer, TYPE(type) | timers[timer].ppi), type);
		EXPECT_FOR(-EINVAL, irq_set(v.vcpu[0], timer, TYPE(type) | 63), type);
	}
	EXPECT_FOR(-EINVAL, irq_set(v.vcpu[0], timer, PPI_INTID(1 << 23)), 1 << 23);
	EXPECT_FOR(-EINVAL, irq_set(v.vcpu[0], timer, ~0U), ~0U);
	/* INTID[28:24], which is in neither field. */
	for (u32 bit = BIT(24); bit < BIT(29); bit <<= 1) {
		EXPECT_FOR(0, irq_set(v.vcpu[0], timer, right | bit), right | bit);
		EXPECT_FOR(-EINVAL, vgic5_try_run(v.vcpu[0]), right | bit);
	}
	vgic5_vm_free(&v);
}

/* Each the other's number, and one number for both. */
static void swapped_numbers(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_takes_one, guest_irq);
	enum arch_timer other = !timer;

	sync_global_to_guest(v.vm, timer);
	EXPECT_FOR(0, irq_set(v.vcpu[0], timer, PPI_INTID(timers[other].ppi)), other);
	EXPECT_FOR(0, irq_set(v.vcpu[0], other, PPI_INTID(timers[timer].ppi)), timer);
	EXPECT_FOR(-EINVAL, vgic5_try_run(v.vcpu[0]), timer);
	EXPECT_FOR(0, irq_set(v.vcpu[0], other, PPI_INTID(timers[other].ppi)), other);
	EXPECT_FOR(-EINVAL, vgic5_try_run(v.vcpu[0]), other);
	vgic5_vm_free(&v);
}

/* After all that was refused, the right one works, and is fixed from then on. */
static void right_number(void)
{
	struct vgic5_vm v = vgic5_vm_create(2, guest_takes_one, guest_irq);
	u32 right = PPI_INTID(timers[timer].ppi);

	sync_global_to_guest(v.vm, timer);
	EXPECT_FOR(0, irq_set(v.vcpu[0], timer, PPI_INTID(PPI_SW)), PPI_SW);
	EXPECT_FOR(-EINVAL, vgic5_try_run(v.vcpu[0]), PPI_SW);
	EXPECT_FOR(-EINVAL, vgic5_try_run(v.vcpu[1]), PPI_SW);

	for (int i = 0; i < 2; i++)
		EXPECT_FOR(0, irq_set(v.vcpu[i], timer, right), i);
	EXPECT_FOR(right, irq_get(v.vcpu[0], timer), right);
	EXPECT_FOR(right, irq_get(v.vcpu[1], timer), right);
	vgic5_expect(v.vcpu[0], VGIC5_DONE);

	/* Even of the vCPU that has not run, and even the right one. */
	for (int i = 0; i < 2; i++) {
		EXPECT_FOR(-EBUSY, irq_set(v.vcpu[i], timer, right), i);
		EXPECT_FOR(-EBUSY, irq_set(v.vcpu[i], timer, PPI_INTID(PPI_SW)), i);
		EXPECT_FOR(-EINVAL, irq_set(v.vcpu[i], timer, timers[timer].ppi), i);
		EXPECT_FOR(right, irq_get(v.vcpu[i], timer), i);
	}
	/* The guest's count starts over. */
	taken = 0;
	sync_global_to_guest(v.vm, taken);
	vgic5_expect(v.vcpu[1], VGIC5_DONE);
	vgic5_vm_free(&v);
}

static void number_attributes(void)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, 1, 0);
	u32 right = PPI_INTID(timers[timer].ppi);
	struct kvm_vcpu *vcpu;
	int gic;

	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	vcpu = vm_vcpu_add(vm, 0, guest_takes_one);

	/* Without a GIC there is nothing to wire to. */
	EXPECT_FOR(-EINVAL, irq_set(vcpu, timer, right), right);
	/* The device brings numbers of its own kind, with no INIT. */
	gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	EXPECT_FOR(right, irq_get(vcpu, timer), right);
	EXPECT_FOR(-EINVAL, irq_set(vcpu, timer, timers[timer].ppi), right);
	EXPECT_FOR(0, irq_set(vcpu, timer, right), right);

	vcpu_has_device_attr(vcpu, KVM_ARM_VCPU_TIMER_CTRL, timers[timer].attr);
	TEST_ASSERT(__vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_TIMER_CTRL, timers[timer].attr,
					   (void *)8UL) && errno == EFAULT,
		    "a bad address: errno %d", errno);
	TEST_ASSERT(__vcpu_device_attr_get(vcpu, KVM_ARM_VCPU_TIMER_CTRL, timers[timer].attr,
					   (void *)8UL) && errno == EFAULT,
		    "a bad address: errno %d", errno);
	TEST_ASSERT(__vcpu_has_device_attr(vcpu, KVM_ARM_VCPU_TIMER_CTRL, 4) && errno == ENXIO,
		    "attribute 4: errno %d", errno);
	TEST_ASSERT(__vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_TIMER_CTRL, 4, &right) &&
		    errno == ENXIO, "attribute 4: errno %d", errno);
	close(gic);
	kvm_vm_free(vm);
}

FOR_EACH_TIMER(wrong_numbers)
FOR_EACH_TIMER(swapped_numbers)
FOR_EACH_TIMER(right_number)
FOR_EACH_TIMER(number_attributes)

static const struct vgic5_test tests[] = {
	EACH_TIMER("row 23", "every number but its own is refused", wrong_numbers),
	EACH_TIMER("row 23", "the other timer's number is refused", swapped_numbers),
	EACH_TIMER("row 23", "its own number works, and is fixed by a run", right_number),
	EACH_TIMER("row 23", "the number's attribute", number_attributes),
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
