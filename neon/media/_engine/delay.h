/* How long packets have to wait before they are played, by what was seen of their delays.
 *
 * Everything is counted in ticks of 8 kHz. A packet's lead is its timestamp less the time at which it could be played
 * first; the greatest lead of the last 6 to 12 seconds stands for a packet that nothing held up, and the others are
 * late by what their lead is less. The target is what all but the latest hundredth of the audio of that time needs,
 * within bounds. As all of it is of the last seconds only, a far clock that runs faster or slower than ours moves it
 * along.
 *
 * Owned by the jitter buffer that contains it. */
#ifndef NEON_DELAY_H
#define NEON_DELAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DELAY_LEAST = 160,  /* 20 ms */
    DELAY_MOST = 1600,  /* 200 ms */
    DELAY_STEP = 80,    /* 10 ms: what lateness is counted in */
    DELAY_BUCKETS = DELAY_MOST / DELAY_STEP + 1,
};

struct delay_window {
    bool used;
    uint32_t best;                   /* the greatest lead */
    uint32_t buckets[DELAY_BUCKETS]; /* ticks of audio by their lateness */
};

struct delay {
    int32_t least, most, target;
    bool known;                  /* a packet was seen */
    uint32_t begin;              /* of this window */
    uint32_t best;               /* the greatest lead of both windows */
    struct delay_window now, before;
};

/* Forgets everything; 0 for a bound is the usual one. */
void delay_init(struct delay *delay, int32_t least, int32_t most);

/* The timestamps begin anew: what is known of the network stays. */
void delay_rebase(struct delay *delay);

/* A packet with `count` ticks of audio could be played at `clock` first. */
void delay_observe(struct delay *delay, uint32_t timestamp, uint32_t clock, uint32_t count);

/* How much longer a packet that nothing holds up waits than it should if `timestamp` is played at `clock`. */
int32_t delay_excess(const struct delay *delay, uint32_t timestamp, uint32_t clock);

#endif
