#include "timescale.h"

#include <string.h>

#include "level.h"

/* From `one` to `other` within `count` samples. */
static void fade(int16_t *to, const int16_t *one, const int16_t *other, int count)
{
    for (int i = 0; i < count; i++) {
        int weight = (2 * i + 1) * 16384 / count; /* of 2^15 */
        to[i] = (int16_t)((one[i] * (32768 - weight) + other[i] * weight) / 32768);
    }
}

/* The best of the shifts in whole ticks; either the later place moves, or the earlier one. */
static struct pitch search(const int16_t *samples, int most, int wide, bool later)
{
    struct pitch best = {.period = most * wide, .likeness = -1};
    for (int period = TIMESCALE_LEAST * wide; period <= most * wide; period += wide) {
        struct pitch one = pitch_find(samples + (later ? period : 0), TIMESCALE_WINDOW * wide, period, period, 1);
        if (one.likeness >= best.likeness - 0.0005f) /* of several periods the more, so that it is done seldom */
            best = one;
    }
    return best;
}

struct pitch timescale_to_leave_out(const int16_t *samples, int most, int wide)
{
    return search(samples, most, wide, true);
}

bool timescale_is_quiet(const int16_t *samples, size_t count)
{
    const float silence = 10000;
    return (float)sum_of_squares(samples, count) < silence * (float)count;
}

bool timescale_is_hidden(struct pitch pitch, bool quiet, int32_t unwanted, int32_t patience)
{
    const float alike = 0.7f;
    return quiet || unwanted >= 2 * patience || (unwanted >= patience && pitch.likeness >= alike);
}

void timescale_leave_out(int16_t *samples, int count, int period, int wide)
{
    const int window = TIMESCALE_WINDOW * wide;
    fade(samples, samples, samples + period, window);
    memmove(samples + window, samples + window + period, (size_t)(count - window - period) * sizeof *samples);
}

struct pitch timescale_to_repeat(const int16_t *here, int wide)
{
    return search(here, TIMESCALE_MOST, wide, false);
}

void timescale_repeat(int16_t *more, const int16_t *here, int period, int wide)
{
    int faded = TIMESCALE_WINDOW * wide < period ? TIMESCALE_WINDOW * wide : period;
    fade(more, here, here - period, faded);
    memcpy(more + faded, here - period + faded, (size_t)(period - faded) * sizeof *more);
}
