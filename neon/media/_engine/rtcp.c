#include "rtcp.h"

#include <string.h>

enum { SR = 200, RR = 201, SDES = 202, BYE = 203, APP = 204, SDES_CNAME = 1 };
enum { SENDER_INFO = 20, REPORT_BLOCK = 24 };

#define INTERVAL_NS UINT64_C(5000000000)

static uint32_t read32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static uint8_t *put32(uint8_t *data, uint32_t value)
{
    data[0] = (uint8_t)(value >> 24);
    data[1] = (uint8_t)(value >> 16);
    data[2] = (uint8_t)(value >> 8);
    data[3] = (uint8_t)value;
    return data + 4;
}

void rtcp_begin(struct rtcp_session *session, uint32_t ssrc, uint64_t now, uint32_t random)
{
    session->ssrc = ssrc;
    session->seed = random | 1;
    rtcp_schedule(session, now, true);
}

void rtcp_schedule(struct rtcp_session *session, uint64_t now, bool first)
{
    session->seed ^= session->seed << 13;
    session->seed ^= session->seed >> 17;
    session->seed ^= session->seed << 5;
    uint64_t interval = INTERVAL_NS / 2 + INTERVAL_NS / 1024 * (session->seed & 1023);
    session->next = now + (first ? interval / 2 : interval);
}

static uint32_t clock_of(const struct rtcp_session *session)
{
    return session->clock > 0 ? session->clock : 1;
}

static void write_report_block(struct rtcp_session *session, uint8_t *data, struct rtp_receiver *receiver, uint64_t now)
{
    uint32_t expected = rtp_expected(receiver);
    int32_t expected_now = (int32_t)(expected - receiver->expected_prior);
    int32_t lost_now = expected_now - (int32_t)(receiver->received - receiver->received_prior);
    receiver->expected_prior = expected;
    receiver->received_prior = receiver->received;
    uint32_t fraction = expected_now > 0 && lost_now > 0 ? (uint32_t)((int64_t)lost_now * 256 / expected_now) : 0;
    int32_t lost = (int32_t)(expected - receiver->received);
    lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
    data = put32(data, receiver->ssrc);
    data = put32(data, (fraction > 255 ? 255 : fraction) << 24 | ((uint32_t)lost & 0xffffff));
    data = put32(data, receiver->cycles + receiver->max_sequence);
    data = put32(data, receiver->jitter * clock_of(session) >> 4);
    uint64_t delay = session->heard_report ? (now - session->last_arrival) / 1000 * 65536 / 1000000 : 0;
    data = put32(data, session->heard_report ? session->last_report : 0);
    put32(data, (uint32_t)delay);
}

/* The common header; the length field counts 32-bit words less one. */
static void write_header(uint8_t *data, unsigned count, unsigned type, size_t length)
{
    data[0] = (uint8_t)(0x80 | count);
    data[1] = (uint8_t)type;
    data[2] = (uint8_t)((length / 4 - 1) >> 8);
    data[3] = (uint8_t)(length / 4 - 1);
}

size_t rtcp_write(struct rtcp_session *session, uint8_t *data, struct rtp_receiver *receiver,
                  const struct rtcp_sent *sent, uint64_t now, uint64_t ntp, bool bye)
{
    bool sender = sent->packets != session->packets_reported;
    unsigned blocks = receiver->valid ? 1 : 0;
    session->packets_reported = sent->packets;
    size_t length = 8 + (sender ? SENDER_INFO : 0) + REPORT_BLOCK * (size_t)blocks;
    write_header(data, blocks, sender ? SR : RR, length);
    uint8_t *next = put32(data + 4, session->ssrc);
    if (sender) {
        next = put32(next, (uint32_t)(ntp >> 32));
        next = put32(next, (uint32_t)ntp);
        next = put32(next, sent->timestamp);
        next = put32(next, sent->packets);
        next = put32(next, sent->octets);
    }
    if (blocks > 0)
        write_report_block(session, next, receiver, now);

    uint8_t *sdes = data + length;
    size_t sdes_length = (8 + 2 + RTCP_CNAME + 1 + 3) & ~(size_t)3; /* at least one zero octet ends the chunk */
    memset(sdes, 0, sdes_length);
    write_header(sdes, 1, SDES, sdes_length);
    put32(sdes + 4, session->ssrc);
    sdes[8] = SDES_CNAME;
    sdes[9] = RTCP_CNAME;
    memcpy(sdes + 10, session->cname, RTCP_CNAME);
    length += sdes_length;
    if (bye) {
        write_header(data + length, 1, BYE, 8);
        put32(data + length + 4, session->ssrc);
        length += 8;
    }
    return length;
}

/* Appendix A.2: begins with SR or RR without padding, and the lengths add up. */
static bool is_compound(const uint8_t *data, size_t length)
{
    if (length < 8 || (data[0] & 0xe0) != 0x80 || (data[1] != SR && data[1] != RR))
        return false;
    while (length > 0) {
        if (length < 4 || data[0] >> 6 != 2 || data[1] < SR)
            return false;
        size_t size = 4 * (((size_t)data[2] << 8 | data[3]) + 1);
        size_t least = 4;
        if (data[1] == SR || data[1] == RR)
            least = 8 + (data[1] == SR ? SENDER_INFO : 0) + (size_t)REPORT_BLOCK * (data[0] & 31);
        if (size > length || size < least)
            return false;
        data += size;
        length -= size;
    }
    return true;
}

static void read_block(struct rtcp_session *session, const uint8_t *block, uint64_t ntp)
{
    if (read32(block) != session->ssrc)
        return;
    uint32_t lost = read32(block + 4) & 0xffffff;
    session->remote_known = true;
    session->remote_lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost;
    session->remote_fraction = block[4];
    session->remote_jitter = read32(block + 12) / clock_of(session);
    uint32_t last = read32(block + 16);
    if (last == 0)
        return;
    /* Section 6.4.1: arrival less LSR less DLSR, in 1/65536 s. A clock that stepped gives nonsense: leave it out. */
    int32_t round_trip = (int32_t)((uint32_t)(ntp >> 16) - last - read32(block + 20));
    if (round_trip > -66 && round_trip < 60 * 65536) { /* 1 ms below zero may be rounding of the other side */
        session->round_trip_known = true;
        session->round_trip_ms = round_trip > 0 ? round_trip * 1000.0 / 65536.0 : 0.0;
    }
}

bool rtcp_read(struct rtcp_session *session, const uint8_t *data, size_t length, uint64_t now, uint64_t ntp)
{
    if (!is_compound(data, length))
        return false;
    while (length > 0) {
        size_t size = 4 * (((size_t)data[2] << 8 | data[3]) + 1);
        size_t blocks = 0;
        const uint8_t *block = data + 8;
        if (data[1] == SR || data[1] == RR)
            blocks = data[0] & 31;
        if (data[1] == SR) {
            session->heard_report = true;
            session->last_report = read32(data + 10); /* the middle of the 64 bits at 8 */
            session->last_arrival = now;
            block += SENDER_INFO;
        }
        for (; blocks > 0; blocks--, block += REPORT_BLOCK)
            read_block(session, block, ntp);
        data += size;
        length -= size;
    }
    return true;
}
