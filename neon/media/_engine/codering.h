/* The ring of codes of a jitter buffer, with one bit for each that says whether it is there. */
#ifndef NEON_CODERING_H
#define NEON_CODERING_H

#include "jitter.h"

static inline int32_t distance(uint32_t to, uint32_t from)
{
    return (int32_t)(to - from);
}

void ring_store(struct jitter *jitter, uint32_t position, const uint8_t *codes, size_t count);
void ring_mark(struct jitter *jitter, uint32_t position, size_t count); /* as there, but stored elsewhere */
void ring_clear(struct jitter *jitter, uint32_t position, size_t count);

/* How many codes from `position` on are there, or are not (`present` false), `most` at most. */
size_t ring_run(const struct jitter *jitter, uint32_t position, size_t most, bool present);
void ring_decode(struct jitter *jitter, uint32_t position, int16_t *samples, size_t count);

#endif
