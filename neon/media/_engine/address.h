/* Numeric addresses of both families, and sockets bound to them. */
#ifndef NEON_ADDRESS_H
#define NEON_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct address {
    union {
        struct sockaddr base;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t length;
};

/* Reads a numeric host; false if it is none. */
bool address_parse(struct address *address, const char *host, unsigned port);

/* False for addresses that media must never be sent to: unspecified, multicast, broadcast, ports below 1024. */
bool address_allowed(const struct address *address);

/* As a socket of that family knows it: one of IPv6 knows IPv4 peers by their mapped addresses. */
struct address address_for_family(struct address address, int family);

/* A UDP socket on that port of the host, marked for audio, that tells when packets arrived; -1 with errno set. */
int address_bind(struct address host, unsigned port);

#endif
