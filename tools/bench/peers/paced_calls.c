// gRPC calls at an even rate: one thread, ppoll, libnghttp2, one connection.
//
//     paced_calls PORT PATH FILE RATE SECONDS [HEADER...]
//
// Sends the framed message in FILE RATE times a second, each call at its own time, whether those before it are answered or not, and
// expects as many bytes back. A call takes from when it was due until its stream is closed, so that what is sent late counts, too.
// Prints p50, p90 and p99 in microseconds and the number of calls.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_LIMIT = 1 << 16, HEADERS = 16, IN = 1 << 16 };
static const int64_t second = 1000000000;

struct call {
    int64_t due;
    size_t sent, received;
    int is_ok;
};

static uint8_t message[MESSAGE_LIMIT];
static size_t message_size;
static int64_t *latencies;
static long finished;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * second + time.tv_nsec;
}

static void fail(const char *text)
{
    fprintf(stderr, "paced_calls: %s\n", text);
    exit(1);
}

static ssize_t read_message(nghttp2_session *session, int32_t id, uint8_t *to, size_t limit, uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)id, (void)user;
    struct call *call = source->ptr;
    size_t count = message_size - call->sent < limit ? message_size - call->sent : limit;
    memcpy(to, message + call->sent, count);
    call->sent += count;
    if (call->sent == message_size) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *user)
{
    (void)flags, (void)user;
    if (name_size != 11 || memcmp(name, "grpc-status", 11) != 0) return 0;
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call) call->is_ok = size == 1 && value[0] == '0';
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t size, void *user)
{
    (void)flags, (void)bytes, (void)user;
    struct call *call = nghttp2_session_get_stream_user_data(session, id);
    if (call) call->received += size;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    (void)user;
    struct call *call = nghttp2_session_get_stream_user_data(session, id);
    if (!call) return 0;
    if (error != 0 || !call->is_ok || call->received != message_size) fail("a call failed");
    latencies[finished++] = now() - call->due;
    return 0;
}

static int ascending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static double share(double part) { return (double)latencies[(long)(part * (double)(finished - 1))] / 1000.0; }

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void read_file(const char *path)
{
    int file = open(path, O_RDONLY);
    ssize_t count = file < 0 ? -1 : read(file, message, sizeof message);
    if (count <= 0) fail("FILE can't be read, or is empty");
    message_size = (size_t)count;
    close(file);
}

static int connected(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("nobody listens at the port");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void flush(nghttp2_session *session, int fd)
{
    const uint8_t *bytes;
    ssize_t count;
    while ((count = nghttp2_session_mem_send(session, &bytes)) > 0) {
        // What is under way at such a rate fits into the socket.
        if (send(fd, bytes, (size_t)count, MSG_NOSIGNAL) != count) fail("the server takes no more");
    }
    if (count < 0) fail("nghttp2 can't send");
}

static void receive(nghttp2_session *session, int fd)
{
    static uint8_t in[IN];
    ssize_t count = recv(fd, in, sizeof in, 0);
    if (count == 0) fail("the server has closed the connection");
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        fail("the connection is lost");
    }
    if (nghttp2_session_mem_recv(session, in, (size_t)count) != count) fail("what comes is not HTTP/2");
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc - 6 > HEADERS) fail("PORT PATH FILE RATE SECONDS [HEADER...]");
    read_file(argv[3]);
    const int64_t interval = second / atol(argv[4]);
    const long total = (long)(atof(argv[5]) * (double)second) / interval;
    if (total < 1) fail("there is nothing to send");
    struct call *calls = calloc((size_t)total, sizeof *calls);
    latencies = calloc((size_t)total, sizeof *latencies);
    nghttp2_nv fields[4 + HEADERS] = {field(":method", "POST"), field(":scheme", "http"), field(":path", argv[2]), field(":authority", "127.0.0.1")};
    size_t field_count = 4;
    for (int index = 6; index < argc; index++) {
        char *colon = strstr(argv[index], ": ");
        if (!colon) fail("a header is NAME: VALUE");
        *colon = 0;
        fields[field_count++] = field(argv[index], colon + 2);
    }
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;
    if (!calls || !latencies || nghttp2_session_callbacks_new(&callbacks) != 0) fail("no memory");
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    if (nghttp2_session_client_new(&session, callbacks, NULL) != 0) fail("no memory");
    nghttp2_session_callbacks_del(callbacks);
    // The kernel adds 50 us to the waits of others.
    prctl(PR_SET_TIMERSLACK, 1ul);
    const int fd = connected(atoi(argv[1]));
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0);
    flush(session, fd);

    const int64_t begin = now() + second / 20, patience = begin + total * interval + 10 * second;
    long sent = 0;
    while (finished < total) {
        int64_t time = now();
        if (time > patience) fail("calls are not answered");
        for (; sent < total && begin + sent * interval <= time; sent++) {
            calls[sent].due = begin + sent * interval;
            nghttp2_data_provider provider = {.source = {.ptr = &calls[sent]}, .read_callback = read_message};
            if (nghttp2_submit_request(session, NULL, fields, field_count, &provider, &calls[sent]) < 0) fail("a call can't be made");
        }
        flush(session, fd);
        int64_t wait = sent < total ? begin + sent * interval - now() : second;
        if (wait < 0) wait = 0;
        struct timespec limit = {.tv_sec = wait / second, .tv_nsec = wait % second};
        struct pollfd poll = {.fd = fd, .events = POLLIN};
        if (ppoll(&poll, 1, &limit, NULL) > 0) receive(session, fd);
    }
    qsort(latencies, (size_t)finished, sizeof *latencies, ascending);
    printf("%.1f %.1f %.1f %ld\n", share(0.5), share(0.9), share(0.99), finished);
    nghttp2_session_del(session);
    free(calls);
    free(latencies);
    close(fd);
    return 0;
}
