// SPDX-License-Identifier: GPL-2.0
/*
 * Userspace injection: KVM_IRQ_LINE for every PPI number, type, vCPU and
 * level, and what KVM_IRQFD and KVM_SIGNAL_MSI answer on a GICv5.
 */
#include <sys/eventfd.h>

#include "vgic5_guest.h"

#define PPI_LINE(vm, vcpu, num, level) \
	__vgic5_irq_line(vm, KVM_ARM_IRQ_TYPE_PPI, vcpu, num, level)

/* Says what is pending of all PPIs, whenever it is run. */
static void guest_report_pending(void)
{
	for (;;)
		GUEST_SYNC(read_sysreg_s(SYS_ICC_PPI_SPENDR0_EL1) |
			   read_sysreg_s(SYS_ICC_PPI_SPENDR1_EL1));
}

static void every_ppi_number(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_report_pending, NULL);

	vgic5_expect(v.vcpu[0], 0);
	for (int ppi = 0; ppi < 128; ppi++) {
		int want = ppi == PPI_SW ? 0 : -EINVAL;

		for (int level = 0; level < 2; level++) {
			int got = PPI_LINE(v.vm, 0, ppi, level);

			TEST_ASSERT(got == want, "PPI %d level %d: %d", ppi,
				    level, got);
		}
		/* What was refused injected nothing; the SW_PPI's edge stays. */
		vgic5_expect(v.vcpu[0], ppi >= PPI_SW ? BIT(PPI_SW) : 0);
	}
	vgic5_vm_free(&v);
}

static void large_numbers(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_report_pending, NULL);
	static const int nums[] = { 128, 129, 131, 255, 256 + PPI_SW, 0x7fff,
				    0xffff };

	for (int i = 0; i < (int)ARRAY_SIZE(nums); i++) {
		int got = PPI_LINE(v.vm, 0, nums[i], 1);

		TEST_ASSERT(got == -EINVAL, "PPI %d: %d", nums[i], got);
	}
	vgic5_expect(v.vcpu[0], 0);
	vgic5_vm_free(&v);
}

static void every_type(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_report_pending, NULL);
	static const int want[16] = {
		[0 ... 15] = -EINVAL,
		[KVM_ARM_IRQ_TYPE_CPU] = -ENXIO,	/* there is a GIC */
		[KVM_ARM_IRQ_TYPE_PPI] = 0,
		[KVM_ARM_IRQ_TYPE_SPI] = -EINVAL,	/* no SPIs yet */
	};

	for (int type = 0; type < 16; type++) {
		int got = __vgic5_irq_line(v.vm, type, 0, PPI_SW, 1);

		TEST_ASSERT(got == want[type], "type %d: %d, not %d", type,
			    got, want[type]);
	}
	vgic5_expect(v.vcpu[0], BIT(PPI_SW));
	vgic5_vm_free(&v);
}

static void every_vcpu(void)
{
	struct vgic5_vm v = vgic5_vm_create(4, guest_report_pending, NULL);

	for (int i = 0; i < 4; i++)
		vgic5_expect(v.vcpu[i], 0);

	/* Each vCPU has its own. */
	vgic5_set_ppi(v.vm, 2, PPI_SW, 1);
	for (int i = 0; i < 4; i++)
		vgic5_expect(v.vcpu[i], i == 2 ? BIT(PPI_SW) : 0);

	for (int vcpu = 4; vcpu < 4096; vcpu = vcpu * 2 + 1) {
		int got = PPI_LINE(v.vm, vcpu, PPI_SW, 1);

		TEST_ASSERT(got == -EINVAL, "vCPU %d: %d", vcpu, got);
	}
	vgic5_vm_free(&v);
}

static void before_init(void)
{
	struct kvm_vm *vm = __vm_create(VM_SHAPE_DEFAULT, 1, 0);
	int gic, got;

	got = PPI_LINE(vm, 0, PPI_SW, 1);
	TEST_ASSERT(got == -ENXIO, "no GIC: %d", got);

	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5))
		vgic5_skip("this host has no KVM GICv5");
	gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V5);
	vm_vcpu_add(vm, 0, guest_report_pending);
	got = PPI_LINE(vm, 0, PPI_SW, 1);
	TEST_ASSERT(got == -EBUSY, "no INIT: %d", got);
	close(gic);
	kvm_vm_free(vm);
}

/* The guest owes nothing to how often, only to whether the line rose. */
static void low_is_not_an_edge(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_report_pending, NULL);

	vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
	vgic5_expect(v.vcpu[0], 0);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 1);
	vgic5_set_ppi(v.vm, 0, PPI_SW, 0);
	vgic5_expect(v.vcpu[0], BIT(PPI_SW));
	vgic5_vm_free(&v);
}

static void msi_and_irqfd(void)
{
	struct vgic5_vm v = vgic5_vm_create(1, guest_report_pending, NULL);
	struct kvm_msi msi = { .address_lo = 0x8000000, .data = PPI_SW };
	struct kvm_irqfd irqfd = { .fd = eventfd(0, 0), .gsi = PPI_SW };
	u64 one = 1;
	int ret;

	ret = __vm_ioctl(v.vm, KVM_SIGNAL_MSI, &msi);
	TEST_ASSERT(ret < 0, "an MSI was taken: %d", ret);

	/*
	 * A GSI is routed to an SPI, and there are none: the irqfd can be
	 * bound, as on mainline, but what it signals goes nowhere.
	 */
	ret = __vm_ioctl(v.vm, KVM_IRQFD, &irqfd);
	TEST_ASSERT(!ret, "KVM_IRQFD: errno %d", errno);
	TEST_ASSERT(write(irqfd.fd, &one, sizeof(one)) == sizeof(one),
		    "signalling the irqfd");
	/* The injection is a workqueue's job. To unbind is to wait for its end. */
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	ret = __vm_ioctl(v.vm, KVM_IRQFD, &irqfd);
	TEST_ASSERT(!ret, "KVM_IRQFD, unbinding: errno %d", errno);
	vgic5_expect(v.vcpu[0], 0);
	close(irqfd.fd);
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "rows 17 20: PPIs 0 to 127, both levels", every_ppi_number },
	{ "row 20: numbers beyond 127", large_numbers },
	{ "row 20: every type", every_type },
	{ "row 20: every vCPU", every_vcpu },
	{ "row 20: no GIC, and no INIT", before_init },
	{ "rows 17 20: a low level is no edge", low_is_not_an_edge },
	{ "rows 16 20: KVM_SIGNAL_MSI and KVM_IRQFD inject nothing", msi_and_irqfd },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
