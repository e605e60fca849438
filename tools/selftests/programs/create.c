// SPDX-License-Identifier: GPL-2.0
/*
 * create COUNT: make COUNT VMs with a GICv5 device, one after the other, and say
 * how many could not have one, and why. Fails if there was one.
 *
 * For use beside a loop of insmod and rmmod: while there is a backend, another one
 * that comes or goes is no reason to be without.
 */
#include <stdlib.h>
#include <string.h>

#include "kselftest.h"
#include "vgic5.h"

int main(int argc, char **argv)
{
	unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0, failed[134] = { };
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V5 };
	int kvm = open_kvm_dev_path_or_exit(), ret = KSFT_PASS;

	if (!count) {
		fprintf(stderr, "usage: create COUNT\n");
		return KSFT_FAIL;
	}
	for (unsigned long i = 0; i < count; i++) {
		int vm = ioctl(kvm, KVM_CREATE_VM, 0);

		TEST_ASSERT(vm >= 0, "KVM_CREATE_VM: errno %d", errno);
		if (ioctl(vm, KVM_CREATE_DEVICE, &device))
			failed[errno < 134 ? errno : 0]++;
		else
			close(device.fd);
		close(vm);
	}
	for (int e = 0; e < 134; e++) {
		if (failed[e]) {
			printf("# %lu of %lu: %s\n", failed[e], count, strerror(e));
			ret = KSFT_FAIL;
		}
	}
	return ret;
}
