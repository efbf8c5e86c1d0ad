// Load on the messages and locks of a runtime over gRPC: one thread, poll, libnghttp2.
//
//     messages_load PORT publish SECONDS DEPTH RATE    publishes to the topic "bench" of "bus" and hears of it over one stream.
//                                                      DEPTH publications and at most 256 events are under way; RATE a second,
//                                                      0: as many as go. Prints delivered, seconds, and p50 and p99 in µs.
//     messages_load PORT lock SECONDS DEPTH            locks and unlocks DEPTH resources of "locks". Prints pairs and seconds.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 64, WINDOW = 256, BODY_LIMIT = 512, LATENCIES = 1 << 20, OUT = 1 << 20, MESSAGE_LIMIT = 1 << 16 };

struct body {
    size_t size, sent;
    uint8_t bytes[BODY_LIMIT];
    int chain; // of locks
    bool unlocks;
    struct body *next_free;
};

struct connection {
    int fd;
    nghttp2_session *session;
    size_t out_start, out_end;
    uint8_t out[OUT];
};

static struct connection publishing, subscribing;
static struct body *free_bodies;
static int32_t stream_id;
static uint8_t answers[OUT];
static size_t answers_start, answers_end;
static uint8_t message[MESSAGE_LIMIT];
static size_t message_size;
static bool is_subscribed, is_locking, is_over;
static long in_flight, published, delivered, pairs;
static uint32_t *latencies;
static long latency_count;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void fail(const char *text)
{
    fprintf(stderr, "messages_load: %s\n", text);
    exit(1);
}

// MARK: Protocol buffers

static size_t put(uint8_t *at, int field, const void *bytes, size_t size)
{
    at[0] = (uint8_t)(field << 3 | 2);
    at[1] = (uint8_t)size; // below 128
    memcpy(at + 2, bytes, size);
    return size + 2;
}

static size_t put_text(uint8_t *at, int field, const char *text) { return put(at, field, text, strlen(text)); }

/// The bytes of a field; false when there is none, or the message is broken.
static bool find(const uint8_t *at, size_t size, int wanted, const uint8_t **found, size_t *found_size)
{
    const uint8_t *end = at + size;
    while (at < end) {
        uint64_t values[2] = {0, 0};
        for (int which = 0; which < 2; which++) {
            for (int shift = 0;; shift += 7) {
                if (at == end || shift > 56) return false;
                values[which] |= (uint64_t)(*at & 127) << shift;
                if (!(*at++ & 128)) break;
            }
            if (which == 0 && (values[0] & 7) != 2 && (values[0] & 7) != 0) return false;
        }
        if ((values[0] & 7) == 0) continue; // a number
        if (values[1] > (uint64_t)(end - at)) return false;
        if ((int)(values[0] >> 3) == wanted) {
            *found = at;
            *found_size = values[1];
            return true;
        }
        at += values[1];
    }
    return false;
}

static void frame(uint8_t *at, size_t size)
{
    at[0] = 0;
    at[1] = (uint8_t)(size >> 24), at[2] = (uint8_t)(size >> 16), at[3] = (uint8_t)(size >> 8), at[4] = (uint8_t)size;
}

// MARK: Requests

#define FIELD(name, value) {(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE}
#define REQUEST(path)                                                                                                        \
    {FIELD(":method", "POST"), FIELD(":scheme", "http"), FIELD(":path", "/dapr.proto.runtime.v1.Dapr/" path),                \
     FIELD(":authority", "127.0.0.1"), FIELD("content-type", "application/grpc"), FIELD("te", "trailers")}
static const nghttp2_nv publish_fields[] = REQUEST("PublishEvent");
static const nghttp2_nv subscribe_fields[] = REQUEST("SubscribeTopicEventsAlpha1");
static const nghttp2_nv lock_fields[] = REQUEST("TryLockAlpha1");
static const nghttp2_nv unlock_fields[] = REQUEST("UnlockAlpha1");

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t limit, uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)id, (void)user;
    struct body *body = source->ptr;
    size_t count = body->size - body->sent < limit ? body->size - body->sent : limit;
    memcpy(to, body->bytes + body->sent, count);
    body->sent += count;
    if (body->sent == body->size) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

static ssize_t read_answers(nghttp2_session *session, int32_t id, uint8_t *to, size_t limit, uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)id, (void)user, (void)source, (void)flags;
    size_t count = answers_end - answers_start < limit ? answers_end - answers_start : limit;
    if (count == 0) return NGHTTP2_ERR_DEFERRED;
    memcpy(to, answers + answers_start, count);
    answers_start += count;
    if (answers_start == answers_end) answers_start = answers_end = 0;
    return (ssize_t)count;
}

static struct body *make_body(void)
{
    struct body *body = free_bodies;
    if (body) free_bodies = body->next_free;
    else body = malloc(sizeof *body);
    if (!body) fail("no memory");
    body->sent = 0;
    return body;
}

static void submit(const nghttp2_nv *fields, struct body *body)
{
    nghttp2_data_provider provider = {.source = {.ptr = body}, .read_callback = read_body};
    if (nghttp2_submit_request(publishing.session, NULL, fields, 6, &provider, body) < 0) fail("a request can't be made");
    in_flight++;
}

static void publish(void)
{
    struct body *body = make_body();
    char data[PAYLOAD + 1];
    snprintf(data, sizeof data, "%0*lld", PAYLOAD, (long long)now());
    uint8_t *at = body->bytes + 5;
    at += put_text(at, 1, "bus");
    at += put_text(at, 2, "bench");
    at += put(at, 3, data, PAYLOAD);
    at += put_text(at, 4, "text/plain");
    body->size = (size_t)(at - body->bytes);
    frame(body->bytes, body->size - 5);
    submit(publish_fields, body);
    published++;
}

static void lock(int chain, bool unlocks)
{
    struct body *body = make_body();
    char resource[32];
    snprintf(resource, sizeof resource, "resource-%d", chain);
    body->chain = chain;
    body->unlocks = unlocks;
    uint8_t *at = body->bytes + 5;
    at += put_text(at, 1, "locks");
    at += put_text(at, 2, resource);
    at += put_text(at, 3, "owner");
    if (!unlocks) *at++ = 4 << 3, *at++ = 60;
    body->size = (size_t)(at - body->bytes);
    frame(body->bytes, body->size - 5);
    submit(unlocks ? unlock_fields : lock_fields, body);
}

static void answer(const uint8_t *id, size_t size)
{
    uint8_t processed[160], *at = processed;
    at += put(at, 1, id, size);
    at += put(at, 2, "", 0); // SUCCESS
    if (answers_end + 200 > sizeof answers) fail("the runtime takes no answers");
    uint8_t *out = answers + answers_end;
    size_t length = put(out + 5, 2, processed, (size_t)(at - processed));
    frame(out, length);
    answers_end += length + 5;
}

// MARK: What comes

static void took_event(const uint8_t *bytes, size_t size)
{
    const uint8_t *event, *id, *data;
    size_t event_size, id_size, data_size;
    if (!find(bytes, size, 2, &event, &event_size)) {
        is_subscribed = true;
        return;
    }
    if (!find(event, event_size, 1, &id, &id_size) || id_size > 100 || !find(event, event_size, 7, &data, &data_size) || data_size != PAYLOAD)
        fail("an event is not what was published");
    char text[PAYLOAD + 1];
    memcpy(text, data, PAYLOAD);
    text[PAYLOAD] = 0;
    int64_t took = now() - strtoll(text, NULL, 10);
    if (latency_count < LATENCIES) latencies[latency_count++] = (uint32_t)(took / 1000);
    delivered++;
    answer(id, id_size);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t size, void *user)
{
    (void)flags;
    if (is_locking) { // LOCK: success = true; UNLOCK: SUCCESS, which is 0
        struct body *body = nghttp2_session_get_stream_user_data(session, id);
        if (body->unlocks ? size != 5 : size != 7 || bytes[6] != 1) fail("a lock was not had, or not given back");
    }
    if (user != &subscribing || id != stream_id) return 0;
    if (message_size + size > sizeof message) fail("an event is too large");
    memcpy(message + message_size, bytes, size);
    message_size += size;
    size_t at = 0;
    while (message_size - at >= 5) {
        const uint8_t *head = message + at;
        size_t length = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
        if (message_size - at - 5 < length) break;
        took_event(head + 5, length);
        at += 5 + length;
    }
    memmove(message, message + at, message_size - at);
    message_size -= at;
    if (answers_end > answers_start) nghttp2_session_resume_data(session, stream_id);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *user)
{
    (void)session, (void)frame, (void)flags, (void)user;
    if (name_size == 11 && !memcmp(name, "grpc-status", 11) && (size != 1 || value[0] != '0')) fail("a call was refused");
    if (name_size == 12 && !memcmp(name, "grpc-message", 12)) fprintf(stderr, "%.*s\n", (int)size, (const char *)value);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct body *body = nghttp2_session_get_stream_user_data(session, id);
    if (error) fail("a stream was reset");
    if (user == &subscribing) fail("the subscription has ended");
    in_flight--;
    if (is_locking) {
        if (body->unlocks) pairs++;
        if (!is_over || !body->unlocks) lock(body->chain, !body->unlocks);
    }
    body->next_free = free_bodies;
    free_bodies = body;
    return 0;
}

// MARK: Connections

static void open_connection(struct connection *connection, int port)
{
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("the runtime can't be reached");
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&connection->session, callbacks, connection);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 24}};
    nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 1);
    nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
}

static void flush(struct connection *connection)
{
    for (;;) {
        while (connection->out_end < OUT / 2) {
            const uint8_t *bytes;
            ssize_t count = nghttp2_session_mem_send(connection->session, &bytes);
            if (count < 0) fail("a frame can't be made");
            if (count == 0) break;
            memcpy(connection->out + connection->out_end, bytes, (size_t)count);
            connection->out_end += (size_t)count;
        }
        if (connection->out_start == connection->out_end) return;
        ssize_t count = write(connection->fd, connection->out + connection->out_start, connection->out_end - connection->out_start);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) fail("the runtime has closed the connection");
        connection->out_start += (size_t)count;
        if (connection->out_start == connection->out_end) connection->out_start = connection->out_end = 0;
    }
}

static void receive(struct connection *connection)
{
    static uint8_t in[1 << 16];
    ssize_t count = read(connection->fd, in, sizeof in);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("the runtime has closed the connection");
    if (nghttp2_session_mem_recv(connection->session, in, (size_t)count) < 0) fail("the runtime breaks HTTP/2");
}

static void turn(int timeout)
{
    flush(&publishing);
    if (!is_locking) flush(&subscribing);
    struct pollfd fds[2] = {{publishing.fd, POLLIN, 0}, {subscribing.fd, POLLIN, 0}};
    if (publishing.out_end > publishing.out_start) fds[0].events |= POLLOUT;
    if (subscribing.out_end > subscribing.out_start) fds[1].events |= POLLOUT;
    poll(fds, is_locking ? 1 : 2, timeout);
    if (fds[0].revents & ~POLLOUT) receive(&publishing);
    if (!is_locking && fds[1].revents & ~POLLOUT) receive(&subscribing);
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void measure_locks(double seconds, int depth)
{
    for (int chain = 0; chain < depth; chain++) lock(chain, false);
    int64_t start = now(), end = start + (int64_t)(seconds * 1e9);
    while (now() < end) turn(100);
    printf("{\"pairs\": %ld, \"seconds\": %.6f}\n", pairs, (double)(now() - start) / 1e9);
    // Every resource is free again for the next run.
    is_over = true;
    while (in_flight > 0) turn(100);
}

static void measure_messages(double seconds, long depth, double rate)
{
    while (!is_subscribed) turn(1000);
    int64_t start = now(), end = start + (int64_t)(seconds * 1e9);
    for (;;) {
        int64_t time = now();
        if (time >= end) break;
        long due = rate > 0 ? (long)((double)(time - start) / 1e9 * rate) : published + depth;
        while (published < due && in_flight < depth && published - delivered < WINDOW) publish();
        turn(rate > 0 ? 1 : 1000);
    }
    double took = (double)(now() - start) / 1e9;
    long counted = delivered;
    while (delivered < published && now() < end + 10000000000ll) turn(100);
    // What is not answered would come again, to the next run.
    for (int64_t settled = now() + 200000000ll; now() < settled || answers_end > answers_start;) turn(20);
    if (delivered != published) fail("not everything that was published was delivered once");
    qsort(latencies, (size_t)latency_count, sizeof *latencies, by_size);
    printf("{\"delivered\": %ld, \"seconds\": %.6f, \"p50_us\": %u, \"p99_us\": %u}\n", counted, took,
           latencies[latency_count / 2], latencies[latency_count * 99 / 100]);
}

int main(int count, char **arguments)
{
    if (count < 5) fail("usage: messages_load PORT publish|lock SECONDS DEPTH [RATE]");
    int port = atoi(arguments[1]);
    is_locking = !strcmp(arguments[2], "lock");
    latencies = malloc(LATENCIES * sizeof *latencies);
    if (!latencies) fail("no memory");
    open_connection(&publishing, port);
    if (is_locking) {
        measure_locks(atof(arguments[3]), atoi(arguments[4]));
        return 0;
    }
    open_connection(&subscribing, port);
    uint8_t initial[64], *at = initial;
    at += put_text(at, 1, "bus");
    at += put_text(at, 2, "bench");
    size_t length = put(answers + 5, 1, initial, (size_t)(at - initial));
    frame(answers, length);
    answers_end = length + 5;
    nghttp2_data_provider provider = {.read_callback = read_answers};
    stream_id = nghttp2_submit_request(subscribing.session, NULL, subscribe_fields, 6, &provider, NULL);
    measure_messages(atof(arguments[3]), atol(arguments[4]), count > 5 ? atof(arguments[5]) : 0);
    return 0;
}
