/* Fills in for audio that is missing, by what came before it (after G.711 Appendix I).
 *
 * The last pitch period is repeated; from 10 ms on the last two, from 20 ms on the last three, so that a long loss does
 * not buzz. 10 ms are at full level, the next 50 fade out. Where the audio goes on, what would have been said here is
 * faded over into it, for longer after a longer loss. Appendix I holds all audio back by 3.75 ms so as to bend the end
 * of it; here what is filled in begins at the sample where the audio ended, and slides to where it belongs.
 *
 * Works at 8 kHz and multiples of it: `wide` samples a tick. Owned by the jitter buffer that contains it. */
#ifndef NEON_CONCEAL_H
#define NEON_CONCEAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CONCEAL_HISTORY = 400, /* ticks that are looked at, 50 ms */
    CONCEAL_FULL = 80,     /* ticks at full level */
    CONCEAL_END = 480,     /* silence from here on */
};

struct concealment {
    int16_t history[2 * CONCEAL_HISTORY];
    int wide;
    int run;            /* samples filled in so far, in this loss */
    int period;         /* samples */
    int periods;        /* how many are said in turn */
    int phase;          /* the next sample within them */
    int fading;         /* samples over which fewer periods still fade into more, */
    int phase_before;   /* and where these would go on */
    int step;           /* where the audio ended against where its repetition begins */
    int joining, join;  /* samples of the way back still to come, and all of it */
    bool active;
};

/* Begins after `history`, which is CONCEAL_HISTORY ticks. */
void conceal_begin(struct concealment *concealment, const int16_t *history, int wide);
void conceal_fill(struct concealment *concealment, int16_t *samples, int count);

/* The audio goes on: its first samples, of which conceal_join may be given few at a time, are faded into. */
void conceal_end(struct concealment *concealment);
void conceal_join(struct concealment *concealment, int16_t *samples, int count);

#endif
