#include "conceal.h"

#include <string.h>

#include "pitch.h"

enum {
    PITCH_LEAST = 32,   /* ticks, 250 Hz: a higher voice is met by a multiple of its period */
    PITCH_MOST = 120,   /* 66 Hz */
    PITCH_WINDOW = 64,  /* ticks that are compared */
    JOIN_LEAST = 32,    /* ticks of the way back, 4 ms, */
    JOIN_MORE = 16,     /* 2 ms more for each 10 ms that were missing beyond 20, */
    JOIN_MOST = 80,     /* up to 10 ms */
};

void conceal_begin(struct concealment *concealment, const int16_t *history, int wide)
{
    const int length = CONCEAL_HISTORY * wide;
    memcpy(concealment->history, history, (size_t)length * sizeof *history);
    concealment->wide = wide;
    const int16_t *end = concealment->history + length;
    struct pitch pitch =
        pitch_find(end - PITCH_WINDOW * wide, PITCH_WINDOW * wide, PITCH_LEAST * wide, PITCH_MOST * wide, wide);
    concealment->period = pitch.period;
    concealment->periods = 1;
    concealment->phase = concealment->run = concealment->fading = concealment->joining = 0;
    concealment->step = end[-1] - end[-1 - pitch.period];
    concealment->active = true;
}

/* The sample at `phase` of the last `periods` periods, whose end slides into what came before their beginning. */
static int repeated(const struct concealment *concealment, int periods, int phase)
{
    const int all = periods * concealment->period, slide = concealment->period / 4;
    const int16_t *begin = concealment->history + CONCEAL_HISTORY * concealment->wide - all;
    int rest = all - phase;
    if (rest > slide)
        return begin[phase];
    int weight = (slide - rest + 1) * 256 / (slide + 1);
    return (begin[phase] * (256 - weight) + begin[phase - all] * weight) / 256;
}

/* Another period of the past each 10 ms, up to three. */
static void widen(struct concealment *concealment)
{
    if (concealment->periods == 3 || concealment->run != concealment->periods * CONCEAL_FULL * concealment->wide)
        return;
    concealment->phase_before = concealment->phase;
    concealment->fading = concealment->period / 4;
    concealment->periods++;
}

static int next(struct concealment *concealment)
{
    const int wide = concealment->wide, period = concealment->period;
    const int full = CONCEAL_FULL * wide, end = CONCEAL_END * wide;
    if (concealment->run >= end)
        return 0;
    widen(concealment);
    int sample = repeated(concealment, concealment->periods, concealment->phase);
    if (++concealment->phase == concealment->periods * period)
        concealment->phase = 0;
    if (concealment->fading > 0) {
        int weight = concealment->fading * 256 / (period / 4 + 1);
        int before = repeated(concealment, concealment->periods - 1, concealment->phase_before);
        if (++concealment->phase_before == (concealment->periods - 1) * period)
            concealment->phase_before = 0;
        sample = (sample * (256 - weight) + before * weight) / 256;
        concealment->fading--;
    }
    int run = concealment->run++, slide = period / 4;
    if (run < slide)
        sample += concealment->step * (slide - run) / (slide + 1);
    if (run >= full)
        sample = sample * (end - run) / (end - full);
    return sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : sample;
}

void conceal_fill(struct concealment *concealment, int16_t *samples, int count)
{
    int run = concealment->run + count;
    for (int i = 0; i < count; i++)
        samples[i] = (int16_t)next(concealment);
    concealment->run = run; /* beyond the end too */
}

void conceal_end(struct concealment *concealment)
{
    const int wide = concealment->wide;
    int more = concealment->run / (CONCEAL_FULL * wide) - 2;
    int join = JOIN_LEAST + (more > 0 ? more : 0) * JOIN_MORE;
    concealment->join = concealment->joining = (join < JOIN_MOST ? join : JOIN_MOST) * wide;
    concealment->active = false;
}

void conceal_join(struct concealment *concealment, int16_t *samples, int count)
{
    for (int i = 0; i < count && concealment->joining > 0; i++, concealment->joining--) {
        int weight = concealment->joining * 256 / (concealment->join + 1);
        samples[i] = (int16_t)((next(concealment) * weight + samples[i] * (256 - weight)) / 256);
    }
}
