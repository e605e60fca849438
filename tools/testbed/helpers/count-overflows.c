// SPDX-License-Identifier: GPL-2.0
/*
 * count-overflows CPU: make the PMU of CPU interrupt, and print how often.
 *
 * Counts processor cycles in user space on CPU with a sampling period, burns
 * cycles until enough samples have come, and prints their number. A sample is
 * taken by the PMU's overflow interrupt, so /proc/interrupts has to show as
 * many. Exits non-zero when the kernel has no such event or no sample comes
 * within a minute.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PERIOD = 100000, WANTED = 20, SECONDS = 60 };

static volatile sig_atomic_t samples;

static void sample(int sig)
{
	(void)sig;
	samples++;
}

static int fail(const char *what)
{
	printf("count-overflows: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_period = PERIOD,
		.wakeup_events = 1,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	struct sigaction act = { .sa_handler = sample, .sa_flags = SA_RESTART };
	int cpu = argc > 1 ? atoi(argv[1]) : 0;
	time_t end = time(NULL) + SECONDS;
	cpu_set_t set;
	int fd;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return fail("cannot move to the CPU");
	if (sigaction(SIGIO, &act, NULL))
		return fail("sigaction");
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		return fail("perf_event_open");
	if (fcntl(fd, F_SETFL, O_ASYNC) || fcntl(fd, F_SETOWN, getpid()))
		return fail("cannot have a signal for each sample");
	if (ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fail("cannot enable the event");
	/* A system call now and then lets the emulator's clock be looked at. */
	while (samples < WANTED && time(NULL) < end)
		for (volatile int i = 0; i < 10000; i++)
			;
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	printf("%d samples\n", (int)samples);
	return samples < WANTED;
}
