#define _GNU_SOURCE
#include "names_native.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 5353

_Static_assert(sizeof(((names_source *)0)->address) >= sizeof(struct sockaddr_storage), "room for any address");

static int set(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value);
}

static socklen_t group(int six, uint32_t interface, struct sockaddr_storage *address) {
    memset(address, 0, sizeof *address);
    if (six) {
        struct sockaddr_in6 *to = (struct sockaddr_in6 *)address;
        to->sin6_family = AF_INET6;
        to->sin6_port = htons(PORT);
        to->sin6_scope_id = interface;
        inet_pton(AF_INET6, "ff02::fb", &to->sin6_addr);
        return sizeof *to;
    }
    struct sockaddr_in *to = (struct sockaddr_in *)address;
    to->sin_family = AF_INET;
    to->sin_port = htons(PORT);
    inet_pton(AF_INET, "224.0.0.251", &to->sin_addr);
    return sizeof *to;
}

static int prepare(int descriptor, int six) {
    if (set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) || set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)) return -1;
    if (six) {
        struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
        return set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1) || set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) ||
               set(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) || set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) ||
               bind(descriptor, (struct sockaddr *)&any, sizeof any);
    }
    /* What comes in by interfaces that nobody has joined on this socket is not for it. */
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    return set(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, 255) || set(descriptor, IPPROTO_IP, IP_MULTICAST_LOOP, 1) ||
           set(descriptor, IPPROTO_IP, IP_PKTINFO, 1) || set(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 0) ||
           bind(descriptor, (struct sockaddr *)&any, sizeof any);
}

int32_t names_multicast_open(int32_t six) {
    int descriptor = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && prepare(descriptor, six)) {
        int kept = errno;
        close(descriptor);
        errno = kept;
        return -1;
    }
    return descriptor;
}

int32_t names_multicast_join(int32_t descriptor, int32_t six, uint32_t interface) {
    int failed;
    if (six) {
        struct ipv6_mreq request = {.ipv6mr_interface = interface};
        inet_pton(AF_INET6, "ff02::fb", &request.ipv6mr_multiaddr);
        failed = setsockopt(descriptor, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
    } else {
        struct ip_mreqn request = {.imr_ifindex = (int)interface};
        inet_pton(AF_INET, "224.0.0.251", &request.imr_multiaddr);
        failed = setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
    }
    return failed && errno != EADDRINUSE ? -1 : 0;
}

int64_t names_multicast_send(int32_t descriptor, int32_t six, uint32_t interface, const void *bytes, size_t size) {
    struct sockaddr_storage to;
    union {
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        struct cmsghdr aligned;
    } control;
    struct iovec piece = {(void *)bytes, size};
    struct msghdr message = {.msg_name = &to, .msg_namelen = group(six, interface, &to), .msg_iov = &piece, .msg_iovlen = 1};
    memset(&control, 0, sizeof control);
    message.msg_control = control.room;
    message.msg_controllen = six ? CMSG_SPACE(sizeof(struct in6_pktinfo)) : CMSG_SPACE(sizeof(struct in_pktinfo));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (six) {
        struct in6_pktinfo by = {.ipi6_ifindex = interface};
        head->cmsg_level = IPPROTO_IPV6;
        head->cmsg_type = IPV6_PKTINFO;
        head->cmsg_len = CMSG_LEN(sizeof by);
        memcpy(CMSG_DATA(head), &by, sizeof by);
    } else {
        struct in_pktinfo by = {.ipi_ifindex = (int)interface};
        head->cmsg_level = IPPROTO_IP;
        head->cmsg_type = IP_PKTINFO;
        head->cmsg_len = CMSG_LEN(sizeof by);
        memcpy(CMSG_DATA(head), &by, sizeof by);
    }
    return sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int64_t names_multicast_receive(int32_t descriptor, void *bytes, size_t room, names_source *source) {
    union {
        char room[256];
        struct cmsghdr aligned;
    } control;
    struct iovec piece = {bytes, room};
    struct msghdr message = {.msg_name = source->address, .msg_namelen = sizeof source->address, .msg_iov = &piece, .msg_iovlen = 1,
                             .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t count = recvmsg(descriptor, &message, MSG_DONTWAIT);
    if (count < 0) return -1;
    source->address_size = message.msg_namelen;
    source->interface = 0;
    source->port = 0;
    source->to_all = 0;
    struct sockaddr_storage from;
    memcpy(&from, source->address, sizeof from);
    if (from.ss_family == AF_INET) source->port = ntohs(((struct sockaddr_in *)&from)->sin_port);
    if (from.ss_family == AF_INET6) source->port = ntohs(((struct sockaddr_in6 *)&from)->sin6_port);
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo by;
            memcpy(&by, CMSG_DATA(head), sizeof by);
            source->interface = (uint32_t)by.ipi_ifindex;
            source->to_all = IN_MULTICAST(ntohl(by.ipi_addr.s_addr));
        }
        if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo by;
            memcpy(&by, CMSG_DATA(head), sizeof by);
            source->interface = by.ipi6_ifindex;
            source->to_all = IN6_IS_ADDR_MULTICAST(&by.ipi6_addr);
        }
    }
    return count;
}

int64_t names_multicast_reply(int32_t descriptor, const void *bytes, size_t size, const names_source *source) {
    struct sockaddr_storage to;
    memcpy(&to, source->address, sizeof to);
    return sendto(descriptor, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, source->address_size);
}

void names_each_interface(int32_t six, void (*each)(void *argument, uint32_t interface, int32_t is_loopback), void *argument) {
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0) return;
    for (struct ifaddrs *one = all; one; one = one->ifa_next) {
        if (!one->ifa_addr || one->ifa_addr->sa_family != (six ? AF_INET6 : AF_INET) || !(one->ifa_flags & IFF_UP)) continue;
        /* The loopback interface carries it although it does not say so. */
        int is_loopback = (one->ifa_flags & IFF_LOOPBACK) != 0;
        if (!is_loopback && !(one->ifa_flags & IFF_MULTICAST)) continue;
        unsigned interface = if_nametoindex(one->ifa_name);
        if (interface) each(argument, interface, is_loopback);
    }
    freeifaddrs(all);
}
