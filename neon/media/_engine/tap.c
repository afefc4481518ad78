#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "counters.h"

struct tap *tap_new(uint32_t room)
{
    uint32_t rounded = 1024;
    while (rounded < room)
        rounded *= 2;
    struct tap *tap = malloc(sizeof *tap + rounded * sizeof *tap->samples);
    if (tap != NULL) {
        /* All of it is touched now, so that the thread never waits for a page. */
        memset(tap, 0, sizeof *tap + rounded * sizeof *tap->samples);
        atomic_init(&tap->references, 1);
        tap->room = rounded;
    }
    return tap;
}

struct tap *tap_ref(struct tap *tap)
{
    atomic_fetch_add(&tap->references, 1);
    return tap;
}

void tap_unref(struct tap *tap)
{
    if (tap != NULL && atomic_fetch_sub(&tap->references, 1) == 1)
        free(tap);
}

/* -- the thread's side ------------------------------------------------------------------------------------------ */

static uint32_t put(struct tap *tap, uint32_t at, const int16_t *ours, const int16_t *theirs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, at++) {
        int16_t *sample = tap->samples[at & (tap->room - 1)];
        sample[0] = ours != NULL ? ours[i] : 0;
        sample[1] = theirs != NULL ? theirs[i] : 0;
    }
    return at;
}

static void owe(struct tap *tap, uint32_t count)
{
    tap->owed = tap->owed < UINT32_MAX - count ? tap->owed + count : UINT32_MAX;
}

void tap_write(struct tap *tap, const int16_t *ours, const int16_t *theirs, uint32_t count)
{
    uint32_t at = atomic_load_explicit(&tap->written, memory_order_relaxed);
    uint32_t room = tap->room - (at - atomic_load_explicit(&tap->read, memory_order_acquire));
    if (room < count) {
        counter_add(&tap->lost, count);
        owe(tap, count);
        return;
    }
    uint32_t repaid = tap->owed < TAP_REPAY ? tap->owed : TAP_REPAY;
    repaid = repaid < room - count ? repaid : room - count;
    tap->owed -= repaid;
    at = put(tap, at, NULL, NULL, repaid);
    bool paused = atomic_load_explicit(&tap->paused, memory_order_acquire);
    at = put(tap, at, paused ? NULL : ours, paused ? NULL : theirs, count);
    atomic_store_explicit(&tap->written, at, memory_order_release);
}

void tap_skip(struct tap *tap, uint32_t count)
{
    owe(tap, count);
}

void tap_finish(struct tap *tap)
{
    atomic_store_explicit(&tap->done, true, memory_order_release);
}

/* -- the reader's side ------------------------------------------------------------------------------------------ */

uint32_t tap_waiting(const struct tap *tap)
{
    return atomic_load_explicit(&tap->written, memory_order_acquire) -
           atomic_load_explicit(&tap->read, memory_order_relaxed);
}

void tap_read(struct tap *tap, int16_t *samples, uint32_t count)
{
    uint32_t at = atomic_load_explicit(&tap->read, memory_order_relaxed);
    uint32_t begin = at & (tap->room - 1);
    uint32_t first = count < tap->room - begin ? count : tap->room - begin;
    memcpy(samples, tap->samples[begin], first * sizeof *tap->samples);
    memcpy(samples + (size_t)first * TAP_SIDES, tap->samples, (count - first) * sizeof *tap->samples);
    atomic_store_explicit(&tap->read, at + count, memory_order_release);
}
