#include "delay.h"

#include <string.h>

enum { WINDOW = 48000, TOO_LATE = 100 }; /* 6 s; one in so many may be */

static int32_t distance(uint32_t to, uint32_t from)
{
    return (int32_t)(to - from);
}

void delay_init(struct delay *delay, int32_t least, int32_t most)
{
    memset(delay, 0, sizeof *delay);
    delay->least = least > DELAY_LEAST ? least : DELAY_LEAST;
    delay->most = most > 0 && most < DELAY_MOST ? most : DELAY_MOST;
    if (delay->most < delay->least)
        delay->most = delay->least;
    delay->target = delay->least;
}

void delay_rebase(struct delay *delay)
{
    delay->known = false;
}

/* What was late against the old greatest lead is so much later, or earlier, against the new one. */
static void shift(struct delay_window *window, int32_t later)
{
    int32_t steps = (later + (later > 0 ? DELAY_STEP / 2 : -DELAY_STEP / 2)) / DELAY_STEP;
    if (steps == 0)
        return;
    uint32_t moved[DELAY_BUCKETS] = {0};
    for (int32_t i = 0; i < DELAY_BUCKETS; i++) {
        int32_t to = i + steps < 0 ? 0 : i + steps;
        if (to < DELAY_BUCKETS)
            moved[to] += window->buckets[i];
    }
    memcpy(window->buckets, moved, sizeof moved);
}

static void move_best(struct delay *delay, uint32_t best)
{
    shift(&delay->now, distance(best, delay->best));
    shift(&delay->before, distance(best, delay->best));
    delay->best = best;
}

static void note_lead(struct delay *delay, uint32_t lead, uint32_t clock)
{
    if (!delay->known) {
        delay->known = true;
        delay->now.used = delay->before.used = false;
        delay->best = lead;
        delay->begin = clock;
    } else if (delay->now.used && clock - delay->begin >= WINDOW) {
        move_best(delay, delay->now.best);
        delay->before = delay->now;
        memset(&delay->now, 0, sizeof delay->now);
        delay->begin = clock;
    }
    if (!delay->now.used || distance(lead, delay->now.best) > 0)
        delay->now.best = lead;
    delay->now.used = true;
    if (distance(lead, delay->best) > 0)
        move_best(delay, lead);
}

static int32_t needed(const struct delay *delay)
{
    uint64_t later = 0, all = 0;
    for (int i = 0; i < DELAY_BUCKETS; i++)
        all += delay->now.buckets[i] + delay->before.buckets[i];
    int32_t bucket = DELAY_BUCKETS;
    while (--bucket > 0) {
        later += delay->now.buckets[bucket] + delay->before.buckets[bucket];
        if (later * TOO_LATE > all)
            break;
    }
    return (bucket + 1) * DELAY_STEP;
}

void delay_observe(struct delay *delay, uint32_t timestamp, uint32_t clock, uint32_t count)
{
    uint32_t lead = timestamp - clock;
    note_lead(delay, lead, clock);
    int32_t lateness = distance(delay->best, lead);
    if (lateness > delay->most)
        return; /* no delay of ours would help */
    delay->now.buckets[lateness / DELAY_STEP] += count;
    int32_t target = needed(delay);
    delay->target = target < delay->least ? delay->least : target > delay->most ? delay->most : target;
}

int32_t delay_excess(const struct delay *delay, uint32_t timestamp, uint32_t clock)
{
    return delay->known ? distance(delay->best, timestamp - clock) - delay->target : 0;
}
