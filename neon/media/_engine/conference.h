/* A conference: parties that hear each other, each everybody but itself.
 *
 * What they say is added up in a ring, at positions of the clock by which all streams are served, so that nothing drifts
 * however a party's packets come. At `at` a member adds the samples from there on, and takes what the others have said
 * up to there: that is complete, at whatever phases of the round they are served, and 20 ms old at most. What it takes
 * is the sum less its own samples, which is exact.
 *
 * It runs at 16 kHz while a member does, else at 8 kHz. The engine's thread owns all but the count of references. */
#ifndef NEON_CONFERENCE_H
#define NEON_CONFERENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit.h"
#include "wideband.h"

enum { CONFERENCE_RING = 2048 }; /* samples, 128 ms at 16 kHz; a power of two */

struct conference {
    atomic_int references;
    unsigned wide_members;
    uint32_t begun; /* counts beginnings: what members have of an earlier one is void */
    bool running;   /* somebody has spoken since */
    uint32_t end;   /* one past the newest position that was written */
    int32_t sums[CONFERENCE_RING];
};

struct member {
    struct conference *conference; /* a counted reference */
    bool wide;
    uint32_t begun;
    uint32_t from, end; /* the positions that own[] is good for */
    int16_t own[CONFERENCE_RING];
    struct halfband to, back;
    struct limiter others, given, said, heard;
};

struct conference *conference_new(void); /* NULL without memory */
struct conference *conference_ref(struct conference *conference);
void conference_unref(struct conference *conference); /* NULL is none */

struct member *member_new(struct conference *conference); /* NULL without memory */
void member_free(struct member *member);                  /* leaves; NULL is none */

/* The rate of the conference now, in 8 kHz, with a member that is, or is not, wide. */
unsigned member_scale(struct member *member, bool wide);
/* `count` samples at the conference's rate, at a position at that rate. */
void member_add(struct member *member, uint32_t at, const int16_t *samples, size_t count);
/* What the others said in the `count` samples before. */
void member_take(const struct member *member, uint32_t at, int32_t *others, size_t count);

/* All of it for a stream: `heard` is what came from there, or is said there by an application, NULL for nothing, `others`
 * what the others said, both `count` (<= 160) ticks at the stream's own rate. `tick` is the position in 1/8000 s. */
void member_exchange(struct member *member, bool wide, uint32_t tick, const int16_t *heard, int16_t *others,
                     size_t count);

#endif
