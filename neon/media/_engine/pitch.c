#include "pitch.h"

#include <math.h>

#include "level.h"

static float product(const int16_t *one, const int16_t *other, int count)
{
    float sum = 0;
    int i = 0;
#ifdef __SSE2__
    __m128 sums = _mm_setzero_ps();
    for (; i + 8 <= count; i += 8) {
        __m128i left = _mm_loadu_si128((const __m128i *)(const void *)(one + i));
        __m128i right = _mm_loadu_si128((const __m128i *)(const void *)(other + i));
        /* Halved, so that no pair of products overflows 32 bits. */
        __m128i pairs = _mm_madd_epi16(_mm_srai_epi16(left, 1), right);
        sums = _mm_add_ps(sums, _mm_cvtepi32_ps(pairs));
    }
    float parts[4];
    _mm_storeu_ps(parts, sums);
    sum = parts[0] + parts[1] + parts[2] + parts[3];
#endif
    for (; i < count; i++)
        sum += (float)((one[i] >> 1) * other[i]);
    return 2 * sum;
}

static void try(struct pitch *best, const int16_t *here, int window, float energy, int period)
{
    const int16_t *there = here - period;
    float other = (float)sum_of_squares(there, (size_t)window);
    float alike = product(here, there, window);
    float likeness = energy > 0 && other > 0 ? alike / sqrtf(energy * other) : 0;
    /* A period and its double are alike; the shorter one is meant. */
    if (likeness > best->likeness + 0.001f) {
        best->likeness = likeness;
        best->period = period;
    }
}

struct pitch pitch_find(const int16_t *here, int window, int least, int most, int step)
{
    float energy = (float)sum_of_squares(here, (size_t)window);
    struct pitch best = {.period = most, .likeness = -1};
    if (energy == 0)
        return (struct pitch){.period = most, .likeness = 0};
    for (int period = least; period <= most; period += step)
        try(&best, here, window, energy, period);
    int middle = best.period;
    for (int period = middle - step + 1; step > 1 && period < middle + step; period++)
        if (period >= least && period <= most && period != middle)
            try(&best, here, window, energy, period);
    return best;
}
