/* Between 16 kHz and 48 kHz, for sound cards that know nothing else.
 *
 * A windowed sinc of 48 taps on each side: flat to 6.8 kHz, 70 dB down from 8.9 kHz on; 1 ms late. All zeros but for
 * the taps is silence before. */
#ifndef NEON_THIRD_H
#define NEON_THIRD_H

#include <stdint.h>

enum {
    THIRD_TAPS = 96,   /* of the filter at 48 kHz; a multiple of 3 */
    THIRD_FRAME = 320, /* samples at 16 kHz */
};

struct third {
    float taps[THIRD_TAPS];
    float past[THIRD_TAPS + 3 * THIRD_FRAME];
};

void third_init(struct third *third);

/* A frame of 20 ms: THIRD_FRAME samples to three times as many, or back. One direction for each struct. */
void third_up(struct third *third, int16_t *fast, const int16_t *slow);
void third_down(struct third *third, int16_t *slow, const int16_t *fast);

#endif
