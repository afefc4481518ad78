#define _GNU_SOURCE
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

bool address_parse(struct address *address, const char *host, unsigned port)
{
    memset(address, 0, sizeof *address);
    if (port > UINT16_MAX)
        return false;
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        address->length = sizeof address->v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        address->length = sizeof address->v6;
        return true;
    }
    return false;
}

static uint16_t port_of(const struct address *address)
{
    return ntohs(address->base.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

static bool v4_allowed(uint32_t host)
{
    return host >> 24 != 0 && host >> 28 < 14; /* "this network"; multicast, class E and broadcast */
}

bool address_allowed(const struct address *address)
{
    if (port_of(address) < 1024)
        return false;
    if (address->base.sa_family == AF_INET)
        return v4_allowed(ntohl(address->v4.sin_addr.s_addr));
    const struct in6_addr *host = &address->v6.sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(host)) {
        uint32_t mapped;
        memcpy(&mapped, host->s6_addr + 12, sizeof mapped);
        return v4_allowed(ntohl(mapped));
    }
    return !IN6_IS_ADDR_MULTICAST(host) && !IN6_IS_ADDR_UNSPECIFIED(host);
}

struct address address_for_family(struct address address, int family)
{
    if (family != AF_INET6 || address.base.sa_family != AF_INET)
        return address;
    struct address mapped = {.length = sizeof mapped.v6};
    mapped.v6.sin6_family = AF_INET6;
    mapped.v6.sin6_port = address.v4.sin_port;
    mapped.v6.sin6_addr.s6_addr[10] = mapped.v6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(mapped.v6.sin6_addr.s6_addr + 12, &address.v4.sin_addr, 4);
    return mapped;
}

int address_bind(struct address host, unsigned port)
{
    int fd = socket(host.base.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int on = 1, off = 0, expedited = IPTOS_DSCP_EF;
    /* Wishes, not needs: the stream works without the mark and with its own reading of the clock. */
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (host.base.sa_family == AF_INET) {
        host.v4.sin_port = htons((uint16_t)port);
        setsockopt(fd, IPPROTO_IP, IP_TOS, &expedited, sizeof expedited);
    } else {
        host.v6.sin6_port = htons((uint16_t)port);
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &expedited, sizeof expedited);
        if (IN6_IS_ADDR_UNSPECIFIED(&host.v6.sin6_addr)) {
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
            setsockopt(fd, IPPROTO_IP, IP_TOS, &expedited, sizeof expedited); /* what goes to IPv4 peers */
        }
    }
    if (bind(fd, &host.base, host.length) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}
