#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "conference.h"
#include "counters.h"
#include "engine.h"
#include "packets.h"
#include "receive.h"
#include "voice.h"

#define TICK_NS 125000 /* of the clock of 8 kHz by which streams are served */
#define DRAIN_MAX 2048 /* packets: more than a socket's buffer holds by default */

/* -- sockets ---------------------------------------------------------------------------------------------------- */

static bool bind_pair(struct stream *stream, const struct address *host, unsigned port)
{
    stream->rtp_fd = address_bind(*host, port);
    if (stream->rtp_fd < 0)
        return false;
    stream->rtcp_fd = address_bind(*host, port + 1);
    if (stream->rtcp_fd >= 0)
        return true;
    int error = errno;
    close(stream->rtp_fd);
    stream->rtp_fd = -1;
    errno = error;
    return false;
}

/* Tries every even port of the range once, from a random one on. */
static bool bind_in_range(struct stream *stream, const struct address *host, unsigned first, unsigned last,
                          uint32_t random)
{
    first += first & 1;
    unsigned pairs = last > first + 1 ? (last - first) / 2 : 0;
    errno = EADDRINUSE;
    for (unsigned i = 0; i < pairs; i++) {
        unsigned port = first + (random + i) % pairs * 2;
        if (bind_pair(stream, host, port)) {
            stream->port = (uint16_t)port;
            return true;
        }
        if (errno != EADDRINUSE && errno != EACCES)
            return false;
    }
    return false;
}

struct stream *stream_open(uint32_t id, const struct address *host, unsigned first, unsigned last)
{
    struct {
        uint32_t ssrc, timestamp, port, rtcp;
        uint16_t sequence;
        uint8_t name[RTCP_CNAME / 2];
    } random;
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        goto fail;
    stream->id = id;
    stream->family = host->base.sa_family;
    stream->rtp_fd = stream->rtcp_fd = -1;
    stream->tick_samples = 160;
    stream->volume = (struct volume){.wanted = 1, .now = 1};
    if (!bind_in_range(stream, host, first, last, random.port))
        goto fail;
    atomic_init(&stream->references, 1);
    stream->ssrc = random.ssrc;
    stream->timestamp = random.timestamp;
    /* From the lower half, so that losing the first packets cannot hide a wrap (RFC 3711, section 3.3.1). */
    stream->sequence = random.sequence & 0x7fff;
    stream->rtcp.seed = random.rtcp;
    for (int i = 0; i < RTCP_CNAME; i++)
        stream->rtcp.cname[i] = "0123456789abcdef"[random.name[i / 2] >> (i % 2 * 4) & 15];
    return stream;
fail:
    free(stream);
    return NULL;
}

void stream_drain(struct stream *stream)
{
    uint8_t byte;
    int fds[2] = {stream->rtp_fd, stream->rtcp_fd};
    for (int i = 0; i < 2; i++)
        for (int packets = 0; packets < DRAIN_MAX; packets++)
            if (recv(fds[i], &byte, sizeof byte, MSG_DONTWAIT) < 0)
                break;
}

struct stream *stream_ref(struct stream *stream)
{
    atomic_fetch_add(&stream->references, 1);
    return stream;
}

void stream_close_sockets(struct stream *stream)
{
    if (stream->rtp_fd >= 0)
        close(stream->rtp_fd);
    if (stream->rtcp_fd >= 0)
        close(stream->rtcp_fd);
    stream->rtp_fd = stream->rtcp_fd = -1;
}

void stream_unref(struct stream *stream)
{
    if (atomic_fetch_sub(&stream->references, 1) == 1) {
        stream_close_sockets(stream);
        stream_set_source(stream, NULL);
        stream_set_sink(stream, NULL);
        stream_set_tap(stream, NULL);
        stream_join(stream, NULL);
        script_end(stream);
        secure_free(stream->secure);
        g722_close(stream->voice.g722);
        packets_free(stream->voice.packets);
        free(stream->stun);
        free(stream);
    }
}

/* -- control, on the thread ------------------------------------------------------------------------------------- */

void stream_set_source(struct stream *stream, struct source *source)
{
    device_unref(stream->source.device);
    free(stream->source.samples);
    stream->source = source != NULL ? *source : (struct source){.kind = SOURCE_SILENCE};
    if (source != NULL) {
        source->samples = NULL;
        source->device = NULL;
    }
    reader_begin(&stream->source.reader, stream->source.device);
}

void stream_set_sink(struct stream *stream, struct device *device)
{
    device_unref(stream->sink);
    stream->sink = device;
    if (device != NULL)
        stream->sink_cursor = device->played;
}

void stream_join(struct stream *stream, struct member *member)
{
    member_free(stream->member);
    stream->member = member;
}

void stream_set_tap(struct stream *stream, struct tap *tap)
{
    if (stream->tap != NULL)
        tap_finish(stream->tap);
    tap_unref(stream->tap);
    stream->tap = tap;
}

/* What is protected under the same key goes on where it was. */
static void use_security(struct stream *stream, struct secure *secure)
{
    if (secure != NULL)
        secure_continue(secure, stream->secure);
    secure_free(stream->secure);
    stream->secure = secure;
}

/* A clock of another rate belongs to another source (RFC 7160, section 4.1). */
static void use_codec(struct stream *stream, enum codec codec, struct packets *packets, struct g722 *g722, bool first)
{
    unsigned clock = stream->voice.clock;
    voice_begin(stream, codec, packets, g722);
    stream->fill = 0;
    if (first || clock == stream->voice.clock)
        return;
    uint32_t ssrc;
    if (getrandom(&ssrc, sizeof ssrc, GRND_NONBLOCK) == (ssize_t)sizeof ssrc) {
        stream->ssrc = stream->rtcp.ssrc = ssrc;
        stream->before = (struct sent){counter_get(&stream->counters.packets_sent),
                                       counter_get(&stream->counters.octets_sent)};
    }
    stream->anchor.known = false;
    receive_forget(stream);
}

void stream_start(struct stream *stream, const struct agreement *agreement, struct secure *secure,
                  struct packets *packets, struct g722 *g722, uint64_t now)
{
    use_security(stream, secure);
    bool first = !stream->started;
    struct agreement before = stream->agreement;
    stream->agreement = *agreement;
    stream->agreement.remote = address_for_family(agreement->remote, stream->family);
    stream->agreement.rtcp = address_for_family(agreement->rtcp, stream->family);
    stream->started = true;
    bool moved = first || !address_same(&before.remote, &stream->agreement.remote);
    if (moved)
        receive_unlock(stream, now);
    if (first || before.codec != agreement->codec) {
        use_codec(stream, agreement->codec, packets, g722, first);
    } else {
        if (packets != NULL)
            packets_wish(stream->voice.packets, packets);
        packets_free(packets);
        g722_close(g722);
    }
    if (moved)
        jitter_forget(&stream->jitter);
    if (moved || before.codec != agreement->codec || before.receives != agreement->receives)
        jitter_reset(&stream->jitter, agreement->codec);
    /* Whoever ends a hold, by us or by them, may have been silent during it. */
    bool resumed = agreement->receives && (!before.receives || (agreement->sends && !before.sends));
    if (first || resumed) {
        stream->heard_at = now;
        stream->silence_told = false;
    }
    if (first || (agreement->sends && !before.sends))
        stream->marker = true; /* the first packet after a silence (RFC 3551, section 4.1) */
    stream->tick_samples = agreement->packet_samples % 160 == 0 ? 160 : 80;
    if (first || before.packet_samples != agreement->packet_samples)
        stream->fill = 0;
    if (first)
        rtcp_begin(&stream->rtcp, stream->ssrc, now, stream->rtcp.seed);
    stream->rtcp.clock = stream->voice.clock;
}

void stream_reroute(struct stream *stream)
{
    if (stream->rtp_fd >= 0)
        receive_reroute(stream);
}

void stream_skip(struct stream *stream, uint32_t samples)
{
    stream->timestamp += samples;
    stream->marker = true;
    if (stream->tap != NULL && stream->started)
        tap_skip(stream->tap, samples);
}

/* -- sending ---------------------------------------------------------------------------------------------------- */

/* `data` has room for what protecting adds. */
static void send_packet(struct engine *engine, struct stream *stream, uint8_t *data, size_t length, uint64_t deadline)
{
    size_t octets = length - RTP_HEADER;
    if (stream->secure != NULL && !secure_protect(stream->secure, data, &length)) {
        counter_add(&stream->counters.srtp_failures, 1);
        return; /* never in clear */
    }
    /* One call a packet: sendmmsg takes many packets of one socket, and a stream has one packet and a socket. */
    ssize_t sent = -1;
    for (int i = 0; i < 2; i++) {
        sent = stream->lock == LOCK_FIXED ? send(stream->rtp_fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
        if (sent < 0 && errno == ECONNREFUSED && stream->lock == LOCK_FIXED)
            continue; /* the error belonged to an earlier packet; this one was not tried */
        if (sent < 0)
            sent = sendto(stream->rtp_fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, &stream->peer.base,
                          stream->peer.length);
        break;
    }
    if (sent < 0)
        return;
    counter_add(&stream->counters.packets_sent, 1);
    counter_add(&stream->counters.octets_sent, octets);
    engine_note_sent(engine, deadline);
}

static void transmit(struct engine *engine, struct stream *stream, int16_t *pcm, uint64_t deadline)
{
    const struct agreement *agreement = &stream->agreement;
    uint32_t samples = agreement->packet_samples;
    _Alignas(uint32_t) uint8_t data[RTP_HEADER + JITTER_PACKET_MAX + SECURE_TRAILER];
    size_t length = RTP_HEADER;
    struct rtp_packet packet = {
        .payload_type = agreement->payload_type,
        .marker = stream->marker,
        .sequence = stream->sequence,
        .timestamp = stream->timestamp * stream->voice.clock,
        .ssrc = stream->ssrc,
    };
    struct dtmf_packet digit;
    bool dialling = dtmf_next(&stream->dtmf_out, stream->timestamp, samples, agreement->event_clock, &digit);
    bool silent = false;
    if (dialling && agreement->telephone_event >= 0) {
        packet.payload_type = (uint8_t)agreement->telephone_event;
        packet.marker = digit.marker;
        packet.timestamp = digit.timestamp * stream->voice.clock;
        memcpy(data + length, digit.payload, DTMF_PAYLOAD);
        length += DTMF_PAYLOAD;
    } else {
        if (dialling)
            voice_digit(engine, stream, &digit, stream->timestamp - digit.timestamp, pcm, samples);
        size_t octets = voice_encode(stream, data + length, pcm, samples);
        silent = octets == 0;
        length += octets;
    }
    rtp_write_header(data, &packet);
    stream->timestamp += samples;
    if (silent) {
        stream->marker = true; /* of the packet that ends the silence */
    } else if (agreement->reachable) {
        stream->sequence++;
        stream->marker = false;
        send_packet(engine, stream, data, length, deadline);
    }
}

static void send_report(struct engine *engine, struct stream *stream, uint64_t now, bool bye)
{
    _Alignas(uint32_t) uint8_t data[RTCP_PACKET_MAX + SECURE_TRAILER];
    struct rtcp_sent sent = {
        .packets = (uint32_t)(counter_get(&stream->counters.packets_sent) - stream->before.packets),
        .octets = (uint32_t)(counter_get(&stream->counters.octets_sent) - stream->before.octets),
        .timestamp = stream->timestamp * stream->voice.clock,
    };
    size_t length = rtcp_write(&stream->rtcp, data, &stream->receiver, &sent, now, engine_ntp(engine, now), bye);
    struct address to = stream->agreement.rtcp;
    if (!address_same(&stream->peer, &stream->agreement.remote)) {
        /* A learnt source is behind a NAT: the agreed address of its RTCP means nothing here. */
        to = stream->peer;
        in_port_t *port = to.base.sa_family == AF_INET ? &to.v4.sin_port : &to.v6.sin6_port;
        *port = htons((uint16_t)(ntohs(*port) + 1));
    }
    bool ready = stream->secure == NULL || secure_protect_rtcp(stream->secure, data, &length);
    if (!ready)
        counter_add(&stream->counters.srtp_failures, 1);
    else if (stream->agreement.reachable && address_allowed(&to))
        sendto(stream->rtcp_fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, &to.base, to.length);
    rtcp_schedule(&stream->rtcp, now, false);
}

/* What the others of the conference say, and with the tap in mind what is heard here of everybody. They hear the far end,
 * and `acted`, what an application says in this call, unless that is NULL. */
static void confer(struct stream *stream, uint64_t deadline, const int16_t *heard, const int16_t *acted, int16_t *others,
                   int16_t *everybody)
{
    struct member *member = stream->member;
    const unsigned scale = stream->voice.wide ? 2 : 1;
    const uint32_t count = stream->tick_samples;
    int16_t both[320];
    const int16_t *given = stream->agreement.sends && stream->agreement.receives ? heard : acted;
    if (given != NULL && acted != NULL && given != acted) {
        memcpy(both, heard, count * scale * sizeof *both);
        mix_into(&member->given, both, acted, count * scale, scale);
        given = both;
    }
    member_exchange(member, stream->voice.wide, (uint32_t)(deadline / TICK_NS), given, others, count);
    if (stream->tap != NULL) {
        memcpy(everybody, heard, count * scale * sizeof *heard);
        mix_into(&member->heard, everybody, others, count * scale, scale);
    }
}

void stream_tick(struct engine *engine, struct stream *stream, uint64_t deadline)
{
    uint64_t now = monotonic_ns();
    receive_rtp(engine, stream, now);
    if (!stream->started)
        return;
    uint32_t count = stream->tick_samples;
    uint32_t samples = stream->voice.wide ? 2 * count : count;
    int16_t heard[320] = {0}, others[320], everybody[320], *recorded = heard;
    if (stream->agreement.receives) {
        jitter_get(&stream->jitter, heard, count);
        counter_set(&stream->counters.frames_concealed, stream->jitter.frames_concealed);
        counter_set(&stream->counters.packets_late, stream->jitter.late);
        counter_set(&stream->counters.gaps, stream->jitter.gaps);
        counter_set(&stream->counters.playout_delay, jitter_waits(&stream->jitter));
        if (stream->voice.packets != NULL)
            counter_set(&stream->counters.packets_recovered, packets_recovered(stream->voice.packets));
        level_measure(&stream->counters.heard, heard, samples);
        if (stream->member != NULL && !stream->agreement.sends)
            memset(heard, 0, sizeof heard); /* they have us wait: in a conference their music would drown the others */
        if (stream->sink != NULL)
            voice_play(engine, stream, heard, count);
        if (!stream->silence_told && engine->no_rtp_ns > 0 && now - stream->heard_at > engine->no_rtp_ns) {
            stream->silence_told = true;
            engine_emit(engine, EVENT_NO_RTP, stream->id, (uint32_t)((now - stream->heard_at) / 1000000000u));
        }
    }
    script_hear(engine, stream, heard, count);
    /* A packet of one tick goes straight out; a longer one is gathered. */
    int16_t one_tick[320], alone[320], *acted = NULL;
    int16_t *pcm = stream->agreement.packet_samples == count ? one_tick : stream->pcm;
    int16_t *said = stream->voice.wide ? pcm + 2 * stream->fill : pcm + stream->fill;
    if (stream->agreement.sends) {
        voice_fetch(engine, stream, heard, said, count);
        acted = script_say(engine, stream, said, alone, count) ? alone : NULL;
    }
    if (stream->member != NULL) {
        confer(stream, deadline, heard, acted, others, everybody);
        recorded = everybody;
    }
    if (stream->agreement.sends) {
        level_measure(&stream->counters.sent, said, samples);
        if (stream->tap != NULL)
            voice_tap(stream, said, recorded, count); /* without digits: people type passwords */
        if (stream->member != NULL)
            mix_into(&stream->member->said, said, others, samples, samples / count);
        stream->fill += count;
        if (stream->fill >= stream->agreement.packet_samples) {
            transmit(engine, stream, pcm, deadline);
            stream->fill = 0;
        }
    } else {
        if (stream->tap != NULL)
            voice_tap(stream, NULL, recorded, count);
        script_pass(stream, count);
        stream->fill = 0;
        stream->timestamp += count;
    }
    if (now >= stream->rtcp.next)
        send_report(engine, stream, now, false);
}

void stream_end(struct engine *engine, struct stream *stream)
{
    if (stream->started)
        send_report(engine, stream, monotonic_ns(), true);
    stream_set_tap(stream, NULL);
    stream_join(stream, NULL);
    script_end(stream);
    stream_close_sockets(stream);
    stream->started = false;
}
