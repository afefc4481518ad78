/* Looks for the shift at which audio resembles itself most: the pitch period of a voice, or a multiple of it. */
#ifndef NEON_PITCH_H
#define NEON_PITCH_H

#include <stddef.h>
#include <stdint.h>

struct pitch {
    int period;       /* samples */
    float likeness;   /* -1 to 1; 0 for silence */
};

/* Compares `window` samples at `here` with as many that lie between `least` and `most` samples earlier, first in steps
 * of `step` and then, around the best, one by one. */
struct pitch pitch_find(const int16_t *here, int window, int least, int most, int step);

#endif
