#include "source.h"

#include <math.h>
#include <string.h>

void sine_fill(float table[SINE_TABLE + 1])
{
    const double turn = 6.283185307179586;
    for (int i = 0; i <= SINE_TABLE; i++)
        table[i] = (float)sin(turn * (i % SINE_TABLE) / SINE_TABLE);
}

float sine_amplitude(double dbm0)
{
    double amplitude = 32768.0 * pow(10.0, (dbm0 - 3.14) / 20.0);
    return (float)(amplitude > 32767.0 ? 32767.0 : amplitude);
}

uint32_t tone_step(double hertz)
{
    return (uint32_t)(hertz / 16000 * 4294967296.0);
}

void source_tone(struct source *source, const float *sine, int16_t *samples, size_t count, bool wide)
{
    const float fraction = 1.0f / (1u << 22);
    const uint32_t step = wide ? source->step : 2 * source->step;
    uint32_t phase = source->phase;
    if (!wide && source->step >= 1u << 30) {
        memset(samples, 0, count * sizeof *samples);
        return;
    }
    for (size_t i = 0; i < count; i++, phase += step) {
        const float *entry = &sine[phase >> 22]; /* the upper 10 bits choose, the lower 22 interpolate */
        float value = entry[0] + (entry[1] - entry[0]) * ((float)(phase & 0x3fffff) * fraction);
        samples[i] = (int16_t)lrintf(value * source->amplitude);
    }
    source->phase = phase;
}

void source_samples(struct source *source, int16_t *samples, size_t count)
{
    while (count > 0) {
        size_t left = source->count - source->position;
        if (left == 0) {
            if (!source->loop || source->count == 0) {
                memset(samples, 0, count * sizeof *samples);
                return;
            }
            source->position = 0;
            continue;
        }
        size_t taken = left < count ? left : count;
        memcpy(samples, source->samples + source->position, taken * sizeof *samples);
        source->position += taken;
        samples += taken;
        count -= taken;
    }
}
