/*
 * The record of a crash. A handler of the fatal signals writes into a black box, shared memory that outlives the process,
 * what it died of and what its thread did; it uses async-signal-safe calls alone. Once a process.
 */
#ifndef OCTAVO_FAULT_H
#define OCTAVO_FAULT_H

#include <octavo_black_box.h>

OCTAVO_BEGIN

/* How the process ends after that. */
#define OCTAVO_FAULT_KILL 0  /* at once, without the kernel's code for core dumps: callers wait, and the record says the signal */
#define OCTAVO_FAULT_RAISE 1 /* by that signal, as it would have without us; handlers that were there before come next */

/* Installs the handlers; SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, and an end by exit() out of a plugin's
   code. `ended`: told by exit() when no plugin has called it. The calling thread gets a stack for them. */
void octavo_fault_open(octavo_black_box *box, int end, void (*OCTAVO_NULLABLE ended)(void));
/* Notes which objects are mapped, for the record. To be called when that has changed. [any] */
void octavo_fault_modules(void);
/* Gives the calling thread a stack for its handler, without which nothing can be said of an overflow of its own one; the
   end takes it away again. Pairs may nest; a stack that somebody else has given it stays. */
void octavo_fault_stack(void);
void octavo_fault_stack_ended(void);

OCTAVO_END

#endif
