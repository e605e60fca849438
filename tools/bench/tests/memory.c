// SPDX-License-Identifier: GPL-2.0
/*
 * What a GIC costs in the kernel's slabs:
 *
 *	memory BACKEND...	prints "BACKEND vcpu_bytes N vm_bytes N"
 *
 * The kernel's own trace of kmalloc() and kfree() says which objects a VM has
 * once its vCPUs ran, how large they are in the slab, and who asked for them.
 * Those of the vGIC's code, of the module and of Rust (there is no other user
 * of it here) are summed up, for few and for many vCPUs. What is embedded in
 * KVM's own structures is not in the sum, being there for any GIC.
 */
#include <fcntl.h>
#include <sys/mount.h>

#include "vgic5_guest.h"

#define BACKEND_KNOB	"/sys/module/kvm/parameters/vgic_v5_backend"
#define TRACING		"/sys/kernel/tracing/"

#define FEW		1
#define MANY		9
#define MAX_OBJECTS	4096

static struct {
	char address[32];
	long bytes;
} objects[MAX_OBJECTS];
static int nr_objects;

static void guest_code(void)
{
	GUEST_SYNC(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	TEST_ASSERT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		    "%s: cannot write %s, errno %d", path, text, errno);
	close(fd);
}

/* The value of the trace's field `key`, which comes with its '='. */
static bool field(const char *line, const char *key, char *value, size_t size)
{
	const char *start = strstr(line, key);
	size_t length;

	if (!start)
		return false;
	start += strlen(key);
	length = strcspn(start, " \n");
	TEST_ASSERT(length < size, "a field of %zu characters: %s", length, line);
	memcpy(value, start, length);
	value[length] = 0;
	return true;
}

static void allocated(const char *site, const char *address, const char *bytes)
{
	if (!strstr(site, "vgic") && !strstr(site, "rust"))
		return;
	TEST_ASSERT(nr_objects < MAX_OBJECTS, "too many objects");
	strcpy(objects[nr_objects].address, address);
	objects[nr_objects++].bytes = atol(bytes);
}

static void freed(const char *address)
{
	for (int i = 0; i < nr_objects; i++)
		if (!strcmp(objects[i].address, address)) {
			objects[i] = objects[--nr_objects];
			return;
		}
}

/* Sums up what the trace says is there at its end. */
static long traced_bytes(void)
{
	char line[512], site[200], address[32], bytes[32];
	unsigned long kept, written;
	long sum = 0;
	FILE *f = fopen(TRACING "trace", "r");

	TEST_ASSERT(f, "no " TRACING "trace");
	nr_objects = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "# entries-in-buffer/entries-written: %lu/%lu", &kept, &written) == 2)
			TEST_ASSERT(kept == written, "the trace lost events");
		if (strstr(line, " kmalloc: ") && field(line, "call_site=", site, sizeof(site)) &&
		    field(line, " ptr=", address, sizeof(address)) &&
		    field(line, "bytes_alloc=", bytes, sizeof(bytes)))
			allocated(site, address, bytes);
		if (strstr(line, " kfree: ") && field(line, " ptr=", address, sizeof(address)))
			freed(address);
	}
	fclose(f);
	for (int i = 0; i < nr_objects; i++)
		sum += objects[i].bytes;
	return sum;
}

static long vm_bytes(int nr_vcpus)
{
	struct vgic5_vm v;

	write_file(TRACING "trace", "");
	write_file(TRACING "events/kmem/kmalloc/enable", "1");
	write_file(TRACING "events/kmem/kfree/enable", "1");
	v = vgic5_vm_create(nr_vcpus, guest_code, NULL);
	for (int i = 0; i < nr_vcpus; i++)
		vgic5_expect(v.vcpu[i], 1);
	write_file(TRACING "events/kmem/kmalloc/enable", "0");
	write_file(TRACING "events/kmem/kfree/enable", "0");
	vgic5_vm_free(&v);
	return traced_bytes();
}

static void measure(const char *backend)
{
	long few = vm_bytes(FEW), many = vm_bytes(MANY);
	long vcpu = (many - few) / (MANY - FEW);

	printf("%s vcpu_bytes %ld vm_bytes %ld\n", backend, vcpu, few - vcpu * FEW);
}

int main(int argc, char **argv)
{
	char pid[64];

	setbuf(stdout, NULL);
	test_disable_default_vgic();
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	write_file(TRACING "tracing_on", "1");
	snprintf(pid, sizeof(pid), "common_pid == %d", getpid());
	write_file(TRACING "events/kmem/kmalloc/filter", pid);
	write_file(TRACING "events/kmem/kfree/filter", pid);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-"))
			write_file(BACKEND_KNOB, argv[i]);
		measure(argv[i]);
	}
	return 0;
}
