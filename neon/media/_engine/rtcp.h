/* RTCP (RFC 3550, section 6): sender and receiver reports with a CNAME, and what the far end's reports say.
 *
 * A session belongs to one stream and is touched by one thread only. Times are nanoseconds; `ntp` is the 64-bit NTP
 * time of the wall clock at the same moment. */
#ifndef NEON_RTCP_H
#define NEON_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp.h"

enum {
    RTCP_PACKET_MAX = 256,
    RTCP_CNAME = 24, /* characters: 96 random bits (RFC 7022) */
};

struct rtcp_session {
    uint32_t ssrc;
    char cname[RTCP_CNAME];
    uint64_t next;          /* when the next report is due */
    uint32_t seed;          /* of the randomised interval */
    unsigned clock;         /* timestamp units on the wire in one of ours; 0 is 1 */
    bool heard_report;      /* the far end sent an SR */
    uint32_t last_report;   /* middle 32 bits of its NTP time */
    uint64_t last_arrival;
    uint32_t packets_reported; /* sent, at the last report: tells SR from RR */
    /* What the far end says about us; valid once `remote_known`. */
    bool remote_known, round_trip_known;
    int32_t remote_lost;
    uint32_t remote_jitter; /* timestamp units */
    uint8_t remote_fraction; /* of packets lost since the report before, in 1/256 */
    double round_trip_ms;
};

struct rtcp_sent {
    uint32_t packets, octets, timestamp; /* the RTP timestamp of this moment */
};

void rtcp_begin(struct rtcp_session *session, uint32_t ssrc, uint64_t now, uint32_t random);

/* Sets when the next report is due: five seconds, more or less half (section 6.3.1); half of that for the first. */
void rtcp_schedule(struct rtcp_session *session, uint64_t now, bool first);

/* Writes a compound packet (SR or RR, SDES, and BYE if asked) into data[RTCP_PACKET_MAX]; returns its length. */
size_t rtcp_write(struct rtcp_session *session, uint8_t *data, struct rtp_receiver *receiver,
                  const struct rtcp_sent *sent, uint64_t now, uint64_t ntp, bool bye);

/* Reads a compound packet; false if it is not valid RTCP (appendix A.2), and then nothing is changed. */
bool rtcp_read(struct rtcp_session *session, const uint8_t *data, size_t length, uint64_t now, uint64_t ntp);

#endif
