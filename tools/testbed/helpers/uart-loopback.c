// SPDX-License-Identifier: GPL-2.0
/*
 * uart-loopback TTY: make a PL011 interrupt, and print how many bytes came in.
 *
 * Switches the UART's loopback on, sends bytes one by one and waits for each to
 * come back, which it does by a receive interrupt. In the emulator the bytes
 * are seen outside as well: dots. Exits non-zero if one does not come back
 * within a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCM_LOOP
#define TIOCM_LOOP 0x8000 /* asm-generic/termios.h, which glibc's termios.h excludes */
#endif

enum { BYTES = 20, MILLISECONDS = 60000 };

int main(int argc, char **argv)
{
	const char *tty = argc > 1 ? argv[1] : "/dev/ttyAMA1";
	int fd = open(tty, O_RDWR | O_NOCTTY), loop = TIOCM_LOOP, back = 0;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct termios mode;
	char byte = '.';

	if (fd < 0 || tcgetattr(fd, &mode)) {
		printf("uart-loopback: %s: %s\n", tty, strerror(errno));
		return 1;
	}
	cfmakeraw(&mode);
	mode.c_cflag |= CREAD | CLOCAL;
	if (tcsetattr(fd, TCSANOW, &mode) || ioctl(fd, TIOCMBIS, &loop)) {
		printf("uart-loopback: cannot switch the loopback on: %s\n", strerror(errno));
		return 1;
	}
	while (back < BYTES && write(fd, ".", 1) == 1 && poll(&wait, 1, MILLISECONDS) == 1 &&
	       read(fd, &byte, 1) == 1 && byte == '.')
		back++;
	tcdrain(fd);
	ioctl(fd, TIOCMBIC, &loop);
	printf("\n%d bytes came back\n", back);
	return back < BYTES;
}
