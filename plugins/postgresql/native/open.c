#define _GNU_SOURCE
#include "postgresql_native.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* libpq would print notices on standard error. */
static void ignore(void *argument, const PGresult *result) { (void)argument, (void)result; }

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

PGconn *postgresql_open(const char *const *names, const char *const *values, int32_t wake, int64_t deadline, int32_t *outcome) {
    PGconn *connection = PQconnectStartParams(names, values, 1);
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    *outcome = POSTGRESQL_REFUSED;
    if (!connection) return NULL;
    PQsetNoticeReceiver(connection, ignore, NULL);
    while (PQstatus(connection) != CONNECTION_BAD) {
        struct pollfd ready[2] = {
            {.fd = PQsocket(connection), .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT},
            {.fd = wake, .events = POLLIN},
        };
        int64_t left = (deadline - now()) / 1000000;
        int count;
        if (left <= 0) {
            *outcome = POSTGRESQL_TIMED_OUT;
            return connection;
        }
        count = poll(ready, 2, left > 60000 ? 60000 : (int)left);
        if (count < 0 && errno != EINTR) return connection;
        if (count <= 0) continue;
        if (ready[1].revents) {
            *outcome = POSTGRESQL_WOKEN;
            return connection;
        }
        next = PQconnectPoll(connection);
        if (next == PGRES_POLLING_FAILED) return connection;
        if (next == PGRES_POLLING_OK) {
            *outcome = POSTGRESQL_OPENED;
            return connection;
        }
    }
    return connection;
}

int32_t postgresql_wake_new(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void postgresql_wake(int32_t wake) {
    uint64_t one = 1;
    /* It fails when it is readable already. */
    if (write(wake, &one, sizeof one) < 0) return;
}

static const char *field(const PGresult *result, int which) {
    const char *text = PQresultErrorField(result, which);
    return text ? text : "";
}

const char *postgresql_state(const PGresult *result) { return field(result, PG_DIAG_SQLSTATE); }

const char *postgresql_message(const PGresult *result) {
    const char *text = field(result, PG_DIAG_MESSAGE_PRIMARY);
    return *text ? text : PQresultErrorMessage(result);
}

int32_t postgresql_knows(const char *keyword) {
    PQconninfoOption *options = PQconndefaults();
    int32_t found = 0;
    if (!options) return 1;
    for (PQconninfoOption *option = options; option->keyword && !found; option++) found = !strcmp(option->keyword, keyword);
    PQconninfoFree(options);
    return found;
}

int32_t postgresql_understands(const char *uri) {
    PQconninfoOption *options = PQconninfoParse(uri, NULL);
    if (!options) return 0;
    PQconninfoFree(options);
    return 1;
}
