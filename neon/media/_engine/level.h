/* How loud something is: sums of squares, from which whoever reads the counters computes levels over any time. */
#ifndef NEON_LEVEL_H
#define NEON_LEVEL_H

#include "counters.h"

struct level {
    _Atomic uint64_t energy, samples; /* modulo 2^64: the loudest sound needs weeks for that */
};

static inline void level_measure(struct level *level, const int16_t *samples, uint32_t count)
{
    uint64_t energy = 0;
    for (uint32_t i = 0; i < count; i++)
        energy += (uint64_t)((int32_t)samples[i] * samples[i]);
    counter_add(&level->energy, energy);
    counter_add(&level->samples, count);
}

#endif
