#define _GNU_SOURCE
#include "receive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "counters.h"
#include "packets.h"
#include "stun.h"

enum {
    BATCH = 8,
    BUDGET = 32,        /* packets a tick: ten times what the shortest packets need */
    BUDGET_OPEN = 256,  /* while the socket takes packets from anybody */
    LEARN_RUN = 4,      /* consecutive packets that make a stranger the source */
    RTCP_BUDGET = 4,
    COMFORT_NOISE = 13, /* the payload type (RFC 3389, section 4); its clock is that of all our codecs */
    THOROUGH = 8,       /* every so many ticks the socket is emptied */
};

struct receive_batch {
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    struct address sources[BATCH];
    union {
        struct cmsghdr header;
        uint8_t space[CMSG_SPACE(sizeof(struct timespec))];
    } control[BATCH];
    _Alignas(uint32_t) uint8_t data[BATCH][RTP_PACKET_MAX]; /* SRTP wants its headers aligned */
};

struct receive_batch *receive_batch_new(void)
{
    struct receive_batch *batch = calloc(1, sizeof *batch);
    for (int i = 0; batch != NULL && i < BATCH; i++) {
        batch->vectors[i] = (struct iovec){batch->data[i], RTP_PACKET_MAX};
        batch->headers[i].msg_hdr.msg_iov = &batch->vectors[i];
        batch->headers[i].msg_hdr.msg_iovlen = 1;
        batch->headers[i].msg_hdr.msg_name = &batch->sources[i].base;
        batch->headers[i].msg_hdr.msg_control = &batch->control[i];
    }
    return batch;
}

void receive_batch_free(struct receive_batch *batch)
{
    free(batch);
}

bool address_same(const struct address *one, const struct address *other)
{
    if (one->base.sa_family != other->base.sa_family)
        return false;
    if (one->base.sa_family == AF_INET)
        return one->v4.sin_port == other->v4.sin_port && one->v4.sin_addr.s_addr == other->v4.sin_addr.s_addr;
    return one->v6.sin6_port == other->v6.sin6_port &&
           memcmp(&one->v6.sin6_addr, &other->v6.sin6_addr, sizeof one->v6.sin6_addr) == 0;
}

static bool same_host(struct address one, const struct address *other)
{
    if (one.base.sa_family == AF_INET)
        one.v4.sin_port = other->v4.sin_port;
    else
        one.v6.sin6_port = other->v6.sin6_port;
    return address_same(&one, other);
}

/* -- the lock on the source ------------------------------------------------------------------------------------- */

static void disconnect(const struct stream *stream)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    connect(stream->rtp_fd, &nobody, sizeof nobody);
}

void receive_unlock(struct stream *stream, uint64_t now)
{
    disconnect(stream);
    stream->lock = LOCK_OPEN;
    stream->peer = stream->agreement.remote;
    stream->learn_until = now + LEARN_NS;
    stream->stranger.run = 0;
    receive_forget(stream);
}

/* Connected, the kernel itself drops what others send, before it takes room in the socket's buffer. If connecting
 * fails (no route at the moment), or is put off while a STUN server is to answer at the socket, the comparison of
 * addresses still holds the lock. */
static void lock_source(struct stream *stream)
{
    stream->lock = LOCK_FIXED;
    if (stream->agreement.reachable && !stream->asked[0])
        connect(stream->rtp_fd, &stream->peer.base, stream->peer.length);
}

void receive_reroute(struct stream *stream)
{
    if (stream->lock != LOCK_FIXED)
        return; /* not connected */
    disconnect(stream);
    lock_source(stream);
}

/* A packet of somebody else while the source is open: true if it makes the sender the source. */
static bool learn(struct stream *stream, const struct address *source, const struct rtp_packet *packet)
{
    bool follows = stream->stranger.run > 0 && address_same(&stream->stranger.address, source) &&
                   stream->stranger.ssrc == packet->ssrc &&
                   packet->sequence == (uint16_t)(stream->stranger.sequence + 1);
    stream->stranger.run = follows ? stream->stranger.run + 1 : 1;
    stream->stranger.address = *source;
    stream->stranger.ssrc = packet->ssrc;
    stream->stranger.sequence = packet->sequence;
    /* The agreed source has the first right: once one of its packets waits to be believed, no stranger is taken. */
    return stream->stranger.run >= LEARN_RUN && !stream->receiver.candidate.held && address_allowed(source);
}

/* The far end's clock in our ticks, modulo 2^32. Its rate is `clock` times ours, which no modulus divides: so it is told
 * from the last packet that was believed, and not from zero. */
static uint32_t in_ticks(struct stream *stream, uint32_t wire)
{
    const int32_t clock = (int32_t)stream->voice.clock;
    if (clock == 1)
        return wire;
    if (!stream->anchor.known) {
        stream->anchor.known = true;
        stream->anchor.wire = wire;
        stream->anchor.ticks = wire / (uint32_t)clock;
    }
    int32_t ahead = (int32_t)(wire - stream->anchor.wire);
    return stream->anchor.ticks + (uint32_t)((ahead - (ahead < 0 ? clock - 1 : 0)) / clock);
}

static void move_anchor(struct stream *stream, uint32_t ticks)
{
    stream->anchor.wire += (ticks - stream->anchor.ticks) * stream->voice.clock;
    stream->anchor.ticks = ticks;
}

void receive_forget(struct stream *stream)
{
    stream->receiver.lost_before = rtp_lost(&stream->receiver);
    stream->receiver.valid = false;
    stream->receiver.candidate.held = false;
}

/* -- RTP -------------------------------------------------------------------------------------------------------- */

enum kind { KIND_AUDIO, KIND_EVENT, KIND_COMFORT, KIND_NONE };

static enum kind kind_of(const struct agreement *agreement, const struct rtp_packet *packet)
{
    if (packet->payload_type == agreement->receive_telephone_event)
        return packet->length >= DTMF_PAYLOAD ? KIND_EVENT : KIND_NONE;
    bool audio = packet->payload_type == agreement->receive_payload_type && packet->length > 0;
    if (audio)
        return packet->length <= JITTER_PACKET_MAX || agreement->codec == CODEC_OPUS ? KIND_AUDIO : KIND_NONE;
    /* Opus has noise of its own, and the number is one of 8 kHz. */
    bool comfort = packet->payload_type == COMFORT_NOISE && agreement->codec != CODEC_OPUS && packet->length > 0;
    return comfort ? KIND_COMFORT : KIND_NONE;
}

/* The thread does not look at a socket at every tick: what has waited there for whole ticks could have been had before. */
static void store(struct stream *stream, uint32_t timestamp, const uint8_t *codes, size_t length, uint64_t waited_ns)
{
    uint32_t waited = (uint32_t)(waited_ns / 125000);
    waited -= waited % stream->tick_samples;
    if (jitter_put(&stream->jitter, timestamp, codes, length, waited) != JITTER_STORED)
        counter_add(&stream->counters.packets_discarded, 1);
}

static void believe(struct engine *engine, struct stream *stream, const struct rtp_packet *packet, enum kind kind,
                    uint64_t arrival, uint64_t now)
{
    stream->heard_at = now;
    stream->silence_told = false;
    counter_add(&stream->counters.packets_received, 1);
    counter_add(&stream->counters.octets_received, packet->length);
    counter_set(&stream->counters.packets_lost, rtp_lost(&stream->receiver));
    counter_set(&stream->counters.jitter, stream->receiver.jitter >> 4);
    move_anchor(stream, packet->timestamp);
    if (kind == KIND_AUDIO) {
        store(stream, packet->timestamp, packet->payload, packet->length, now - arrival);
        return;
    }
    struct comfort_noise noise;
    if (kind == KIND_COMFORT) {
        if (comfort_read(&noise, packet->payload, packet->length))
            jitter_put_comfort(&stream->jitter, packet->timestamp, &noise);
        return;
    }
    char digit;
    uint32_t duration = ((uint32_t)packet->payload[2] << 8 | packet->payload[3]) / stream->agreement.event_clock;
    const uint8_t payload[DTMF_PAYLOAD] = {packet->payload[0], packet->payload[1], (uint8_t)(duration >> 8),
                                           (uint8_t)duration};
    if (dtmf_receive(&stream->dtmf_in, packet->timestamp, packet->marker, payload, sizeof payload, &digit))
        engine_emit(engine, EVENT_DIGIT, stream->id, (uint8_t)digit);
    /* A digit stands in for audio: what it covers is quiet, not lost. */
    jitter_put_silence(&stream->jitter, packet->timestamp + duration);
}

static void switch_source(struct engine *engine, struct stream *stream, uint64_t now)
{
    if (stream->lock == LOCK_OPEN)
        lock_source(stream);
    jitter_reset(&stream->jitter, stream->agreement.codec);
    stream->dtmf_in.known = false;
    if (stream->held.length > 0) {
        counter_add(&stream->counters.packets_received, 1);
        counter_add(&stream->counters.octets_received, stream->held.length);
        store(stream, stream->held.timestamp, stream->held.codes, stream->held.length, now - stream->held.arrival);
    }
    if (!stream->heard)
        engine_emit(engine, EVENT_FIRST_PACKET, stream->id, 0);
    stream->heard = true;
}

/* Takes off what protects a packet, if it is protected; false if it is forged, repeated, or in clear where it must not
 * be. Whoever is known to be a stranger is not worth the arithmetic. */
static bool authenticate(struct stream *stream, uint8_t *data, size_t *length, const struct address *source)
{
    if (stream->secure == NULL)
        return true;
    if (stream->lock == LOCK_FIXED && !address_same(source, &stream->peer))
        return false;
    if (secure_unprotect(stream->secure, data, length))
        return true;
    counter_add(&stream->counters.srtp_failures, 1);
    return false;
}

/* True if the packet was believed or kept. */
static bool take(struct engine *engine, struct stream *stream, uint8_t *data, size_t length,
                 const struct address *source, uint64_t arrival, uint64_t now)
{
    struct rtp_packet packet;
    if (!authenticate(stream, data, &length, source) || rtp_parse(&packet, data, length) != RTP_OK)
        return false;
    enum kind kind = kind_of(&stream->agreement, &packet);
    if (kind == KIND_NONE)
        return false;
    packet.timestamp = in_ticks(stream, packet.timestamp);
    if (!address_same(source, &stream->peer)) {
        if (stream->lock != LOCK_OPEN || !learn(stream, source, &packet))
            return false;
        stream->peer = *source;
        lock_source(stream);
        stream->receiver.candidate.held = false;
        engine_emit(engine, EVENT_SOURCE_LEARNT, stream->id, 0);
    }
    switch (rtp_receive(&stream->receiver, &packet, (uint32_t)(arrival / 125000), kind == KIND_EVENT)) {
    case RTP_HOLD:
        stream->held.length = kind == KIND_AUDIO ? packet.length : 0;
        stream->held.arrival = arrival;
        stream->held.timestamp = packet.timestamp;
        memcpy(stream->held.codes, packet.payload, stream->held.length);
        return true;
    case RTP_SWITCH:
        switch_source(engine, stream, now);
        believe(engine, stream, &packet, kind, arrival, now);
        return true;
    case RTP_ACCEPT:
        believe(engine, stream, &packet, kind, arrival, now);
        return true;
    case RTP_DROP:
        break;
    }
    return false;
}

/* When the kernel received the packet, on the monotonic clock; now if that makes no sense (the wall clock stepped). */
static uint64_t arrival_time(const struct engine *engine, const struct msghdr *message, uint64_t now)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (control == NULL || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS)
        return now;
    struct timespec wall;
    memcpy(&wall, CMSG_DATA(control), sizeof wall);
    int64_t arrival = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - engine->wall_offset_ns;
    int64_t age = (int64_t)now - arrival;
    return age >= 0 && age < 1000000000 ? (uint64_t)arrival : now;
}

/* True if another packet need not be looked for now: there is audio for this tick, and what waits can wait for the next.
 * With one packet a tick, the usual case, this saves the call that finds nothing. */
static bool satisfied(const struct stream *stream)
{
    return stream->lock == LOCK_FIXED && !stream->asked[0] && stream->ticks % THOROUGH != 0 &&
           jitter_delay(&stream->jitter) >= (int32_t)stream->tick_samples;
}

void receive_rtp(struct engine *engine, struct stream *stream, uint64_t now)
{
    struct receive_batch *batch = engine->batch;
    int budget = stream->lock == LOCK_OPEN || stream->asked[0] ? BUDGET_OPEN : BUDGET;
    unsigned wanted = stream->lock == LOCK_OPEN ? BATCH : 1;
    stream->ticks++;
    for (;;) {
        for (unsigned i = 0; i < wanted; i++) {
            batch->headers[i].msg_hdr.msg_namelen = sizeof batch->sources[i].v6;
            batch->headers[i].msg_hdr.msg_controllen = sizeof batch->control[i];
        }
        int count = recvmmsg(stream->rtp_fd, batch->headers, wanted, MSG_DONTWAIT, NULL);
        bool good = count > 0;
        for (int i = 0; i < count; i++) {
            const struct msghdr *message = &batch->headers[i].msg_hdr;
            batch->sources[i].length = message->msg_namelen;
            if (stun_answered(engine, stream, 0, batch->data[i], batch->headers[i].msg_len, &batch->sources[i]))
                continue;
            if (!stream->started || !stream->agreement.receives)
                continue; /* emptied, so that it does not play when the stream starts */
            if (message->msg_flags & MSG_TRUNC ||
                !take(engine, stream, batch->data[i], batch->headers[i].msg_len, &batch->sources[i],
                      arrival_time(engine, message, now), now)) {
                counter_add(&stream->counters.packets_discarded, 1);
                good = false;
            }
        }
        budget -= (int)wanted;
        /* An ICMP error of an earlier packet is taken away by this call; behind it there may be packets. */
        bool more = count == (int)wanted || (count < 0 && errno == ECONNREFUSED);
        if (!more || budget <= 0 || (good && satisfied(stream)))
            break;
        wanted = BATCH;
    }
    if (stream->started && stream->lock == LOCK_OPEN && now > stream->learn_until)
        lock_source(stream);
}

/* -- RTCP ------------------------------------------------------------------------------------------------------- */

void stream_read_rtcp(struct engine *engine, struct stream *stream)
{
    for (int i = 0; i < RTCP_BUDGET; i++) {
        struct mmsghdr *header = &engine->batch->headers[0];
        struct address *source = &engine->batch->sources[0];
        header->msg_hdr.msg_namelen = sizeof source->v6;
        header->msg_hdr.msg_controllen = sizeof engine->batch->control[0];
        ssize_t length = recvmsg(stream->rtcp_fd, &header->msg_hdr, MSG_DONTWAIT);
        if (length < 0)
            return;
        if (stun_answered(engine, stream, 1, engine->batch->data[0], (size_t)length, source))
            continue;
        if (!stream->started || !same_host(*source, &stream->peer) || header->msg_hdr.msg_flags & MSG_TRUNC)
            continue;
        /* The thread looks here once a slot: only the kernel knows when the report came, and the round trip needs it. */
        uint64_t arrival = arrival_time(engine, &header->msg_hdr, monotonic_ns());
        struct rtcp_session *session = &stream->rtcp;
        struct stream_counters *counters = &stream->counters;
        uint8_t *data = engine->batch->data[0];
        size_t size = (size_t)length;
        if (stream->secure != NULL && !secure_unprotect_rtcp(stream->secure, data, &size)) {
            counter_add(&counters->srtp_failures, 1);
            continue;
        }
        if (!rtcp_read(session, data, size, arrival, engine_ntp(engine, arrival)))
            continue;
        counter_set(&counters->remote_lost, (uint64_t)(session->remote_lost > 0 ? session->remote_lost : 0));
        counter_set(&counters->remote_jitter, session->remote_jitter);
        if (stream->voice.packets != NULL)
            packets_expect_loss(stream->voice.packets, session->remote_fraction * 100u / 256);
        counter_set(&counters->round_trip_us, (uint64_t)(session->round_trip_ms * 1000.0));
        atomic_store(&counters->remote_known, session->remote_known);
        atomic_store(&counters->round_trip_known, session->round_trip_known);
    }
}
