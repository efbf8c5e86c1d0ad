#define _GNU_SOURCE
#include "names_native.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int32_t names_udp_connect(const char *address, int32_t port) {
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found = NULL;
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int descriptor = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && connect(descriptor, found->ai_addr, found->ai_addrlen) != 0) {
        int kept = errno;
        close(descriptor);
        errno = kept;
        descriptor = -1;
    }
    freeaddrinfo(found);
    return descriptor;
}

int64_t names_send(int32_t descriptor, const void *bytes, size_t size) {
    return send(descriptor, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int64_t names_receive(int32_t descriptor, void *bytes, size_t room) { return recv(descriptor, bytes, room, MSG_DONTWAIT); }

void names_address_text(const uint8_t *address, int32_t size, char *text, size_t room) {
    if (!inet_ntop(size == 4 ? AF_INET : AF_INET6, address, text, (socklen_t)room)) text[0] = 0;
}

int32_t names_address_bytes(const char *text, uint8_t *address) {
    if (inet_pton(AF_INET, text, address) == 1) return 4;
    if (inet_pton(AF_INET6, text, address) == 1) return 16;
    return 0;
}
