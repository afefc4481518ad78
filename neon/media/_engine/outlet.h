/* What a device plays, on its way to the socket: a sound card whose clock is slower than ours takes fewer frames than come.
 *
 * When at least two frames have been waiting in the socket for four seconds, a pitch period is left out (timescale.h), in
 * silence first, until there are fewer. A card that is faster than ours shows nowhere here: it runs dry, now and then. */
#ifndef NEON_OUTLET_H
#define NEON_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTLET_FRAME = 320 }; /* samples at most */

struct outlet {
    int16_t line[2 * OUTLET_FRAME];
    size_t held;        /* samples in it, fewer than a frame */
    int unit;           /* what a frame takes of the socket's memory, 0: not known yet */
    bool wish;          /* too many have been waiting, */
    int32_t unwanted;   /* for so many ticks now */
    int least;          /* frames that waited at least, in this window */
    int32_t window;     /* ticks until it ends */
};

/* Puts a frame of `count` samples, 20 ms, behind what is held. True if a frame is due: the first `count` of `line`. */
bool outlet_put(struct outlet *outlet, int fd, const int16_t *samples, size_t count);

/* That frame has left, or was lost. */
void outlet_sent(struct outlet *outlet, int fd, size_t count);

#endif
