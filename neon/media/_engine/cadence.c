#include "cadence.h"

#include <math.h>

#include "source.h"

static float value_of(const float *sine, uint32_t phase)
{
    return sine[phase >> 22]; /* a table of 1024 values is 60 dB better than these tones have to be */
}

static void next_step(struct cadence *cadence)
{
    cadence->done = 0;
    cadence->phase[0] = cadence->phase[1] = 0;
    if (++cadence->at < cadence->count)
        return;
    cadence->at = 0;
    if (!cadence->repeat)
        cadence->count = 0;
}

/* How loud it is at this tick, so that it begins and ends softly. */
static float gain_of(const struct cadence *cadence, const struct cadence_step *step)
{
    uint32_t left = step->ticks - cadence->done, near = cadence->done < left ? cadence->done : left;
    return near < CADENCE_RAMP ? (float)near / CADENCE_RAMP : 1.0f;
}

void cadence_add(struct cadence *cadence, const float *sine, int32_t *sums, uint32_t ticks, bool wide)
{
    const unsigned each = wide ? 2 : 1;
    for (uint32_t i = 0; i < ticks && cadence->count > 0; i++) {
        const struct cadence_step *step = &cadence->steps[cadence->at];
        float amplitude = cadence->amplitude * gain_of(cadence, step);
        for (unsigned j = 0; j < each; j++) {
            for (unsigned k = 0; k < 2; k++) {
                if (step->step[k] == 0)
                    continue;
                sums[i * each + j] += (int32_t)lrintf(amplitude * value_of(sine, cadence->phase[k]));
                cadence->phase[k] += step->step[k] * (wide ? 1 : 2);
            }
        }
        if (++cadence->done >= step->ticks)
            next_step(cadence);
    }
}
