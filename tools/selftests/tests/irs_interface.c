// SPDX-License-Identifier: GPL-2.0
/*
 * How a VMM gives its VM an IRS: its address, the number of SPIs, INIT, and the
 * calls that drive SPIs; in every order, right and wrong. What the registers and
 * the state of the interrupts answer is in irs_attributes.c.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "vgic5_irs_guest.h"

#define ADDR	KVM_DEV_ARM_VGIC_GRP_ADDR
#define NR_IRQS	KVM_DEV_ARM_VGIC_GRP_NR_IRQS
#define GRP_CTRL	KVM_DEV_ARM_VGIC_GRP_CTRL
#define IRS	KVM_VGIC_V5_ADDR_TYPE_IRS

#define UNDEFINED	(~0UL)
#define BAD_POINTER	((void *)8UL)

static void guest_done(void)
{
	for (;;)
		GUEST_SYNC(1);
}

static struct vgic5_vm vm_bare(int nr_vcpus, guest_fn code)
{
	struct vgic5_vm v = vgic5_vm_create_bare(nr_vcpus, code, NULL, 0);

	vgic5_need_irs(v.gic);
	return v;
}

static u64 address_of(struct vgic5_vm *v)
{
	u64 address = 0x5a;

	EXPECT(0, vgic5_attr_get(v->gic, ADDR, IRS, &address));
	return address;
}

static u32 spis_of(struct vgic5_vm *v)
{
	u32 spis[2] = { 0x5a, 0x5a };

	EXPECT(0, vgic5_attr_get(v->gic, NR_IRQS, 0, spis));
	TEST_ASSERT(spis[1] == 0x5a, "more than 32 bits were written");
	return spis[0];
}

/* ---- ADDR ---- */

static void where(void)
{
	struct vgic5_vm v = vm_bare(0, NULL);
	u64 limit = BIT_ULL(v.vm->pa_bits), val = 0;

	for (u64 attr = 0; attr < 16; attr++) {
		if (attr == IRS)
			continue;
		EXPECT(-ENXIO, vgic5_attr_has(v.gic, ADDR, attr));
		EXPECT(-ENXIO, vgic5_attr_get(v.gic, ADDR, attr, &val));
		EXPECT(-ENXIO, vgic5_attr_set(v.gic, ADDR, attr, &val));
	}
	EXPECT(-ENXIO, vgic5_attr_has(v.gic, ADDR, ~0UL));
	EXPECT(0, vgic5_attr_has(v.gic, ADDR, IRS));
	TEST_ASSERT(address_of(&v) == UNDEFINED, "an address that nobody has set");
	EXPECT(-EFAULT, vgic5_attr_get(v.gic, ADDR, IRS, BAD_POINTER));
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, ADDR, IRS, BAD_POINTER));

	EXPECT(-EINVAL, vgic5_set_irs_address(v.gic, 0x1000));
	EXPECT(-EINVAL, vgic5_set_irs_address(v.gic, -0x10000UL));
	EXPECT(-EINVAL, vgic5_set_irs_address(v.gic, UNDEFINED));
	EXPECT(-E2BIG, vgic5_set_irs_address(v.gic, limit));
	/* Half of it fits. */
	EXPECT(-E2BIG, vgic5_set_irs_address(v.gic, limit - 0x10000));
	TEST_ASSERT(address_of(&v) == UNDEFINED, "a refused address stuck");

	EXPECT(0, vgic5_set_irs_address(v.gic, 0));
	TEST_ASSERT(!address_of(&v), "address 0 reads as another one");
	EXPECT(-EEXIST, vgic5_set_irs_address(v.gic, 0));
	EXPECT(-EEXIST, vgic5_set_irs_address(v.gic, 0x10000));
	EXPECT(-EEXIST, vgic5_set_irs_address(v.gic, 0x1000));
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, ADDR, IRS, BAD_POINTER));
	vgic5_vm_free(&v);

	v = vm_bare(0, NULL);
	EXPECT(0, vgic5_set_irs_address(v.gic, limit - KVM_VGIC_V5_IRS_SIZE));
	TEST_ASSERT(address_of(&v) == limit - KVM_VGIC_V5_IRS_SIZE, "the highest address");
	vgic5_vm_free(&v);
}

static void guest_iidr(void)
{
	for (;;)
		GUEST_SYNC((u64)irs_read(IRS_IIDR));
}

#define IIDR	0x04b0043b

static void address_after_init(void)
{
	struct vgic5_vm v = vm_bare(1, guest_iidr);

	virt_map(v.vm, IRS_BASE, IRS_BASE, KVM_VGIC_V5_IRS_SIZE / getpagesize());
	EXPECT(0, vgic5_init(v.gic));
	EXPECT(0, vgic5_set_irs_address(v.gic, IRS_BASE));
	vgic5_expect(v.vcpu[0], IIDR);
	EXPECT(-EEXIST, vgic5_set_irs_address(v.gic, IRS_BASE));
	vgic5_vm_free(&v);
}

/* A VM without one has PPIs only, as with Linux 7.3. */
static void address_after_run(void)
{
	struct vgic5_vm v = vm_bare(1, guest_done);

	EXPECT(0, vgic5_init(v.gic));
	vgic5_expect(v.vcpu[0], 1);
	EXPECT(-EINVAL, vgic5_set_irs_address(v.gic, 0x1000));
	EXPECT(-EBUSY, vgic5_set_irs_address(v.gic, IRS_BASE));
	TEST_ASSERT(address_of(&v) == UNDEFINED, "a refused address stuck");
	EXPECT(-EINVAL, __vgic5_set_spi(v.vm, 0, 1));
	vgic5_expect(v.vcpu[0], 1);
	vgic5_vm_free(&v);
}

/* ---- NR_IRQS ---- */

static void nr_irqs(void)
{
	static const u32 bad[] = { 0, 1, 31, 33, 48, 1023, 1025, 1056, 0x10000, ~0U };
	struct vgic5_vm v = vm_bare(0, NULL);
	u32 val = 32;

	for (u64 attr = 1; attr < 8; attr++) {
		EXPECT(-ENXIO, vgic5_attr_has(v.gic, NR_IRQS, attr));
		EXPECT(-ENXIO, vgic5_attr_get(v.gic, NR_IRQS, attr, &val));
		EXPECT(-ENXIO, vgic5_attr_set(v.gic, NR_IRQS, attr, &val));
	}
	EXPECT(0, vgic5_attr_has(v.gic, NR_IRQS, 0));
	EXPECT(-EFAULT, vgic5_attr_get(v.gic, NR_IRQS, 0, BAD_POINTER));
	EXPECT(-EFAULT, vgic5_attr_set(v.gic, NR_IRQS, 0, BAD_POINTER));
	for (int i = 0; i < (int)ARRAY_SIZE(bad); i++) {
		int ret = vgic5_set_nr_spis(v.gic, bad[i]);

		TEST_ASSERT(ret == -EINVAL, "%u SPIs: %d", bad[i], ret);
	}
	TEST_ASSERT(!spis_of(&v), "SPIs that nobody has set");
	EXPECT(0, vgic5_set_nr_spis(v.gic, 1024));
	TEST_ASSERT(spis_of(&v) == 1024, "%u SPIs, not 1024", spis_of(&v));
	EXPECT(-EBUSY, vgic5_set_nr_spis(v.gic, 1024));
	EXPECT(-EBUSY, vgic5_set_nr_spis(v.gic, 32));

	vm_vcpu_add(v.vm, 0, guest_done);
	EXPECT(0, vgic5_init(v.gic));
	TEST_ASSERT(spis_of(&v) == 1024, "%u SPIs, not 1024", spis_of(&v));
	vgic5_vm_free(&v);
}

static void nr_irqs_default(void)
{
	struct vgic5_vm v = vm_bare(1, guest_done);

	EXPECT(0, vgic5_init(v.gic));
	TEST_ASSERT(spis_of(&v) == 32, "%u SPIs, not 32", spis_of(&v));
	EXPECT(-EBUSY, vgic5_set_nr_spis(v.gic, 64));
	EXPECT(-EBUSY, vgic5_set_nr_spis(v.gic, 32));
	TEST_ASSERT(spis_of(&v) == 32, "%u SPIs, not 32", spis_of(&v));
	vgic5_vm_free(&v);
}

/* Each multiple of 32, powers of two or not: the guest finds so many. */
static void guest_spis(void)
{
	u64 nr = irs_read(IRS_IDR5), last = nr - 1;

	GUEST_ASSERT_EQ(irs_read(IRS_IDR6), nr);
	GUEST_ASSERT_EQ(irs_read(IRS_IDR7), 0);
	irs_write(IRS_SPI_SELR, nr);
	GUEST_ASSERT_EQ(irs_read(IRS_SPI_STATUSR), IRS_STATUSR_IDLE);
	guest_set_level(last, false);
	guest_poll_on();
	guest_irs_enable(true);
	guest_irq_setup(SPI_INTID(last), guest_iaffid(), 16);
	GUEST_SYNC(nr);
	guest_take(SPI_INTID(last));
	GUEST_DONE();
}

static void nr_irqs_seen(void)
{
	for (u32 nr = 32; nr <= 1024; nr += 32) {
		struct vgic5_vm v = vgic5_irs_vm(1, guest_spis, NULL, nr);

		vgic5_expect(v.vcpu[0], nr);
		EXPECT(-EINVAL, __vgic5_set_spi(v.vm, nr, 1));
		EXPECT(0, __vgic5_set_spi(v.vm, nr - 1, 1));
		vgic5_expect(v.vcpu[0], VGIC5_DONE);
		vgic5_vm_free(&v);
	}
}

/* ---- INIT ---- */

static void init(void)
{
	struct vgic5_vm v = vgic5_irs_vm_bare(1, guest_iidr, NULL, 64);
	u64 val;

	EXPECT(0, vgic5_attr_has(v.gic, GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT));
	EXPECT(-ENXIO, vgic5_attr_get(v.gic, GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, &val));
	EXPECT(0, vgic5_init(v.gic));
	EXPECT(0, vgic5_init(v.gic));
	vgic5_expect(v.vcpu[0], IIDR);
	EXPECT(0, vgic5_init(v.gic));
	/* There is nothing to save into the guest's memory. */
	EXPECT(-ENXIO, vgic5_attr_has(v.gic, GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES));
	EXPECT(-ENXIO, vgic5_attr_set(v.gic, GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL));
	vgic5_vm_free(&v);
}

static void init_without_vcpus(void)
{
	static u64 address = IRS_BASE;
	static u32 spis = 64;
	struct vgic5_vm v;

	/* Either says that there is to be an IRS. */
	for (int how = 1; how <= 3; how++) {
		v = vm_bare(0, NULL);
		if (how & 1)
			EXPECT(0, vgic5_attr_set(v.gic, ADDR, IRS, &address));
		if (how & 2)
			EXPECT(0, vgic5_attr_set(v.gic, NR_IRQS, 0, &spis));
		EXPECT(-ENODEV, vgic5_init(v.gic));
		EXPECT(-ENODEV, vgic5_init(v.gic));
		vgic5_vm_free(&v);
	}

	/* With PPIs only, as with Linux 7.3; then it is too late for vCPUs. */
	v = vm_bare(0, NULL);
	EXPECT(0, vgic5_init(v.gic));
	EXPECT(-ENODEV, vgic5_set_irs_address(v.gic, IRS_BASE));
	TEST_ASSERT(address_of(&v) == UNDEFINED, "a refused address stuck");
	vgic5_vm_free(&v);
}

/* What has failed has done nothing. */
static void init_again(void)
{
	struct vgic5_vm v = vgic5_irs_vm_bare(0, NULL, NULL, 96);
	struct kvm_vcpu *vcpu;

	for (int i = 0; i < 3; i++)
		EXPECT(-ENODEV, vgic5_init(v.gic));
	EXPECT(-EBUSY, __vgic5_set_spi(v.vm, 0, 1));
	vcpu = vm_vcpu_add(v.vm, 5, guest_spis);
	vcpu_init_descriptor_tables(vcpu);
	EXPECT(0, vgic5_init(v.gic));
	TEST_ASSERT(spis_of(&v) == 96, "%u SPIs, not 96", spis_of(&v));
	TEST_ASSERT(address_of(&v) == IRS_BASE, "another address");
	vgic5_expect(vcpu, 96);
	EXPECT(0, __vgic5_set_spi(v.vm, 95, 1));
	vgic5_expect(vcpu, VGIC5_DONE);
	vgic5_vm_free(&v);
}

/* ---- SPIs ---- */

static void irq_line(void)
{
	struct vgic5_vm v = vgic5_irs_vm_bare(1, guest_done, NULL, 64);

	EXPECT(-EBUSY, __vgic5_set_spi(v.vm, 0, 1));
	EXPECT(0, vgic5_init(v.gic));
	for (u32 spi = 0; spi < 64; spi++)
		for (int level = 1; level >= 0; level--)
			EXPECT(0, __vgic5_set_spi(v.vm, spi, level));
	EXPECT(-EINVAL, __vgic5_set_spi(v.vm, 64, 1));
	EXPECT(-EINVAL, __vgic5_set_spi(v.vm, 1024, 1));
	EXPECT(-EINVAL, __vgic5_set_spi(v.vm, 0xffff, 1));
	/* There is no type for LPIs. */
	EXPECT(-EINVAL, __vgic5_irq_line(v.vm, 3, 0, 0, 1));
	vgic5_vm_free(&v);
}

static int route(struct kvm_vm *vm, u32 type, u32 pin)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} table = {
		.head.nr = 1,
		.entry = { .gsi = 7, .type = type, .u.irqchip.pin = pin },
	};

	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &table) ? -errno : 0;
}

static bool is_pending(struct vgic5_vm *v, u32 spi)
{
	struct vgic5_irs_state state = vgic5_irs_save(v->gic);
	bool pending = state.entries[spi] & ISTE_PENDING;

	free(state.entries);
	return pending;
}

/* An eventfd is read by a worker of the kernel's, if not at once. */
static void signal_gsi(struct vgic5_vm *v, u32 gsi, u32 spi)
{
	int fd = kvm_new_eventfd();

	TEST_ASSERT(!is_pending(v, spi), "SPI %u is pending", spi);
	kvm_assign_irqfd(v->vm, gsi, fd);
	TEST_ASSERT(!eventfd_write(fd, 1), "eventfd: errno %d", errno);
	while (!is_pending(v, spi))
		TEST_ASSERT(!vgic5_out_of_time(), "GSI %u does not reach SPI %u", gsi, spi);
	kvm_deassign_irqfd(v->vm, gsi, fd);
	close(fd);
}

/* SPIs are pins, from 0 on; no message reaches an LPI, as there is no ITS. */
static void routing(void)
{
	struct vgic5_vm v = vgic5_irs_vm(1, guest_done, NULL, 64);
	struct kvm_msi msi = { .address_lo = 0x1000 };

	signal_gsi(&v, 0, 0);
	signal_gsi(&v, 63, 63);
	EXPECT(0, route(v.vm, KVM_IRQ_ROUTING_IRQCHIP, 9));
	signal_gsi(&v, 7, 9);
	TEST_ASSERT(!is_pending(&v, 7), "GSI 7 still reaches SPI 7");
	EXPECT(0, route(v.vm, KVM_IRQ_ROUTING_IRQCHIP, 1023));
	EXPECT(-EINVAL, route(v.vm, KVM_IRQ_ROUTING_IRQCHIP, 1024));
	EXPECT(-ENODEV, __vm_ioctl(v.vm, KVM_SIGNAL_MSI, &msi) < 0 ? -errno : 0);
	vgic5_vm_free(&v);
}

/* ---- while it runs ---- */

static u32 spinning, halt;

static void guest_spins(void)
{
	WRITE_ONCE(spinning, 1);
	while (!READ_ONCE(halt))
		cpu_relax();
	GUEST_DONE();
}

static void *run_spinning(void *vcpu)
{
	vgic5_expect(vcpu, VGIC5_DONE);
	return NULL;
}

static void while_running(void)
{
	struct vgic5_vm v = vgic5_irs_vm(2, guest_spins, NULL, 64);
	u32 *spins = addr_gva2hva(v.vm, (gva_t)&spinning), *end = addr_gva2hva(v.vm, (gva_t)&halt);
	static struct kvm_vgic_v5_ist ist;
	pthread_t thread;
	int got[6];
	u64 val = 0x5a;

	pthread_create(&thread, NULL, run_spinning, v.vcpu[0]);
	while (!READ_ONCE(*spins))
		usleep(100);
	got[0] = vgic5_irs_get(v.gic, IRS_CR1, &val);
	got[1] = vgic5_irs_set(v.gic, IRS_CR1, 0);
	got[2] = vgic5_attr_get(v.gic, KVM_DEV_ARM_VGIC_GRP_IST, 0, &ist);
	got[3] = vgic5_attr_set(v.gic, KVM_DEV_ARM_VGIC_GRP_IST, 0, &ist);
	got[4] = vgic5_attr_get(v.gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				vgic5_sysreg_attr(1, SYS_ICC_PCR_EL1), &val);
	got[5] = vgic5_attr_set(v.gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				vgic5_sysreg_attr(1, SYS_ICC_PCR_EL1), &val);
	WRITE_ONCE(*end, 1);
	pthread_join(thread, NULL);
	for (int i = 0; i < (int)ARRAY_SIZE(got); i++)
		TEST_ASSERT(got[i] == -EBUSY, "call %d while a vCPU runs: %d", i, got[i]);
	TEST_ASSERT(val == 0x5a, "a refused get wrote something");
	EXPECT(0, vgic5_irs_get(v.gic, IRS_CR1, &val));
	vgic5_vm_free(&v);
}

static const struct vgic5_test tests[] = {
	{ "where the IRS can be", where },
	{ "an address after INIT", address_after_init },
	{ "an address after the first run is EBUSY", address_after_run },
	{ "how many SPIs there can be", nr_irqs },
	{ "32 SPIs if nobody says how many", nr_irqs_default },
	{ "a guest finds as many SPIs as were set, and the last one works", nr_irqs_seen, 240 },
	{ "INIT twice, and what is not there", init },
	{ "INIT with an IRS but no vCPU is ENODEV", init_without_vcpus },
	{ "INIT after one that failed", init_again },
	{ "KVM_IRQ_LINE knows the SPIs", irq_line },
	{ "routes to SPIs, and no MSIs", routing },
	{ "no attribute changes while a vCPU runs", while_running },
};

int main(int argc, char **argv)
{
	return vgic5_run(argc, argv, tests, ARRAY_SIZE(tests));
}
