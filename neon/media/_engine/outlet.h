/* What a device plays, on its way to the socket, at the pace of a sound card whose clock is not ours.
 *
 * A card that is slower takes fewer frames than come: when at least two have been waiting in the socket for four seconds,
 * a pitch period is left out (timescale.h), in silence first, until there are fewer. One that is faster runs dry: whoever
 * reads the socket tells how much the card still has to play (mix.h), and when that was less than a frame within four
 * seconds, and nothing waits, a pitch period is said twice. Between the two lies more than a period. */
#ifndef NEON_OUTLET_H
#define NEON_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timescale.h"

enum {
    OUTLET_FRAME = 320, /* samples at most, and a tick has two of them then */
    OUTLET_PAST = 2 * TIMESCALE_MOST,
    OUTLET_LINE = OUTLET_PAST + 2 * OUTLET_FRAME + 2 * TIMESCALE_MOST,
};

struct outlet {
    int16_t line[OUTLET_LINE]; /* what has left last, then what is held */
    size_t held;        /* samples */
    int unit;           /* what a frame takes of the socket's memory, 0: not known yet */
    int wish;           /* 1: for less, too much has been waiting; -1: for more, the card nearly ran dry */
    int32_t unwanted;   /* for so many ticks now */
    int least;          /* frames that waited at least, in this window */
    int32_t left;       /* ticks that the card had at least, if it was told in this window */
    int32_t window;     /* ticks until it ends */
};

/* Takes over a frame of `count` samples, 20 ms. */
void outlet_put(struct outlet *outlet, int fd, const int16_t *samples, size_t count);

/* A frame that is due, of `count` samples; NULL if there is none. */
const int16_t *outlet_due(const struct outlet *outlet, size_t count);

/* That frame has left, or was lost. */
void outlet_sent(struct outlet *outlet, int fd, size_t count);

/* The card had as little as that to play when it was given more, in the last fraction of a second. */
void outlet_told(struct outlet *outlet, int32_t ticks);

#endif
