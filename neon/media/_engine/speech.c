#include "speech.h"

#include "level.h"

enum { ONSET_MS = 60, HANGOVER_MS = 500 };

#define FULL_SCALE (32768.0f * 32768.0f / 2) /* the mean square of the loudest sine, 0 dBov as ITU-T G.100.1 has it */
#define LEAST (FULL_SCALE * 1e-5f)           /* -50 dBov: nothing quieter is speech */
#define FLOOR_LEAST (FULL_SCALE * 1e-7f)     /* -70 dBov */
#define FLOOR_MOST (FULL_SCALE * 1e-3f)      /* -30 dBov: who speaks in such a noise is still heard */
#define FLOOR_FIRST (FULL_SCALE * 1e-6f)     /* -60 dBov */
#define RISE_PER_MS 0.00069f                 /* 3 dB a second */
#define BEGINS 8.0f                          /* 9 dB */
#define GOES_ON 4.0f                         /* 6 dB */

bool speech_hear(struct speech *speech, const int16_t *samples, size_t count, uint32_t milliseconds)
{
    float energy = count > 0 ? (float)sum_of_squares(samples, count) / (float)count : 0;
    if (speech->floor <= 0)
        speech->floor = FLOOR_FIRST;
    float ratio = speech->speaking ? GOES_ON : BEGINS;
    float threshold = speech->floor * ratio;
    if (threshold < LEAST * ratio / BEGINS)
        threshold = LEAST * ratio / BEGINS;
    if (energy < speech->floor)
        speech->floor += (energy - speech->floor) * 0.25f;
    else
        speech->floor *= 1.0f + RISE_PER_MS * (float)milliseconds;
    if (speech->floor < FLOOR_LEAST)
        speech->floor = FLOOR_LEAST;
    if (speech->floor > FLOOR_MOST)
        speech->floor = FLOOR_MOST;
    if ((energy > threshold) == speech->speaking) {
        speech->run = 0;
        return false;
    }
    speech->run += milliseconds;
    if (speech->run < (speech->speaking ? HANGOVER_MS : ONSET_MS))
        return false;
    speech->speaking = !speech->speaking;
    speech->run = 0;
    return true;
}
