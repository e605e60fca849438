// SPDX-License-Identifier: GPL-2.0
/*
 * The host's tracepoints.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "vgic5.h"

#define TRACING		"/sys/kernel/tracing/"

static void mount_tracefs(void)
{
	if (access(TRACING "trace", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
}

static void trace_write(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	TEST_ASSERT(fd >= 0 && write(fd, text, strlen(text)) > 0,
		    "writing '%s' to %s", text, path);
	close(fd);
}

static void enable_events(const char *const *events, const char *on)
{
	char file[128];

	for (; *events; events++) {
		snprintf(file, sizeof(file), "events/%s/enable", *events);
		trace_write(file, on);
	}
}

bool vgic5_trace_has(const char *event)
{
	char path[128];

	mount_tracefs();
	snprintf(path, sizeof(path), TRACING "events/%s", event);
	return !access(path, F_OK);
}

void vgic5_trace_start(const char *const *events)
{
	mount_tracefs();
	trace_write("tracing_on", "0");
	trace_write("buffer_size_kb", "4096");
	trace_write("trace", "\n");
	enable_events(events, "1");
	trace_write("tracing_on", "1");
}

bool vgic5_is_timer_work(const char *line)
{
	return (strstr(line, "irq_handler_entry") && strstr(line, "kvm guest ")) ||
	       strstr(line, "kvm_timer_hrtimer_expire:");
}

FILE *vgic5_trace_stop(const char *const *events)
{
	FILE *f;

	trace_write("tracing_on", "0");
	enable_events(events, "0");
	f = fopen(TRACING "trace", "r");
	TEST_ASSERT(f, "reading the trace");
	return f;
}
