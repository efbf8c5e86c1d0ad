/* The C side of the names plugin: sockets, in a form that Swift can say. None of these blocks. */
#ifndef OCTAVO_NAMES_NATIVE_H
#define OCTAVO_NAMES_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/* A UDP socket to that server, which is a number, on a port of its own: it gets what comes from there alone. -1 and errno. */
int32_t names_udp_connect(const char *address, int32_t port);
/* Bytes sent, or -1 and errno. */
int64_t names_send(int32_t descriptor, const void *bytes, size_t size);
/* Bytes of the next datagram, cut off at `room`, or -1 and errno (EAGAIN: there is none). */
int64_t names_receive(int32_t descriptor, void *bytes, size_t room);

/* The 4 or 16 bytes of an address as text, ended by a NUL; `room` is 46 at least. */
void names_address_text(const uint8_t *address, int32_t size, char *text, size_t room);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
