/* The jitter buffer: packets go in as they come, samples come out as time passes.
 *
 * Positions are RTP timestamps of an 8 kHz clock, compared modulo 2^32. Codes are kept in a ring with one presence bit
 * per tick, so that packets of any length from 10 to 60 ms may arrive, in any order. A code of G.722 is two samples at
 * 16 kHz, and its decoder has a memory: codes are decoded as they leave, once each. Opus has no codes: its packets wait
 * elsewhere (packets.h), only that they are there is noted here, and its decoder fills in what is missing.
 *
 * How long packets wait follows what is seen of the network (delay.h), so a far clock that is not ours is followed too.
 * The buffer gets shorter or longer by pitch periods (timescale.h), in silence first; where comfort noise is heard, by
 * as much as it likes. What is missing is filled in (conceal.h), or is comfort noise if the far end said so (comfort.h).
 *
 * Owned by the stream that contains it and touched by one thread only. Memory is not allocated. */
#ifndef NEON_JITTER_H
#define NEON_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comfort.h"
#include "conceal.h"
#include "delay.h"
#include "timescale.h"

enum {
    JITTER_RING = 4096,        /* codes, 512 ms; a power of two */
    JITTER_PACKET_MAX = 480,   /* 60 ms */
    JITTER_WIDE = 2,           /* samples a tick at most */
    JITTER_RECENT = 1024,      /* samples that have left and are remembered; a power of two */
    JITTER_READY = JITTER_PACKET_MAX + 2 * TIMESCALE_MOST + TIMESCALE_WINDOW, /* ticks that may be decoded ahead */
    JITTER_GIVE_UP = 1600,     /* ticks of nothing at all after which the buffer waits for a new beginning; */
    JITTER_GIVE_UP_OPUS = 4000, /* whose silences have a packet each 400 ms */
    JITTER_RESTS = 4,          /* beginnings of comfort noise that may wait for their time */
};

enum codec { CODEC_ULAW, CODEC_ALAW, CODEC_G722, CODEC_OPUS };

enum jitter_put { JITTER_STORED, JITTER_DUPLICATE, JITTER_LATE, JITTER_REFUSED };

struct g722;
struct packets;

struct jitter {
    enum codec codec;
    struct g722 *g722;      /* the stream's; for that codec only */
    struct packets *packets; /* the stream's; for Opus only */
    int wide;               /* samples of a code, and of a tick: 1, or 2 */
    bool started;           /* a packet fixed the position */
    bool plain;             /* nothing but what arrived is to be said: no loss, no rest, nothing decoded ahead */
    bool resting;           /* comfort noise is heard until audio comes, */
    uint32_t rested;        /* from this code on */
    uint32_t play;          /* the next code to be decoded */
    uint32_t high;          /* one past the newest code stored */
    uint32_t first;         /* the first code of this beginning: nothing before it is missing */
    uint32_t clock;         /* ticks that came out, since ever */
    struct delay delay;
    struct concealment concealment;
    struct comfort comfort;
    struct {
        uint32_t at;
        struct comfort_noise noise;
    } rests[JITTER_RESTS];
    int resting_next;       /* how many of them wait */
    int32_t unwanted;       /* ticks for which the delay was not as it should be */
    int32_t pause;          /* ticks until it may be changed again */
    float loudness;         /* mean square of what came out, of the last seconds */
    uint32_t duplicates, late, resets;
    uint32_t frames_concealed; /* gets that contained concealed samples */
    uint32_t gaps;             /* times that concealment began: losses that follow each other count once */
    uint32_t shortened, lengthened; /* ticks left out and added */
    int ahead;              /* ticks in `ready` */
    uint32_t left;          /* samples in `recent`, since ever */
    int16_t ready[JITTER_READY * JITTER_WIDE];
    int16_t recent[JITTER_RECENT];
    uint64_t present[JITTER_RING / 64];
    uint8_t codes[JITTER_RING];
};

/* Once, before everything else; the delay's bounds in ticks, 0 for the usual ones. */
void jitter_init(struct jitter *jitter, int32_t least, int32_t most);

/* Forgets what is in it; what is known of the network stays. `g722` or `packets` must be set before, if the codec is one of
 * theirs. */
void jitter_reset(struct jitter *jitter, enum codec codec);

/* Another network: nothing is known of it. */
void jitter_forget(struct jitter *jitter);

/* Stores a packet of `count` codes, for Opus octets, whose first has the given timestamp; it could have been had `waited` ticks ago. */
enum jitter_put jitter_put(struct jitter *jitter, uint32_t timestamp, const uint8_t *codes, size_t count,
                           uint32_t waited);

/* Marks everything between the newest code and `end` as silence; nothing if that is more than a packet. */
void jitter_put_silence(struct jitter *jitter, uint32_t end);

/* From `timestamp` on whatever is missing is this noise, until audio comes. */
void jitter_put_comfort(struct jitter *jitter, uint32_t timestamp, const struct comfort_noise *noise);

/* Takes the samples of the next `count` (<= JITTER_PACKET_MAX) ticks; silence before the first packet. */
void jitter_get(struct jitter *jitter, int16_t *samples, size_t count);

/* Ticks between the next to come out and the newest: what is in the buffer. */
int32_t jitter_delay(const struct jitter *jitter);

/* Ticks that a packet waits which nothing holds up: what is made up for. */
uint32_t jitter_waits(const struct jitter *jitter);

#endif
