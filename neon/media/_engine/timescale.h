/* Makes audio a little shorter or longer without a click: a stretch that resembles its neighbour, a pitch period where
 * there is one, is left out or said twice, and faded over (overlap-add). */
#ifndef NEON_TIMESCALE_H
#define NEON_TIMESCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pitch.h"

enum {
    TIMESCALE_LEAST = 40,   /* ticks that are left out or added at least, 5 ms, */
    TIMESCALE_MOST = 120,   /* and at most, 15 ms */
    TIMESCALE_WINDOW = 80,  /* ticks that are compared and faded over, 10 ms */
};

/* What would be left out of `samples`, `most` (<= TIMESCALE_MOST) and TIMESCALE_WINDOW ticks; `wide` samples a tick.
 * Periods are whole ticks. */
struct pitch timescale_to_leave_out(const int16_t *samples, int most, int wide);

/* Leaves `period` samples out of `count`, TIMESCALE_WINDOW ticks more than `period` at least. */
void timescale_leave_out(int16_t *samples, int count, int period, int wide);

/* What would be said twice at `here`: TIMESCALE_WINDOW ticks follow, TIMESCALE_MOST came before. */
struct pitch timescale_to_repeat(const int16_t *here, int wide);

/* Whether samples are so quiet that nobody hears what is done to them: below -50 dBov. */
bool timescale_is_quiet(const int16_t *samples, size_t count);

/* Whether nobody hears a change; or it has been wanted for so long that it does not matter: for `patience` where one
 * part is like the other, for twice as long whatever there is. */
bool timescale_is_hidden(struct pitch pitch, bool quiet, int32_t unwanted, int32_t patience);

/* Writes the `period` samples that are to be said before `here`. */
void timescale_repeat(int16_t *more, const int16_t *here, int period, int wide);

#endif
