// SPDX-License-Identifier: GPL-2.0
/*
 * hold COMMAND...: run COMMAND beside a VM with a GICv5, and keep the VM's guest
 * running until COMMAND ends. The exit status is COMMAND's.
 *
 * COMMAND starts once the guest has taken its first timer interrupt, so whoever
 * wants to look at a VM that runs needs to wait for nothing. From then on the
 * guest takes one a millisecond, and every hundred of them exits to this program.
 */
#include <stdlib.h>
#include <sys/wait.h>

#include "kselftest.h"
#include "vgic5_timer.h"

#define PERIOD_US	1000

static void guest_works(void)
{
	u32 n = 0;

	timer = VIRTUAL;
	guest_begin();
	for (;;) {
		arm(PERIOD_US);
		take_one(n++);
		if (n % 100 == 1)
			GUEST_SYNC(READY);
	}
}

static void *run(void *vcpu)
{
	for (;;)
		vgic5_expect(vcpu, READY);
	return NULL;
}

/* Forked before there is a VM, so that COMMAND keeps none of it alive. */
static pid_t start(char **command, int *go)
{
	int ends[2];
	char byte;
	pid_t pid;

	TEST_ASSERT(!pipe(ends), "pipe: errno %d", errno);
	pid = fork();
	TEST_ASSERT(pid >= 0, "fork: errno %d", errno);
	*go = ends[1];
	if (pid) {
		close(ends[0]);
		return pid;
	}
	close(ends[1]);
	/* Nothing comes if the VM could not be made. */
	if (read(ends[0], &byte, 1) != 1)
		_exit(KSFT_FAIL);
	close(ends[0]);
	execvp(command[0], command);
	fprintf(stderr, "hold: %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	struct vgic5_vm v;
	pthread_t thread;
	int go, status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: hold COMMAND...\n");
		return KSFT_FAIL;
	}
	setbuf(stdout, NULL);
	test_disable_default_vgic();
	pid = start(argv + 1, &go);

	v = timer_vm(guest_works);
	vgic5_expect(v.vcpu[0], READY);
	TEST_ASSERT(!pthread_create(&thread, NULL, run, v.vcpu[0]), "a thread for the vCPU");
	TEST_ASSERT(write(go, "", 1) == 1, "telling the command: errno %d", errno);

	TEST_ASSERT(waitpid(pid, &status, 0) == pid, "waitpid: errno %d", errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
