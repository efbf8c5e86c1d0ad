// The limit of the technique: one thread, epoll, libnghttp2, and nothing between them. Every POST that carries one
// whole gRPC message is answered with the same message, given in a file. No server on libnghttp2 can do less work and
// still speak gRPC, so what a runtime adds is its distance from this program.
//
//     limit REPLY_FILE      listens on a free port of 127.0.0.1 and prints "port N"

#define _GNU_SOURCE  // accept4
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_SIZE = 64 * 1024,
    WRITE_SIZE = 64 * 1024,
    REPLY_LIMIT = 16 * 1024,
    GRPC_PREFIX_SIZE = 5,  // one byte of flags, four of length
    MAX_STREAMS = 256,
    MAX_EVENTS = 64,
};

/// What is known of a request.
struct stream {
    struct stream *next_free;
    uint64_t received;
    uint8_t prefix[GRPC_PREFIX_SIZE];
    bool is_post;
};

struct connection {
    nghttp2_session *session;
    int fd;
    bool waits_for_output;
    size_t out_start, out_end;
    uint8_t out[WRITE_SIZE];
    struct stream *free_streams;
    struct stream streams[MAX_STREAMS];
};

static uint8_t reply[REPLY_LIMIT];
static size_t reply_size;
static int epoll_fd;

#define FIELD(name, value)                                                                                    \
    {(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1,                              \
     NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE}

static const nghttp2_nv ok_headers[] = {FIELD(":status", "200"), FIELD("content-type", "application/grpc")};
static const nghttp2_nv ok_trailers[] = {FIELD("grpc-status", "0")};
static const nghttp2_nv broken_message[] = {
    FIELD(":status", "200"), FIELD("content-type", "application/grpc"), FIELD("grpc-status", "13")};
static const nghttp2_nv wrong_method[] = {FIELD(":status", "405")};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/// Null when the caller has more streams open than it was allowed.
static struct stream *stream_take(struct connection *connection) {
    struct stream *stream = connection->free_streams;
    if (stream) {
        connection->free_streams = stream->next_free;
        memset(stream, 0, sizeof *stream);
    }
    return stream;
}

static void stream_give_back(struct connection *connection, struct stream *stream) {
    stream->next_free = connection->free_streams;
    connection->free_streams = stream;
}

/// True when the body was exactly one uncompressed gRPC message.
static bool message_is_whole(const struct stream *stream) {
    const uint8_t *p = stream->prefix;
    uint64_t length = (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
    return stream->received >= GRPC_PREFIX_SIZE && p[0] == 0 && stream->received == length + GRPC_PREFIX_SIZE;
}

static ssize_t read_reply(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                          nghttp2_data_source *source, void *user) {
    (void)user;
    // The offset into the reply lives in the source itself: a reply may leave in several frames when the peer's
    // window is small.
    size_t sent = (size_t)source->fd;
    size_t count = reply_size - sent < room ? reply_size - sent : room;
    memcpy(to, reply + sent, count);
    source->fd = (int)(sent + count);
    if (sent + count == reply_size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, id, ok_trailers, COUNT(ok_trailers)) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return (ssize_t)count;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct stream *stream = stream_take(user);
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *user) {
    (void)flags, (void)user;
    if (name_size == 7 && value_size == 4 && memcmp(name, ":method", 7) == 0 && memcmp(value, "POST", 4) == 0) {
        struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        if (stream)
            stream->is_post = true;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t size, void *user) {
    (void)flags, (void)user;
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (!stream)
        return 0;
    for (size_t i = 0; i < size && stream->received + i < GRPC_PREFIX_SIZE; i++)
        stream->prefix[stream->received + i] = data[i];
    stream->received += size;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)user;
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    int32_t id = frame->hd.stream_id;
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (!stream)
        return 0;
    if (!stream->is_post)
        return nghttp2_submit_response(session, id, wrong_method, COUNT(wrong_method), NULL);
    if (!message_is_whole(stream))
        return nghttp2_submit_response(session, id, broken_message, COUNT(broken_message), NULL);
    nghttp2_data_provider body = {.source = {.fd = 0}, .read_callback = read_reply};
    return nghttp2_submit_response(session, id, ok_headers, COUNT(ok_headers), &body);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
    (void)code;
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (stream) {
        nghttp2_session_set_stream_user_data(session, id, NULL);
        stream_give_back(user, stream);
    }
    return 0;
}

static void connection_close(struct connection *connection) {
    nghttp2_session_del(connection->session);
    close(connection->fd);
    free(connection);
}

static bool watch(struct connection *connection, bool output) {
    if (connection->waits_for_output == output)
        return true;
    connection->waits_for_output = output;
    struct epoll_event event = {.events = output ? EPOLLOUT : EPOLLIN, .data.ptr = connection};
    return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) == 0;
}

/// Sends what libnghttp2 has to say, many frames to a write. False when the connection is over.
static bool flush(struct connection *c) {
    for (;;) {
        while (c->out_end < WRITE_SIZE) {
            const uint8_t *bytes;
            // One frame at a time, 16 KiB and a header at most: stop while one more might not fit.
            if (c->out_end + (17 * 1024) > WRITE_SIZE)
                break;
            ssize_t size = nghttp2_session_mem_send(c->session, &bytes);
            if (size < 0)
                return false;
            if (size == 0)
                break;
            memcpy(c->out + c->out_end, bytes, (size_t)size);
            c->out_end += (size_t)size;
        }
        if (c->out_end == 0)
            return watch(c, false) && (nghttp2_session_want_read(c->session) || nghttp2_session_want_write(c->session));
        ssize_t written = write(c->fd, c->out + c->out_start, c->out_end - c->out_start);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            // Nothing more is read from a caller who does not read: memory stays bounded.
            return (errno == EAGAIN || errno == EWOULDBLOCK) && watch(c, true);
        }
        c->out_start += (size_t)written;
        if (c->out_start == c->out_end)
            c->out_start = c->out_end = 0;
    }
}

static bool receive(struct connection *c) {
    static uint8_t buffer[READ_SIZE];
    ssize_t size = read(c->fd, buffer, sizeof buffer);
    if (size < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (size == 0)
        return false;
    return nghttp2_session_mem_recv(c->session, buffer, (size_t)size) == size && flush(c);
}

static bool session_open(struct connection *c) {
    static nghttp2_session_callbacks *callbacks;
    static nghttp2_option *option;
    if (!callbacks) {
        if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
            return false;
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_option_set_no_closed_streams(option, 1);  // priorities of closed streams are of no use here
    }
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS}};
    return nghttp2_session_server_new2(&c->session, callbacks, c, option) == 0 &&
           nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, COUNT(settings)) == 0;
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct connection *c = calloc(1, sizeof *c);
        if (!c) {
            close(fd);
            continue;
        }
        c->fd = fd;
        for (size_t i = 0; i < MAX_STREAMS; i++)
            stream_give_back(c, &c->streams[i]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (!session_open(c) || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0 || !flush(c))
            connection_close(c);
    }
}

static bool load_reply(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    reply_size = fread(reply, 1, sizeof reply, file);
    bool whole = reply_size > 0 && !ferror(file) && fgetc(file) == EOF;
    fclose(file);
    return whole;
}

static int listen_on_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return -1;
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 2 || !load_reply(argv[1])) {
        fprintf(stderr, "usage: limit REPLY_FILE (1 to %d bytes: one gRPC message with its prefix)\n", REPLY_LIMIT);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on_free_port();
    struct epoll_event first = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_fd < 0 || listener < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &first) != 0) {
        perror("limit: cannot listen on 127.0.0.1");
        return 1;
    }
    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int count = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c)
                accept_all(listener);
            else if (!(events[i].events & EPOLLOUT ? flush(c) : receive(c)))
                connection_close(c);
        }
    }
}
