/* A stream: the RTP and RTCP sockets of one call, its jitter buffer, its source and its sink.
 *
 * Created by Python (sockets bound), then handed to the engine's thread, which owns everything but the reference
 * count and the counters. */
#ifndef NEON_STREAM_H
#define NEON_STREAM_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "address.h"
#include "dtmf.h"
#include "jitter.h"
#include "level.h"
#include "mix.h"
#include "rtcp.h"
#include "rtp.h"
#include "script.h"
#include "secure.h"
#include "source.h"
#include "wideband.h"
#include "tap.h"

struct engine;
struct member;
struct receive_batch;
struct stun;

struct agreement {
    struct address remote, rtcp;
    bool reachable; /* false: an address that media must never go to */
    enum codec codec;
    bool sends, receives;
    uint8_t payload_type, receive_payload_type;
    int telephone_event, receive_telephone_event; /* -1: not agreed */
    unsigned event_clock; /* units of an event's duration in a tick: 1 (8 kHz), 6 (48 kHz) */
    uint32_t packet_samples;                      /* 80 to 480, a multiple of 80 */
};

struct stream_counters {
    _Atomic uint64_t packets_sent, octets_sent, packets_received, octets_received, packets_lost, packets_discarded;
    _Atomic uint64_t packets_late, gaps;       /* of the jitter buffer, */
    _Atomic uint64_t playout_delay;            /* and how many ticks it waits */
    _Atomic uint64_t frames_concealed, jitter; /* jitter in timestamp units */
    _Atomic uint64_t packets_recovered;        /* of those lost, by what the next one repeats */
    _Atomic uint64_t srtp_failures;            /* packets that were not authentic, or could not be protected */
    _Atomic uint64_t round_trip_us, remote_lost, remote_jitter;
    atomic_bool remote_known, round_trip_known;
    struct level sent, heard;
};

enum lock {
    LOCK_OPEN,   /* the agreed address, or whoever is learnt */
    LOCK_FIXED,  /* one source, for good: the socket is connected to it */
};

struct stream {
    atomic_int references;
    uint32_t id;
    int family, rtp_fd, rtcp_fd;
    uint16_t port;
    struct stream_counters counters;

    bool started;
    struct agreement agreement;
    struct secure *secure; /* owned; NULL: in clear, as agreed */
    uint32_t tick_samples; /* served every so many samples: 80 or 160 */
    unsigned phase;        /* of the wheel */
    unsigned ticks;        /* served so far */

    /* the source of what we receive */
    enum lock lock;
    bool asked[2];          /* RTP, RTCP: a STUN server's answer is waited for, so whoever sends is listened to */
    struct address peer;    /* where RTP goes and comes from */
    uint64_t learn_until;
    struct {
        struct address address;
        uint32_t ssrc;
        uint16_t sequence;
        int run;
    } stranger;             /* who might be learnt */

    struct {
        bool known;
        uint32_t wire, ticks;
    } anchor;               /* where the far end's clock stood when ours was at `ticks` */
    struct rtp_receiver receiver;
    struct jitter jitter;
    struct dtmf_in dtmf_in;
    struct {
        uint8_t codes[RTP_PACKET_MAX];
        size_t length;
        uint32_t timestamp;
        uint64_t arrival;
    } held;                 /* the first packet of a candidate */
    bool heard;             /* the first packet was told */
    struct stun *stun;      /* owned; NULL until something is asked */
    bool silence_told;
    uint64_t heard_at;

    struct source source;
    struct device *sink;
    uint32_t sink_cursor;
    struct volume volume;   /* of what the sink plays */
    struct member *member;  /* of a conference; owned, or NULL */
    struct tap *tap;        /* a counted reference, or NULL */
    struct script script;   /* what an application does with the audio */
    struct source beep;     /* heard at this end only, */
    uint32_t beep_left;     /* for so many samples more */
    struct dtmf_out dtmf_out;
    uint32_t ssrc, timestamp; /* in ticks; `clock` of them are one of the RTP clock's */
    uint16_t sequence;
    bool marker;
    uint32_t fill;          /* samples waiting in pcm */
    int16_t pcm[2 * (JITTER_PACKET_MAX + 160)];
    struct voice {
        bool wide;              /* 16 kHz */
        unsigned clock;         /* ticks of the RTP clock in one of ours: 1, or 6 with Opus */
        struct g722 *g722;      /* owned; G.722, or NULL */
        struct packets *packets; /* owned; Opus, or NULL */
        struct halfband from_source, to_sink, said_to_tap, heard_to_tap;
    } voice;
    struct rtcp_session rtcp;
    struct sent {
        uint64_t packets, octets;
    } before;               /* sent under the SSRCs before this one */
};

/* For a stream that the thread has not got yet: forget what has arrived; give the ports back. */
void stream_drain(struct stream *stream);
void stream_close_sockets(struct stream *stream);

/* Binds a pair of ports from [first, last): an even one and the next. NULL with errno set. */
struct stream *stream_open(uint32_t id, const struct address *host, unsigned first, unsigned last);
struct stream *stream_ref(struct stream *stream);
void stream_unref(struct stream *stream);

/* For the thread. Takes `secure`, which is NULL for a call in clear, and the coder of Opus or G.722. */
void stream_start(struct stream *stream, const struct agreement *agreement, struct secure *secure,
                  struct packets *packets, struct g722 *g722, uint64_t now);
void stream_tick(struct engine *engine, struct stream *stream, uint64_t deadline);
void stream_reroute(struct stream *stream); /* the machine's addresses have changed */
void stream_skip(struct stream *stream, uint32_t samples);
void stream_read_rtcp(struct engine *engine, struct stream *stream);
void stream_set_source(struct stream *stream, struct source *source); /* takes what it holds */
void stream_set_sink(struct stream *stream, struct device *device);
void stream_join(struct stream *stream, struct member *member); /* takes it; NULL leaves the conference */
void stream_set_tap(struct stream *stream, struct tap *tap); /* takes the reference; the one before is finished */

/* Mixes a short tone into what the sink plays of this stream. */
void stream_beep(struct stream *stream, uint32_t samples);   /* takes the reference */
void stream_end(struct engine *engine, struct stream *stream);        /* says BYE, closes the sockets */

struct receive_batch *receive_batch_new(void);
void receive_batch_free(struct receive_batch *batch);

#endif
