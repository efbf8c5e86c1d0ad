#define _GNU_SOURCE
#include "octavo_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "octavo_channel.h"
#include "octavo_ring.h"

/* Counts up with each change of a segment, a message or a flattened structure. */
#define PROTOCOL "2"

octavo_str octavo_build_id(void) {
    static const char id[] = "octavo-helper/" PROTOCOL;
    return (octavo_str){id, sizeof id - 1};
}

static int send_all(int socket, const void *data, uint64_t size) {
    const uint8_t *at = data;
    while (size) {
        ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno;
        at += sent;
        size -= (uint64_t)sent;
    }
    return 0;
}

int octavo_message_send(int socket, octavo_message message, const octavo_layout *layout, const void *structure) {
    uint64_t size = structure && layout ? octavo_flat_size(layout, structure) : 0;
    uint8_t *memory;
    int failed;
    if (size == OCTAVO_FLAT_INVALID) return EINVAL;
    if (size > OCTAVO_MESSAGE_MAX) return E2BIG;
    message.length = (uint32_t)size;
    memory = malloc(sizeof message + size);
    if (!memory) return ENOMEM;
    memcpy(memory, &message, sizeof message);
    if (size) octavo_flatten(layout, structure, memory + sizeof message, size, 1);
    failed = send_all(socket, memory, sizeof message + size);
    /* Settings of a component are among the bodies. */
    explicit_bzero(memory, sizeof message + size);
    free(memory);
    return failed;
}

int octavo_message_send_bytes(int socket, octavo_message message, octavo_bytes body) {
    int failed;
    if (body.size > OCTAVO_MESSAGE_MAX) return E2BIG;
    message.length = (uint32_t)body.size;
    failed = send_all(socket, &message, sizeof message);
    return failed || !body.size ? failed : send_all(socket, body.data, body.size);
}

static int receive_all(int socket, void *data, uint64_t size) {
    uint8_t *at = data;
    while (size) {
        ssize_t got = recv(socket, at, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno == ECONNRESET ? EPIPE : errno;
        if (got == 0) return EPIPE;
        at += got;
        size -= (uint64_t)got;
    }
    return 0;
}

int octavo_message_receive(int socket, octavo_message *message, void **body) {
    int failed = receive_all(socket, message, sizeof *message);
    *body = NULL;
    if (failed) return failed;
    if (message->type == 0 || message->type >= OCTAVO_MESSAGE_LAST || message->length > OCTAVO_MESSAGE_MAX) return EPROTO;
    if (!message->length) return 0;
    *body = malloc(message->length);
    if (!*body) return ENOMEM;
    failed = receive_all(socket, *body, message->length);
    if (!failed) return 0;
    free(*body);
    *body = NULL;
    return failed;
}

void *octavo_message_body(const octavo_layout *layout, const void *body, uint32_t length) {
    void *memory;
    if (!body || length < layout->size) return NULL;
    memory = malloc(((uint64_t)length + 7) & ~7ull);
    if (!memory) return NULL;
    if (octavo_unflatten(layout, body, length, memory, ((uint64_t)length + 7) & ~7ull, UINT64_MAX) == OCTAVO_FLAT_INVALID) {
        free(memory);
        return NULL;
    }
    return memory;
}
