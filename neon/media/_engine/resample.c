#include "resample.h"

#include <math.h>
#include <stdlib.h>

enum { ZERO_CROSSINGS = 16, MOST_PHASES = 1000 };

static unsigned divisor(unsigned a, unsigned b)
{
    while (b != 0) {
        unsigned rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

size_t resample_count(size_t count, unsigned rate, unsigned wanted)
{
    unsigned common = divisor(rate, wanted);
    uint64_t phases = wanted / common, step = rate / common;
    return (size_t)((count * phases + step - 1) / step);
}

/* For an output sample that lies `offset` of a sample after an input sample; their sum is one. */
static void fill(float *taps, int reach, double offset, double cutoff)
{
    const double pi = 3.141592653589793;
    double total = 0;
    for (int k = 1 - reach; k <= reach; k++) {
        double at = k - offset, x = 2 * pi * cutoff * at, turn = pi * at / reach;
        double sinc = fabs(x) < 1e-9 ? 1.0 : sin(x) / x;
        double tap = sinc * (0.42 + 0.5 * cos(turn) + 0.08 * cos(2 * turn));
        taps[k + reach - 1] = (float)tap;
        total += tap;
    }
    for (int k = 0; k < 2 * reach; k++)
        taps[k] = (float)(taps[k] / total);
}

static int16_t apply(const float *taps, int reach, const int16_t *samples, size_t count, size_t whole)
{
    /* The first of 2 * reach samples is number whole + 1 - reach; what lies outside is silence. */
    size_t before = whole + 1 < (size_t)reach ? (size_t)reach - 1 - whole : 0;
    size_t first = whole + 1 + before - (size_t)reach;
    size_t last = whole + (size_t)reach + 1 < count ? whole + (size_t)reach + 1 : count;
    float sum = 0;
    for (size_t i = first; i < last; i++)
        sum += taps[before + i - first] * samples[i];
    long value = lrintf(sum);
    return (int16_t)(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
}

bool resample(int16_t *result, const int16_t *samples, size_t count, unsigned rate, unsigned wanted)
{
    unsigned common = divisor(rate, wanted);
    uint64_t phases = wanted / common, step = rate / common;
    uint64_t used = phases < MOST_PHASES ? phases : MOST_PHASES;
    double narrower = wanted < rate ? (double)wanted / rate : 1.0;
    /* Below both Nyquist frequencies, with room for the filter's slope. */
    double cutoff = 0.5 * narrower * 0.92;
    int reach = (int)ceil(ZERO_CROSSINGS / narrower);
    size_t width = 2 * (size_t)reach, wanted_count = resample_count(count, rate, wanted);
    float *filters = malloc(used * width * sizeof *filters);
    if (filters == NULL)
        return false;
    for (uint64_t phase = 0; phase < used; phase++)
        fill(filters + phase * width, reach, (double)phase / (double)used, cutoff);
    for (size_t n = 0; n < wanted_count; n++) {
        uint64_t place = n * step;
        const float *taps = filters + place % phases * used / phases * width;
        result[n] = apply(taps, reach, samples, count, (size_t)(place / phases));
    }
    free(filters);
    return true;
}
