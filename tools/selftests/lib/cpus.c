// SPDX-License-Identifier: GPL-2.0
/*
 * Where vCPU threads run, and what else runs there.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/syscall.h>

#include "vgic5.h"

static int set_affinity(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set) ? -errno : 0;
}

int vgic5_pin(int cpu)
{
	return set_affinity(0, cpu);
}

int vgic5_nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

static void *mover(void *arg)
{
	pid_t tid = (pid_t)(long)arg;
	int cpus = vgic5_nr_cpus();
	unsigned int seed = 1;

	for (;;) {
		set_affinity(tid, rand_r(&seed) % cpus);
		usleep(rand_r(&seed) % 1000);
		pthread_testcancel();
	}
	return NULL;
}

pthread_t vgic5_move_about(void)
{
	pthread_t thread;

	TEST_ASSERT(!pthread_create(&thread, NULL, mover, (void *)(long)gettid()),
		    "a thread that moves this one");
	return thread;
}

static void *spin(void *arg)
{
	for (;;)
		pthread_testcancel();
	return NULL;
}

pthread_t vgic5_share_cpu(void)
{
	pthread_t thread;

	TEST_ASSERT(!vgic5_pin(0), "pinning to CPU 0: errno %d", errno);
	TEST_ASSERT(!pthread_create(&thread, NULL, spin, NULL), "a thread that spins");
	return thread;
}

void vgic5_stop(pthread_t thread)
{
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

/*
 * The kernel answers "running" for a thread that is on a run queue, whatever
 * state it has given itself.
 */
static bool in_ioctl(pid_t tid)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	f = fopen(path, "r");
	if (!f) {
		TEST_ASSERT(errno == ENOENT, "%s: errno %d", path, errno);
		return false;	/* it has ended */
	}
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return atoi(line) == __NR_ioctl;
}

bool vgic5_is_blocked(struct kvm_vcpu *vcpu, pid_t tid)
{
	return vcpu_get_stat(vcpu, blocking) && in_ioctl(tid) && vcpu_get_stat(vcpu, blocking);
}

bool vgic5_host_is_vhe(void)
{
	int size = 1 << 20, len;
	char *log = malloc(size);	/* not static: a guest's memory is small */
	bool vhe;

	len = log ? klogctl(3, log, size - 1) : -1;	/* 3: all there is */
	TEST_ASSERT(len >= 0, "reading the kernel's log: errno %d", errno);
	log[len] = 0;
	TEST_ASSERT(strstr(log, "VHE mode initialized"), "KVM's mode is not in the log");
	vhe = strstr(log, " VHE mode initialized");
	free(log);
	return vhe;
}
