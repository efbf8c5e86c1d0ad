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

/* The 4 or 16 bytes of an address that is a number; their count, or 0. */
int32_t names_address_bytes(const char *text, uint8_t *address);
/* The 4 or 16 bytes of an address as text, ended by a NUL; `room` is 46 at least. */
void names_address_text(const uint8_t *address, int32_t size, char *text, size_t room);

/* Multicast DNS: 224.0.0.251 and ff02::fb, port 5353. */

/* A socket on the port, which others of this machine may use, too; for IPv6 when `six` is not 0. -1 and errno. */
int32_t names_multicast_open(int32_t six);
/* Has the socket hear what comes in by that interface; 0, or -1 and errno. Once more changes nothing. */
int32_t names_multicast_join(int32_t descriptor, int32_t six, uint32_t interface);
/* Sends to all who listen behind that interface: bytes sent, or -1 and errno. */
int64_t names_multicast_send(int32_t descriptor, int32_t six, uint32_t interface, const void *bytes, size_t size);

/* Who has sent a datagram. */
typedef struct names_source {
    uint32_t interface;
    uint16_t port;
    uint16_t to_all; /* not 0: it was sent to a group, which no router passes on */
    uint8_t address[128]; /* a socket address */
    uint32_t address_size;
} names_source;

/* As names_receive, and says who. */
int64_t names_multicast_receive(int32_t descriptor, void *bytes, size_t room, names_source *source);
/* Answers one alone. */
int64_t names_multicast_reply(int32_t descriptor, const void *bytes, size_t size, const names_source *source);

/* Tells of each interface that is up and has an address of that kind. */
void names_each_interface(int32_t six, void (*each)(void *_Nullable argument, uint32_t interface, int32_t is_loopback),
                          void *_Nullable argument);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
