/* The C side of the postgresql plugin: opening a connection, and what libpq says with macros. */
#ifndef OCTAVO_POSTGRESQL_NATIVE_H
#define OCTAVO_POSTGRESQL_NATIVE_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#define POSTGRESQL_OPENED 0
#define POSTGRESQL_REFUSED 1   /* PQerrorMessage says why */
#define POSTGRESQL_TIMED_OUT 2
#define POSTGRESQL_WOKEN 3

/*
 * Connects, which may block (names, Kerberos): for a thread of its own. Ends before `deadline` (CLOCK_MONOTONIC) and as
 * soon as `wake`, an eventfd, is readable, but for the time that a name takes. `outcome` gets one of the words above.
 * The caller finishes what comes back; NULL = no memory.
 */
PGconn *_Nullable postgresql_open(const char *_Nullable const *_Nonnull names, const char *_Nullable const *_Nonnull values,
                                  int32_t wake, int64_t deadline, int32_t *_Nonnull outcome);

/* An eventfd, and making it readable. */
int32_t postgresql_wake_new(void);
void postgresql_wake(int32_t wake);

/* The code of five letters of an error ("" when there is none) and its first sentence. */
const char *_Nonnull postgresql_state(const PGresult *_Nonnull result);
const char *_Nonnull postgresql_message(const PGresult *_Nonnull result);

/* Whether libpq takes a keyword of that name. */
int32_t postgresql_knows(const char *_Nonnull keyword);
/* Whether libpq understands a URI. */
int32_t postgresql_understands(const char *_Nonnull uri);

#endif
