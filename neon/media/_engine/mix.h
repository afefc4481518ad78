/* A device: a SOCK_SEQPACKET socket that carries 20 ms frames of audio both ways, and the mixing of streams into it.
 * Two octets instead of a frame, a little-endian number, say how many samples the far end's card had left to play at
 * least since the last such message.
 *
 * It has a rate of its own, 8 kHz or, if it is `wide`, 16 kHz; whoever takes and adds does so at that rate.
 *
 * What is captured goes into a ring from which every attached stream takes with a cursor of its own; what the streams
 * play is added up in another ring and leaves once every 20 ms. Owned by the engine's thread; the count of references
 * and the counters are shared. */
#ifndef NEON_MIX_H
#define NEON_MIX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cadence.h"
#include "level.h"
#include "limit.h"
#include "outlet.h"

enum {
    DEVICE_WORD = 2,        /* octets */
    DEVICE_FRAME = 160,     /* samples at 8 kHz; twice as many of everything but the rings at 16 kHz */
    DEVICE_RING = 4096,     /* samples */
    DEVICE_AHEAD = 320,     /* captured samples that wait when a stream begins to take, 40 ms */
    DEVICE_LAYERS = 2,      /* of tones, which are heard together */
    DEVICE_AHEAD_MAX = 960, /* more than that, and the oldest are left out */
};

struct device {
    atomic_int references;
    uint32_t id;
    int fd;
    bool wide;
    bool gone;
    uint32_t captured, played; /* samples since the beginning, modulo 2^32 */
    int16_t capture[DEVICE_RING];
    int32_t playback[DEVICE_RING];
    struct limiter limiter; /* of the playback */
    struct outlet outlet;
    struct cadence cadence[DEVICE_LAYERS]; /* tones for whoever listens */
    _Atomic uint64_t frames_captured, frames_played, frames_dropped;
    atomic_bool measured; /* whether somebody looks at the levels */
    struct level capture_level, playback_level;
    struct device *next;
};

struct device *device_new(uint32_t id, int fd, bool wide); /* owns fd from now on; NULL without memory */
struct device *device_ref(struct device *device);
void device_unref(struct device *device);

/* Reads what has been captured; true if the far end is gone (told once). */
bool device_capture(struct device *device);
/* Takes over `count` captured samples, little-endian. */
void device_store(struct device *device, const uint8_t *frame, uint32_t count);
/* Sends one frame of what was mixed, and of tones (from one turn of a sine); true if the far end is gone (told once). */
bool device_play(struct device *device, const float *sine);

/* Adds samples to what will be played. */
void device_add(struct device *device, uint32_t *cursor, const int16_t *samples, size_t count);

/* Adds `more` to `into`; `count` is at most 320, `scale` the rate in 8 kHz. */
void mix_into(struct limiter *limiter, int16_t *into, const int16_t *more, size_t count, unsigned scale);

/* How loud something is played: 1 is as it came. It moves there within the samples of one call, so that it does not
 * click. */
struct volume {
    float wanted, now;
    struct limiter limiter;
};

/* True if `louder` was filled in and is to be played instead of the samples. */
bool volume_apply(struct volume *volume, int16_t *louder, const int16_t *samples, size_t count, unsigned scale);

#endif
