/* Whether somebody speaks: energy against an adaptive noise floor, with a hangover.
 *
 * Somebody speaks when 60 ms in a row are 9 dB louder than the noise and louder than -50 dBov, and no longer when 500 ms
 * in a row were less than 6 dB louder. The floor falls at once and rises by 3 dB a second, so that a noise that stays is
 * taken for one before long. */
#ifndef NEON_SPEECH_H
#define NEON_SPEECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct speech {
    float floor; /* mean square; 0: nothing was heard yet */
    uint32_t run; /* milliseconds that have spoken for a change */
    bool speaking;
};

/* `milliseconds` of sound; true if somebody has begun or ceased to speak. */
bool speech_hear(struct speech *speech, const int16_t *samples, size_t count, uint32_t milliseconds);

#endif
