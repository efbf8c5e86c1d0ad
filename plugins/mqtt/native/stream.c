#define _GNU_SOURCE
#include "mqtt_native.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct mqtt_stream {
    int descriptor;
    plugin_tls_session *session;
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int await(int descriptor, short events, int64_t end) {
    struct pollfd one = {.fd = descriptor, .events = events};
    int64_t left = end - now();
    return left > 0 && poll(&one, 1, (int)left) > 0;
}

/* A connected socket; -1 and errno otherwise. */
static int reach(const struct addrinfo *address, int64_t end) {
    int number = 0, one = 1;
    socklen_t size = sizeof number;
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(descriptor, address->ai_addr, address->ai_addrlen) < 0) {
        if (errno != EINPROGRESS) number = errno;
        else if (!await(descriptor, POLLOUT, end)) number = ETIMEDOUT;
        else getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size);
    }
    if (!number) return descriptor;
    close(descriptor);
    errno = number;
    return -1;
}

static int encrypt(mqtt_stream *stream, plugin_tls *tls, const char *host, int64_t end, char *error, size_t size) {
    int32_t answer;
    stream->session = plugin_tls_open(tls, stream->descriptor, host);
    if (!stream->session) {
        snprintf(error, size, "there is no memory for TLS");
        return 0;
    }
    while ((answer = plugin_tls_handshake(stream->session)) != 1) {
        if (answer == PLUGIN_TLS_FAILED) {
            plugin_tls_error(stream->session, error, size);
            return 0;
        }
        if (!await(stream->descriptor, answer == PLUGIN_TLS_WANT_READ ? POLLIN : POLLOUT, end)) {
            snprintf(error, size, "it does not answer in time");
            return 0;
        }
    }
    return 1;
}

mqtt_stream *mqtt_open(const char *host, const char *port, plugin_tls *tls, int32_t timeout, char *error, size_t size) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV}, *found = NULL, *address;
    mqtt_stream *stream = calloc(1, sizeof *stream);
    int64_t end;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code || !stream) {
        snprintf(error, size, "%s", code ? gai_strerror(code) : "there is no memory");
        if (!code) freeaddrinfo(found);
        free(stream);
        return NULL;
    }
    end = now() + timeout;
    stream->descriptor = -1;
    for (address = found; address && stream->descriptor < 0; address = address->ai_next) {
        stream->descriptor = reach(address, end);
        if (stream->descriptor < 0) snprintf(error, size, "%s", strerror(errno));
    }
    freeaddrinfo(found);
    if (stream->descriptor >= 0 && (!tls || encrypt(stream, tls, host, end, error, size))) return stream;
    mqtt_close(stream);
    return NULL;
}

void mqtt_close(mqtt_stream *stream) {
    if (!stream) return;
    plugin_tls_close(stream->session);
    if (stream->descriptor >= 0) close(stream->descriptor);
    free(stream);
}

int32_t mqtt_descriptor(mqtt_stream *stream) { return stream->descriptor; }

static int64_t moved(mqtt_stream *stream, int64_t count, char *error, size_t size) {
    if (count > 0) return count;
    if (stream->session) {
        if (count == PLUGIN_TLS_WANT_READ || count == PLUGIN_TLS_WANT_WRITE) return MQTT_LATER;
        if (count < 0) {
            plugin_tls_error(stream->session, error, size);
            return MQTT_FAILED;
        }
    } else if (count < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return MQTT_LATER;
        snprintf(error, size, "%s", strerror(errno));
        return MQTT_FAILED;
    }
    snprintf(error, size, "the server ended the connection");
    return MQTT_FAILED;
}

int64_t mqtt_read(mqtt_stream *stream, void *memory, size_t size, char *error, size_t error_size) {
    int64_t count = stream->session ? plugin_tls_read(stream->session, memory, size) : recv(stream->descriptor, memory, size, 0);
    return moved(stream, count, error, error_size);
}

int64_t mqtt_write(mqtt_stream *stream, const void *memory, size_t size, char *error, size_t error_size) {
    int64_t count =
        stream->session ? plugin_tls_write(stream->session, memory, size) : send(stream->descriptor, memory, size, MSG_NOSIGNAL);
    return moved(stream, count, error, error_size);
}
