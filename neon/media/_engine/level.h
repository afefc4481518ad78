/* How loud something is: sums of squares, from which whoever reads the counters computes levels over any time. */
#ifndef NEON_LEVEL_H
#define NEON_LEVEL_H

#include <stddef.h>

#include "counters.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct level {
    _Atomic uint64_t energy, samples; /* modulo 2^64: the loudest sound needs weeks for that */
};

static inline uint64_t sum_of_squares(const int16_t *samples, size_t count)
{
    uint64_t energy = 0;
    size_t i = 0;
#ifdef __SSE2__
    const __m128i zero = _mm_setzero_si128();
    __m128i sums = zero;
    for (; i + 8 <= count; i += 8) {
        __m128i eight = _mm_loadu_si128((const __m128i *)(const void *)(samples + i));
        __m128i pairs = _mm_madd_epi16(eight, eight); /* up to 2^31: without a sign */
        sums = _mm_add_epi64(sums, _mm_add_epi64(_mm_unpacklo_epi32(pairs, zero), _mm_unpackhi_epi32(pairs, zero)));
    }
    uint64_t halves[2];
    _mm_storeu_si128((__m128i *)(void *)halves, sums);
    energy = halves[0] + halves[1];
#endif
    for (; i < count; i++)
        energy += (uint64_t)((int32_t)samples[i] * samples[i]);
    return energy;
}

static inline void level_measure(struct level *level, const int16_t *samples, size_t count)
{
    counter_add(&level->energy, sum_of_squares(samples, count));
    counter_add(&level->samples, count);
}

#endif
