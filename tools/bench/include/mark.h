/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks: what a program tells the emulator's plugin (tools/bench/plugin), by a
 * hint that does nothing elsewhere. For programs of the host and for guests.
 */
#ifndef MARK_H
#define MARK_H

enum mark {
	MARK_BEGIN = 1,		/* of a case; its description is the argument */
	MARK_END,		/* of the case */
	MARK_ARM,		/* the next exit of a guest is the one */
	MARK_START,		/* of a window */
	MARK_STOP,		/* of a window */
};

static inline void mark_with(enum mark mark, const void *argument)
{
	register unsigned long x0 asm("x0") = mark;
	register const void *x1 asm("x1") = argument;

	/* MARK_HINT of the plugin. */
	asm volatile("hint #0x7e" :: "r"(x0), "r"(x1) : "memory");
}

static inline void mark(enum mark mark)
{
	mark_with(mark, 0);
}

/* Lets the other processors of a single-threaded emulator go on. */
static inline void yield(void)
{
	asm volatile("yield" ::: "memory");
}

#endif
