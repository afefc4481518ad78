/* A clip: stored sound that any number of streams play, each from a place of its own.
 *
 * Never changed once it is made; whoever lets go of it last frees it. */
#ifndef NEON_CLIP_H
#define NEON_CLIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clip {
    atomic_int references;
    bool wide; /* 16 kHz, else 8 kHz */
    size_t count;
    int16_t samples[];
};

struct clip *clip_new(const void *samples, size_t count, bool wide); /* copies; NULL without memory */
struct clip *clip_ref(struct clip *clip);
void clip_unref(struct clip *clip); /* NULL is none */

/* Copies the next `count` samples out, zeros where there are no more, and moves `position`; false at the end of a clip
 * that is played once. */
bool clip_read(const struct clip *clip, size_t *position, bool loop, int16_t *samples, size_t count);

#endif
