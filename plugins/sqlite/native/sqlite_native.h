/* The C side of the sqlite plugin: a few calls in a form that Swift can say. */
#ifndef OCTAVO_SQLITE_NATIVE_H
#define OCTAVO_SQLITE_NATIVE_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* Binds memory that stays until the statement is reset. NULL data with size 0 binds an empty text. */
static inline int sqlite_native_bind_text(sqlite3_stmt *_Nonnull statement, int32_t index, const void *_Nullable data,
                                          uint64_t size) {
    return sqlite3_bind_text64(statement, index, data ? (const char *)data : "", size, SQLITE_STATIC, SQLITE_UTF8);
}

/* Binds bytes that stay until the statement is reset. */
static inline int sqlite_native_bind_blob(sqlite3_stmt *_Nonnull statement, int32_t index, const void *_Nullable data,
                                          uint64_t size) {
    return sqlite3_bind_blob64(statement, index, data ? data : "", size, SQLITE_STATIC);
}

/* Makes statements of `db` end with SQLITE_INTERRUPT when `*deadline` (CLOCK_MONOTONIC, 0 = never) has
   passed. `deadline` belongs to the thread that uses the connection. */
void sqlite_native_watch_deadline(sqlite3 *_Nonnull db, const int64_t *_Nonnull deadline);

/* Says what a person should know about `code`, an extended one. */
const char *_Nonnull sqlite_native_message(sqlite3 *_Nullable db, int32_t code);

/* CLOCK_BOOTTIME in nanoseconds: nobody sets it, and it is the same for all processes of this machine. */
int64_t sqlite_native_boottime(void);

/* Which boot of the machine this is, as text; its length, 0 when it can't be read. */
int64_t sqlite_native_boot(char *_Nonnull text, size_t size);

#endif
