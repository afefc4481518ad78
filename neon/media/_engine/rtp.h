/* RTP packets (RFC 3550, section 5.1) and the judgement about their source (appendices A.1, A.3 and A.8).
 *
 * The receiver believes a source once two sequential packets came from it. After that a packet is believed if it goes
 * on where the last one was, in sequence number and in time: a timestamp cannot be much earlier than the network
 * allows. Whatever else comes from the right address is only a candidate: a new SSRC or a jump is accepted when two
 * sequential packets, paced as their timestamps say, arrive with none of the old ones between them. So forged packets
 * that do not continue the stream are lost themselves, and those that do so perfectly cost at most RTP_EARLY. */
#ifndef NEON_RTP_H
#define NEON_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTP_HEADER = 12,
    RTP_PACKET_MAX = 1500,
    RTP_DROPOUT = 100,   /* packets that may be missing in a row */
    RTP_MISORDER = 100,  /* packets that one may be late */
    RTP_EARLY = 480,     /* samples, 60 ms: earlier than the quickest packet so far */
    RTP_LATE = 16000,    /* samples, 2 s: later than that */
};

struct rtp_packet {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    const uint8_t *payload;
    size_t length;
};

enum rtp_parse {
    RTP_OK,
    RTP_TOO_SHORT,
    RTP_BAD_VERSION,
    RTP_TRUNCATED_CSRC,
    RTP_TRUNCATED_EXTENSION,
    RTP_BAD_PADDING,
};

/* Reads a packet without copying; the payload points into data. */
enum rtp_parse rtp_parse(struct rtp_packet *packet, const uint8_t *data, size_t length);

/* Writes the header; the caller adds the payload behind it. */
void rtp_write_header(uint8_t *data, const struct rtp_packet *packet);

enum rtp_verdict {
    RTP_DROP,       /* not (yet) to be believed */
    RTP_HOLD,       /* first packet of a candidate: keep it, it may be followed by RTP_SWITCH */
    RTP_ACCEPT,
    RTP_SWITCH,     /* a candidate is believed: forget the old stream, take the held packet and this one */
};

struct rtp_receiver {
    bool valid;
    uint32_t ssrc;
    uint16_t max_sequence, base_sequence;
    uint32_t cycles;        /* shifted count of sequence number cycles */
    uint32_t received;      /* of this source, for A.3 */
    uint32_t lost_before;   /* lost of the sources before this one */
    uint32_t expected_prior, received_prior; /* at the last report */
    uint32_t quickest;      /* least transit, in timestamp units modulo 2^32 */
    uint32_t last_transit;
    uint32_t jitter;        /* scaled by 16, as in A.8 */
    struct {
        bool held;
        uint32_t ssrc;
        uint16_t sequence;
        uint32_t timestamp;
        uint32_t arrival;
    } candidate;
};

/* `arrival` is the time of arrival in 1/8000 s. `event` says that the payload is a telephone event, whose timestamp
 * stands still and says nothing about transit. */
enum rtp_verdict rtp_receive(struct rtp_receiver *receiver, const struct rtp_packet *packet, uint32_t arrival,
                             bool event);

/* A.3: packets expected of the present source, and lost since the beginning (never below 0 here). */
uint32_t rtp_expected(const struct rtp_receiver *receiver);
uint32_t rtp_lost(const struct rtp_receiver *receiver);

#endif
