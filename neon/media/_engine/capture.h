/* Captured audio, as a stream takes it from a device: with a cursor of its own, and a little behind.
 *
 * A sound card's clock is not ours. When more has been waiting for four seconds than has to, a pitch period is left out;
 * when it was nearly too little, one is said twice (timescale.h), in silence first. So a card that is off by hundreds of
 * ppm is followed for as long as a call lasts, where it would otherwise stutter every minute or two. */
#ifndef NEON_CAPTURE_H
#define NEON_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;

struct reader {
    uint32_t cursor;    /* samples of the device taken so far */
    bool priming;       /* waiting for the device to be a little ahead */
    int32_t least;      /* ticks left over after taking, at least, in this window */
    int32_t window;     /* ticks until it ends */
    int32_t wish;       /* 1: to leave something out, -1: to say something twice, */
    int32_t unwanted;   /* for so many ticks now */
};

void reader_begin(struct reader *reader, const struct device *device); /* the device may be NULL */

/* Takes `count` captured samples, 80 to 160 ticks; silence while there are none. */
void reader_take(struct reader *reader, const struct device *device, int16_t *samples, size_t count);

#endif
