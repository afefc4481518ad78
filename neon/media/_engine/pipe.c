#include "pipe.h"

#include <stdlib.h>
#include <string.h>

#include "counters.h"

struct pipe *pipe_new(uint32_t room, bool wide)
{
    uint32_t rounded = 1024;
    while (rounded < room)
        rounded *= 2;
    struct pipe *pipe = malloc(sizeof *pipe + rounded * sizeof *pipe->samples);
    if (pipe != NULL) {
        /* All of it is touched now, so that the thread never waits for a page. */
        memset(pipe, 0, sizeof *pipe + rounded * sizeof *pipe->samples);
        atomic_init(&pipe->references, 1);
        pipe->wide = wide;
        pipe->room = rounded;
    }
    return pipe;
}

struct pipe *pipe_ref(struct pipe *pipe)
{
    if (pipe != NULL)
        atomic_fetch_add(&pipe->references, 1);
    return pipe;
}

void pipe_unref(struct pipe *pipe)
{
    if (pipe != NULL && atomic_fetch_sub(&pipe->references, 1) == 1)
        free(pipe);
}

uint32_t pipe_waiting(const struct pipe *pipe)
{
    uint32_t read = atomic_load_explicit(&pipe->read, memory_order_acquire);
    uint32_t forgotten = atomic_load_explicit(&pipe->forgotten, memory_order_acquire);
    uint32_t from = (int32_t)(forgotten - read) > 0 ? forgotten : read;
    return atomic_load_explicit(&pipe->written, memory_order_acquire) - from;
}

static void copy_in(struct pipe *pipe, uint32_t at, const int16_t *samples, uint32_t count)
{
    uint32_t begin = at & (pipe->room - 1);
    uint32_t first = count < pipe->room - begin ? count : pipe->room - begin;
    memcpy(pipe->samples + begin, samples, first * sizeof *samples);
    memcpy(pipe->samples, samples + first, (count - first) * sizeof *samples);
}

uint32_t pipe_write(struct pipe *pipe, const int16_t *samples, uint32_t count)
{
    uint32_t at = atomic_load_explicit(&pipe->written, memory_order_relaxed);
    uint32_t room = pipe->room - (at - atomic_load_explicit(&pipe->read, memory_order_acquire));
    uint32_t fitting = count < room ? count : room;
    copy_in(pipe, at, samples, fitting);
    atomic_store_explicit(&pipe->written, at + fitting, memory_order_release);
    if (fitting < count)
        counter_add(&pipe->lost, count - fitting);
    return fitting;
}

void pipe_forget(struct pipe *pipe)
{
    atomic_store_explicit(&pipe->forgotten, atomic_load_explicit(&pipe->written, memory_order_relaxed),
                          memory_order_release);
}

uint32_t pipe_read(struct pipe *pipe, int16_t *samples, uint32_t count)
{
    uint32_t at = atomic_load_explicit(&pipe->read, memory_order_relaxed);
    uint32_t forgotten = atomic_load_explicit(&pipe->forgotten, memory_order_acquire);
    if ((int32_t)(forgotten - at) > 0)
        at = forgotten;
    /* After `forgotten`, so that it is never behind it. */
    uint32_t waiting = atomic_load_explicit(&pipe->written, memory_order_acquire) - at;
    count = count < waiting ? count : waiting;
    uint32_t begin = at & (pipe->room - 1);
    uint32_t first = count < pipe->room - begin ? count : pipe->room - begin;
    memcpy(samples, pipe->samples + begin, first * sizeof *samples);
    memcpy(samples + first, pipe->samples, (count - first) * sizeof *samples);
    atomic_store_explicit(&pipe->read, at + count, memory_order_release);
    return count;
}
