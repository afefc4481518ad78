/* The jitter buffer: packets go in as they come, samples come out as time passes.
 *
 * Positions are RTP timestamps of an 8 kHz clock, compared modulo 2^32. Codes are kept in a ring with one presence bit
 * per sample, so that any packet length from 10 to 60 ms may arrive, in any order. Losses are filled with the last
 * pitch period, faded out in 60 ms (in the spirit of G.711 Appendix I). A code of G.722 is two samples at 16 kHz, and
 * its decoder has a memory: codes are decoded as they leave, once each, and what left is remembered instead. The delay starts at 20 ms, grows when a packet
 * comes too late for it, and shrinks when two seconds pass without its being needed.
 *
 * Owned by the stream that contains it and touched by one thread only. Memory is not allocated. */
#ifndef NEON_JITTER_H
#define NEON_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JITTER_RING = 4096,        /* samples, 512 ms; a power of two */
    JITTER_PACKET_MAX = 480,   /* 60 ms */
    JITTER_DELAY_MIN = 160,    /* 20 ms */
    JITTER_DELAY_MAX = 1600,   /* 200 ms */
    JITTER_HISTORY = 400,      /* samples before a loss that the concealment looks at, 50 ms */
    JITTER_GIVE_UP = 1600,     /* samples of nothing at all after which the buffer waits for a new beginning */
};

enum codec { CODEC_ULAW, CODEC_ALAW, CODEC_G722 };

enum jitter_put { JITTER_STORED, JITTER_DUPLICATE, JITTER_LATE, JITTER_REFUSED };

struct concealment {
    int16_t period[JITTER_HISTORY]; /* at the codec's rate: the last pitch period, joined smoothly at its ends */
    int length;                     /* of the period, in samples */
    int phase;                      /* next sample of the period */
    int run;                        /* samples concealed so far in this loss */
    bool active;
};

struct g722;

struct jitter {
    enum codec codec;
    struct g722 *g722;      /* the stream's; for that codec only */
    int wide;               /* samples of a code: 1, or 2 */
    int16_t *recent;        /* the stream's: the last 2 * JITTER_HISTORY samples that left, for that codec only */
    bool started;           /* a packet fixed the position */
    uint32_t play;          /* the next sample to come out */
    uint32_t high;          /* one past the newest sample stored */
    uint32_t first;         /* the first sample of this beginning: nothing before it is missing */
    int32_t spare_min;      /* least number of samples waiting at a get, in this window */
    int window;             /* samples until the window ends */
    struct concealment concealment;
    uint32_t duplicates, late, resets;
    uint32_t frames_concealed; /* gets that contained concealed samples */
    uint32_t gaps;             /* times that concealment began: losses that follow each other count once */
    uint64_t present[JITTER_RING / 64];
    uint8_t codes[JITTER_RING];
};

/* `g722` and `recent` must be set before, if the codec is G.722. */
void jitter_reset(struct jitter *jitter, enum codec codec);

/* Stores a packet of `count` codes whose first sample has the given timestamp. */
enum jitter_put jitter_put(struct jitter *jitter, uint32_t timestamp, const uint8_t *codes, size_t count);

/* Marks everything between the newest sample and `end` as silence; nothing if that is more than a packet. */
void jitter_put_silence(struct jitter *jitter, uint32_t end);

/* Takes the samples of the next `count` (<= JITTER_PACKET_MAX) codes; silence before the first packet. */
void jitter_get(struct jitter *jitter, int16_t *samples, size_t count);

/* Samples between the next to come out and the newest: the delay of the buffer. */
int32_t jitter_delay(const struct jitter *jitter);

#endif
