#include "comfort.h"

#include <math.h>
#include <string.h>

enum { STRIDE = 40, NARROW_MAX = 160 }; /* samples after which the noise moves on, 5 ms */

/* 0 dBov is a square wave of the loudest µ-law code (section 3), here on the scale of 16 bits. */
static const float OVERLOAD = 8031.0f * 4;

bool comfort_read(struct comfort_noise *noise, const uint8_t *payload, size_t length)
{
    if (length == 0)
        return false;
    memset(noise, 0, sizeof *noise);
    noise->level = OVERLOAD * powf(10, (float)(payload[0] & 127) / -20);
    for (size_t i = 1; i < length && i <= COMFORT_ORDER; i++) {
        float reflection = 258 * ((float)payload[i] - 127) / 32768; /* section 3.2 */
        noise->reflection[i - 1] = reflection > 0.98f ? 0.98f : reflection < -0.98f ? -0.98f : reflection;
    }
    return true;
}

void comfort_set(struct comfort *comfort, const struct comfort_noise *noise, bool fresh)
{
    comfort->wanted = *noise;
    if (!fresh)
        return;
    comfort->now = *noise;
    memset(comfort->backward, 0, sizeof comfort->backward);
    memset(&comfort->filter, 0, sizeof comfort->filter);
}

/* White noise of mean square 1, nearly Gaussian: the sum of four numbers. */
static float white(struct comfort *comfort)
{
    int32_t sum = 0;
    for (int i = 0; i < 4; i++) {
        comfort->random = comfort->random * 1664525 + 1013904223;
        sum += (int32_t)(comfort->random >> 16) - 32768;
    }
    return (float)sum * (1.0f / 37837.2f); /* 65536 / sqrt(12) * sqrt(4) */
}

static void move_on(struct comfort *comfort)
{
    const float part = 0.25f;
    struct comfort_noise *now = &comfort->now;
    now->level += (comfort->wanted.level - now->level) * part;
    for (int i = 0; i < COMFORT_ORDER; i++)
        now->reflection[i] += (comfort->wanted.reflection[i] - now->reflection[i]) * part;
}

/* The all-pole lattice of the coefficients: stable whatever they are, as long as they are below 1. */
static float shaped(struct comfort *comfort, float forward)
{
    const float *reflection = comfort->now.reflection;
    float *backward = comfort->backward;
    for (int i = COMFORT_ORDER; i > 0; i--) {
        forward -= reflection[i - 1] * backward[i - 1];
        backward[i] = backward[i - 1] + reflection[i - 1] * forward;
    }
    backward[0] = forward;
    return forward;
}

void comfort_fill(struct comfort *comfort, int16_t *samples, size_t count, int wide)
{
    int16_t narrow[NARROW_MAX], *to = wide == 1 ? samples : narrow;
    float gain = 0;
    for (size_t i = 0; i < count; i++) {
        if (i % STRIDE == 0) {
            move_on(comfort);
            gain = comfort->now.level * comfort->now.level;
            for (int j = 0; j < COMFORT_ORDER; j++)
                gain *= 1 - comfort->now.reflection[j] * comfort->now.reflection[j];
            gain = sqrtf(gain);
        }
        float sample = shaped(comfort, white(comfort) * gain);
        to[i] = (int16_t)(sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : lrintf(sample));
    }
    if (wide == 2)
        halfband_up(&comfort->filter, samples, narrow, count);
}
