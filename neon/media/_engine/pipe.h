/* A pipe: sound on its way between an application and a call, in either direction.
 *
 * A ring of samples with one writer and one reader, one of which is the engine's thread; neither ever waits for the
 * other. What finds the ring full is lost, and counted. */
#ifndef NEON_PIPE_H
#define NEON_PIPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pipe {
    atomic_int references;
    bool wide;                     /* 16 kHz, else 8 kHz */
    uint32_t room;                 /* samples, a power of two */
    atomic_uint written, read;     /* so far, modulo 2^32 */
    atomic_uint forgotten;         /* the writer's word: whatever was written before this is not wanted any more */
    _Atomic uint64_t lost;         /* samples, counted by the writer */
    int16_t samples[];
};

struct pipe *pipe_new(uint32_t room, bool wide); /* room is rounded up to a power of two; NULL without memory */
struct pipe *pipe_ref(struct pipe *pipe);
void pipe_unref(struct pipe *pipe); /* NULL is none */

/* How much waits to be read; for both sides. */
uint32_t pipe_waiting(const struct pipe *pipe);

/* For the writer: what does not fit is lost. Returns how many samples fitted. */
uint32_t pipe_write(struct pipe *pipe, const int16_t *samples, uint32_t count);
void pipe_forget(struct pipe *pipe); /* what waits now */

/* For the reader: copies up to `count` samples out, and returns how many. */
uint32_t pipe_read(struct pipe *pipe, int16_t *samples, uint32_t count);

#endif
