#include "limit.h"

#include <math.h>
#include <stdbool.h>

enum { HOLD = 240 /* 30 ms at 8 kHz */ };

static const float TOP = 32767.0f;
static const float RELEASE = 2.0f / 8000; /* of the gain, in a sample at 8 kHz: twice as loud in a quarter second */

static bool fits(const int32_t *sums, size_t count)
{
    int32_t least = 0, greatest = 0;
    for (size_t i = 0; i < count; i++) {
        least = sums[i] < least ? sums[i] : least;
        greatest = sums[i] > greatest ? sums[i] : greatest;
    }
    return least >= INT16_MIN && greatest <= INT16_MAX;
}

void limit(struct limiter *limiter, int16_t *restrict samples, const int32_t *restrict sums, size_t count,
           unsigned scale)
{
    if (limiter->reduction == 0 && fits(sums, count)) {
        for (size_t i = 0; i < count; i++)
            samples[i] = (int16_t)sums[i];
        return;
    }
    const float step = RELEASE / (float)scale;
    float reduction = limiter->reduction;
    uint32_t held = limiter->held;
    for (size_t i = 0; i < count; i++) {
        float sum = (float)sums[i];
        if (fabsf(sum) * (1 - reduction) > TOP) {
            reduction = 1 - TOP / fabsf(sum);
            held = HOLD * scale;
        } else if (held > 0) {
            held--;
        } else {
            reduction = reduction > step ? reduction - step : 0;
        }
        float sample = sum * (1 - reduction);
        /* Rounding may lead a little beyond. */
        samples[i] = (int16_t)lrintf(sample > TOP ? TOP : sample < -TOP ? -TOP : sample);
    }
    limiter->reduction = reduction;
    limiter->held = held;
}
