/* Makes a sum of voices fit into 16 bits without crackling.
 *
 * What fits already passes unchanged, bit for bit. What does not is turned down as a whole, at once, and turned up again
 * slowly: a loud moment is quieter, not square. */
#ifndef NEON_LIMIT_H
#define NEON_LIMIT_H

#include <stddef.h>
#include <stdint.h>

struct limiter {
    float reduction; /* of the gain, 0 to 1: all zeros is one that has had nothing to do */
    uint32_t held;   /* samples for which it stays as it is, so that low tones are not bent */
};

/* `scale` is the rate in 8 kHz. */
void limit(struct limiter *limiter, int16_t *restrict samples, const int32_t *restrict sums, size_t count,
           unsigned scale);

#endif
