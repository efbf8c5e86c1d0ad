#define _GNU_SOURCE
#include <time.h>

#include "sqlite_native.h"

static int is_over(void *argument) {
    const int64_t *deadline = argument;
    struct timespec time;
    if (*deadline == 0) return 0;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec > *deadline;
}

/* 10,000 steps of the virtual machine are well below a millisecond. */
void sqlite_native_watch_deadline(sqlite3 *db, const int64_t *deadline) {
    sqlite3_progress_handler(db, 10000, is_over, (void *)deadline);
}

const char *sqlite_native_message(sqlite3 *db, int32_t code) {
    return db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
}
