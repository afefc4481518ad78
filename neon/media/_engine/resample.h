/* Sound of any rate at another: a windowed sinc (Blackman), flat to about 85 % of the narrower band.
 *
 * One set of coefficients for each position of an output sample between two input samples. Rates with hardly a common
 * divisor would need thousands: those positions are rounded to a thousandth of a sample, which keeps the error below
 * -60 dB. */
#ifndef NEON_RESAMPLE_H
#define NEON_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many samples come of `count`. */
size_t resample_count(size_t count, unsigned rate, unsigned wanted);

/* Fills in as many; false without memory. */
bool resample(int16_t *result, const int16_t *samples, size_t count, unsigned rate, unsigned wanted);

#endif
