/* A tap: what a call says and hears, both sides in step, from the engine's thread to whoever writes it down.
 *
 * A ring of stereo samples with one writer, the thread, and one reader anywhere; neither ever waits for the other. What
 * finds the ring full is owed: as much silence follows as soon as there is room, so that time in the recording goes on
 * as it did in the call. */
#ifndef NEON_TAP_H
#define NEON_TAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TAP_SIDES = 2,
    TAP_REPAY = 1600, /* samples of silence that are paid back at once: the thread's time is bounded */
};

struct tap {
    atomic_int references;
    uint32_t room;                /* samples of each side, a power of two */
    atomic_uint written, read;    /* so far, modulo 2^32 */
    uint32_t owed;                /* the thread's own */
    atomic_bool paused;           /* silence is written */
    atomic_bool done;             /* nothing more will be */
    _Atomic uint64_t lost;        /* samples that were replaced by silence */
    int16_t samples[][TAP_SIDES]; /* ours, theirs */
};

struct tap *tap_new(uint32_t room); /* room is rounded up to a power of two; NULL without memory */
struct tap *tap_ref(struct tap *tap);
void tap_unref(struct tap *tap); /* NULL is none */

/* For the thread: `count` samples of each side; NULL is silence. */
void tap_write(struct tap *tap, const int16_t *ours, const int16_t *theirs, uint32_t count);
void tap_skip(struct tap *tap, uint32_t count); /* the thread stood still for so long */
void tap_finish(struct tap *tap);

/* For the reader: how many samples wait; copy (at most) so many out. */
uint32_t tap_waiting(const struct tap *tap);
void tap_read(struct tap *tap, int16_t *samples, uint32_t count);

#endif
