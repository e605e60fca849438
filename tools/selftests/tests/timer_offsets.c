// SPDX-License-Identifier: GPL-2.0
/*
 * Timers against counters with an offset, however userspace gave them one. On
 * VHE without CNTPOFF_EL2 (id_aa64mmfr0.ecv=0) the physical timer's registers
 * trap then.
 */
#include "vgic5_timer.h"

/* The host's counter: with no offset, in either mode. */
static u64 host_count(void)
{
	return timer_get_cntct(VIRTUAL);
}

static void guest_with_offset(void)
{
	u32 n;

	guest_begin();
	GUEST_SYNC(timer_get_cntct(timer));
	for (n = 0; n < 5; n++) {
		arm(1000);
		take_one(n);
	}
	for (; n < 10; n++) {
		local_irq_disable();
		arm(2000);
		GUEST_SYNC(ARMED);
		local_irq_enable();
		take_one(n);
	}
	for (; n < 15; n++) {
		local_irq_disable();
		arm(5000);
		wfi();
		local_irq_enable();
		take_one(n);
	}
	guest_end(n);
}

static void run_with_offset(struct vgic5_vm *v, u64 offset)
{
	u64 before, seen, after;

	before = host_count();
	seen = vgic5_vcpu_run(v->vcpu[0]);
	after = host_count();
	TEST_ASSERT(seen + offset - before <= after - before,
		    "offset 0x%lx: the guest's counter was 0x%lx, the host's 0x%lx to 0x%lx",
		    (unsigned long)offset, (unsigned long)seen,
		    (unsigned long)before, (unsigned long)after);
	while (vgic5_vcpu_run(v->vcpu[0]) != VGIC5_DONE)
		sleep_past_deadline(v);
}

static void offsets(void)
{
	u64 hour = usec_to_cycles(HOUR_US), now = host_count();
	/* Somewhere, at 0, an hour ahead of the host, near the end of 64 bits. */
	const u64 offset[] = { 1000, now / 2, now, -hour, now + hour };

	for (int i = 0; i < (int)ARRAY_SIZE(offset); i++) {
		struct kvm_arm_counter_offset arg = { .counter_offset = offset[i] };
		struct vgic5_vm v = timer_vm(guest_with_offset);

		vm_ioctl(v.vm, KVM_ARM_SET_COUNTER_OFFSET, &arg);
		/* It cannot be changed by setting a counter from now on. */
		vcpu_set_reg(v.vcpu[0], timers[timer].count, 0);
		run_with_offset(&v, offset[i]);
		sync_global_from_guest(v.vm, latest);
		pr_info("# offset 0x%lx: at most %lu us late\n",
			(unsigned long)offset[i], (unsigned long)latest);
		vgic5_vm_free(&v);
	}
}

static void offset_reserved(void)
{
	struct kvm_arm_counter_offset arg = { .reserved = 1 };
	struct vgic5_vm v = timer_vm(guest_with_offset);

	TEST_ASSERT(__vm_ioctl(v.vm, KVM_ARM_SET_COUNTER_OFFSET, &arg) && errno == EINVAL,
		    "a reserved field that is not 0: errno %d", errno);
	vgic5_vm_free(&v);
}

static void guest_counter_set(void)
{
	u64 then;

	guest_begin();

	/* Set to the deadline: expired. */
	arm(HOUR_US);
	then = timer_get_cntct(timer);
	GUEST_SYNC(ARMED);
	GUEST_ASSERT(timer_get_cntct(timer) >= then + usec_to_cycles(HOUR_US / 2));
	take_one(0);

	/* Set back to before it: expired no longer. */
	local_irq_disable();
	arm(1000);
	then = timer_get_cntct(timer);
	GUEST_SYNC(ARMED);
	GUEST_ASSERT(timer_get_cntct(timer) < then);
	GUEST_ASSERT(!expired());
	GUEST_ASSERT(!pending());
	local_irq_enable();
	guest_end(1);
}

/* The counters are set as a VMM does that restores a guest. */
static void counter_set(void)
{
	u64 half_hour = usec_to_cycles(HOUR_US / 2);
	struct vgic5_vm v = timer_vm(guest_counter_set);
	u64 cval;

	vgic5_expect(v.vcpu[0], ARMED);
	cval = vcpu_get_reg(v.vcpu[0], timers[timer].cval);
	vcpu_set_reg(v.vcpu[0], timers[timer].count, cval);

	vgic5_expect(v.vcpu[0], ARMED);
	sleep_past_deadline(&v);
	cval = vcpu_get_reg(v.vcpu[0], timers[timer].cval);
	vcpu_set_reg(v.vcpu[0], timers[timer].count, cval - half_hour);

	vgic5_expect(v.vcpu[0], VGIC5_DONE);
	vgic5_vm_free(&v);
}

FOR_EACH_TIMER(offsets)
FOR_EACH_TIMER(counter_set)

static const struct vgic5_test tests[] = {
	EACH_TIMER("row 23", "KVM_ARM_SET_COUNTER_OFFSET", offsets),
	EACH_TIMER("row 23", "the counter set by userspace", counter_set),
	{ "row 23: KVM_ARM_SET_COUNTER_OFFSET with a reserved field", offset_reserved },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
