/*
 * Callers of a runtime's HTTP API at a steady rate, on one thread: what crash-storm times. Each connection has one
 * call at a time, and the next one when its turn has come, or at once if that was missed.
 *
 *   load PORT RATE RECORDS SPEC …   until standard input ends
 *
 * A SPEC is `COUNT read STORE NAME` in one word, with slashes: `24/read/victim`, `8/write/victim`. A read is of the key
 * "key", whose value must be "a value"; a write is of a new key each time, whose value is the key. RECORDS gets one
 * line for each call: role, store, begin and end (nanoseconds of CLOCK_MONOTONIC), outcome, key of a write.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CALLERS 512

typedef struct caller {
    int socket, writes, busy;
    char store[32];
    uint64_t next, begin, number;
    size_t have;
    char answer[4096];
} caller;

static caller callers[MAX_CALLERS];
static int count, port;
static FILE *records;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void open_caller(caller *it, int poll) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = it};
    int yes = 1;
    it->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (it->socket < 0 || connect(it->socket, (struct sockaddr *)&address, sizeof address)) die("connect");
    setsockopt(it->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(it->socket, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(poll, EPOLL_CTL_ADD, it->socket, &event)) die("epoll_ctl");
}

static void send_call(caller *it, int index) {
    char text[512], body[128];
    int size;
    it->number++;
    if (it->writes) {
        int length = snprintf(body, sizeof body, "[{\"key\":\"w%d-%llu\",\"value\":\"w%d-%llu\"}]", index, (unsigned long long)it->number, index,
                              (unsigned long long)it->number);
        size = snprintf(text, sizeof text, "POST /v1.0/state/%s HTTP/1.1\r\nhost: l\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                        it->store, length, body);
    } else {
        size = snprintf(text, sizeof text, "GET /v1.0/state/%s/key HTTP/1.1\r\nhost: l\r\n\r\n", it->store);
    }
    it->busy = 1;
    it->have = 0;
    it->begin = now();
    if (write(it->socket, text, (size_t)size) != size) die("write");
}

static void finish(caller *it, int index, const char *outcome) {
    fprintf(records, "%s %s %llu %llu %s", it->writes ? "write" : "read", it->store, (unsigned long long)it->begin, (unsigned long long)now(), outcome);
    if (it->writes) fprintf(records, " w%d-%llu", index, (unsigned long long)it->number);
    fputc('\n', records);
    it->busy = 0;
}

/* An answer that is whole ends the call. */
static void receive(caller *it, int index) {
    ssize_t got = read(it->socket, it->answer + it->have, sizeof it->answer - 1 - it->have);
    char *end, *field, *code, outcome[96];
    size_t length = 0;
    int status;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        /* The runtime itself is gone: that is what must not happen. */
        if (it->busy) finish(it, index, "CLOSED");
        exit(3);
    }
    it->have += (size_t)got;
    it->answer[it->have] = 0;
    end = strstr(it->answer, "\r\n\r\n");
    if (!end) return;
    field = strcasestr(it->answer, "content-length:");
    if (field && field < end) length = strtoul(field + 15, NULL, 10);
    if (it->have < (size_t)(end + 4 - it->answer) + length) return;
    status = atoi(it->answer + 9);
    code = strstr(end, "\"errorCode\":\"");
    if (status / 100 == 2 && (it->writes || (length == 9 && !memcmp(end + 4, "\"a value\"", 9)))) snprintf(outcome, sizeof outcome, "ok");
    else if (status / 100 == 2) snprintf(outcome, sizeof outcome, "WRONG");
    else snprintf(outcome, sizeof outcome, "%d:%.*s%s", status, code ? (int)strcspn(code + 13, "\"") : 0, code ? code + 13 : "",
                  strstr(end, "may have taken effect") ? ":may-have-taken-effect" : "");
    for (char *at = outcome; *at; at++)
        if (*at == ' ') *at = '_';
    finish(it, index, outcome);
}

int main(int words, char **word) {
    int poll_set = epoll_create1(EPOLL_CLOEXEC), i, rate;
    struct epoll_event events[64];
    uint64_t pace, begin;
    if (words < 5) return 2;
    port = atoi(word[1]);
    rate = atoi(word[2]);
    records = fopen(word[3], "w");
    if (!records) die(word[3]);
    setvbuf(records, NULL, _IOFBF, 1 << 20);
    for (i = 4; i < words; i++) {
        int many;
        char role[16], store[32];
        if (sscanf(word[i], "%d/%15[^/]/%31s", &many, role, store) != 3) return 2;
        while (many-- && count < MAX_CALLERS) {
            callers[count].writes = !strcmp(role, "write");
            memcpy(callers[count].store, store, sizeof store);
            open_caller(&callers[count++], poll_set);
        }
    }
    pace = 1000000000ull * (uint64_t)count / (uint64_t)rate;
    begin = now();
    for (i = 0; i < count; i++) callers[i].next = begin + pace * (uint64_t)i / (uint64_t)count;
    for (;;) {
        struct pollfd input = {0, POLLIN, 0};
        uint64_t time = now(), soonest = time + 5000000;
        struct timespec pause;
        int ready;
        char byte;
        for (i = 0; i < count; i++) {
            caller *it = &callers[i];
            if (it->busy) continue;
            if (it->next <= time) {
                send_call(it, i);
                it->next += pace;
                if (it->next < time) it->next = time;
            } else if (it->next < soonest) {
                soonest = it->next;
            }
        }
        pause = (struct timespec){0, (long)(soonest - time)};
        ready = epoll_pwait2(poll_set, events, 64, &pause, NULL);
        for (i = 0; i < ready; i++) receive(events[i].data.ptr, (int)((caller *)events[i].data.ptr - callers));
        if (poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0) break;
    }
    /* Whoever is still answered is waited for; what is not answered is told. */
    begin = now();
    for (;;) {
        int busy = 0, ready;
        for (i = 0; i < count; i++) busy += callers[i].busy;
        if (!busy || now() - begin > 20000000000ull) break;
        ready = epoll_wait(poll_set, events, 64, 100);
        for (i = 0; i < ready; i++) receive(events[i].data.ptr, (int)((caller *)events[i].data.ptr - callers));
    }
    for (i = 0; i < count; i++)
        if (callers[i].busy) finish(&callers[i], i, "UNANSWERED");
    return fclose(records) ? 2 : 0;
}
