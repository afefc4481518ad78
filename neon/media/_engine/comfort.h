/* Comfort noise (RFC 3389): what is heard while the far end sends nothing because nobody speaks there.
 *
 * A packet has the noise's level and, as reflection coefficients, its spectrum. What is heard moves from one packet's
 * noise to the next one's within some 50 ms. Made at 8 kHz; with `wide` it is brought to 16 kHz. */
#ifndef NEON_COMFORT_H
#define NEON_COMFORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wideband.h"

enum { COMFORT_ORDER = 12 }; /* coefficients that are used; higher ones are left out */

struct comfort_noise {
    float level;                      /* the root of the mean square, in samples */
    float reflection[COMFORT_ORDER];
};

struct comfort {
    struct comfort_noise wanted, now;
    float backward[COMFORT_ORDER + 1]; /* the filter's memory */
    uint32_t random;
    struct halfband filter;
};

/* Reads a payload; false if it is empty. */
bool comfort_read(struct comfort_noise *noise, const uint8_t *payload, size_t length);

/* From the next sample on this noise is headed for; a `fresh` one begins at its own level. */
void comfort_set(struct comfort *comfort, const struct comfort_noise *noise, bool fresh);

/* `count` (<= 160) ticks. */
void comfort_fill(struct comfort *comfort, int16_t *samples, size_t count, int wide);

#endif
