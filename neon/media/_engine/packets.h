/* What waits to be played of a codec whose packets only it can read, and its coder: Opus.
 *
 * The jitter buffer decides when and whether; this keeps the packets as they came, and decodes them as they are played,
 * each once and in order, since the decoder has a memory. Positions and durations are the jitter buffer's ticks. What was
 * lost is taken from the packet behind it, if that is here and repeats it (in-band FEC), or invented by the decoder.
 *
 * Owned by a stream and touched by one thread only, once it was made. Packets beyond the room push out the oldest. */
#ifndef NEON_PACKETS_H
#define NEON_PACKETS_H

#include "opus.h"

enum {
    PACKETS_COUNT = 64,      /* that wait; 512 ms of packets of 10 ms, and some */
    PACKETS_ROOM = 32 * 1024 /* octets: 512 kbit/s of what the jitter buffer can hold */
};

struct packets;

struct packets *packets_new(const struct opus_library *library, const struct opus_wishes *wishes); /* NULL: no memory */
void packets_free(struct packets *packets); /* NULL is none */

/* Takes over what another one was told to do. */
void packets_wish(struct packets *packets, const struct packets *other);
void packets_expect_loss(struct packets *packets, unsigned percent);

/* The next packet to send, of so many ticks; 0: there is nothing to be said. */
size_t packets_write(struct packets *packets, uint8_t *data, size_t room, const int16_t *samples, uint32_t count);

/* How long a packet is, 0 if it is none. */
uint32_t packets_ticks(const struct packets *packets, const uint8_t *data, size_t length);
/* Forgets what waits; the decoder begins anew. */
void packets_forget(struct packets *packets);
/* Keeps a packet of `count` ticks; no `data` is silence. */
void packets_store(struct packets *packets, uint32_t begin, uint32_t count, const uint8_t *data, size_t length);

/* The samples, two a tick, of what was stored, and of what is missing before whatever was. */
void packets_read(struct packets *packets, uint32_t position, int16_t *samples, uint32_t count);
void packets_conceal(struct packets *packets, uint32_t position, int16_t *samples, uint32_t count);

/* Packets so far that were lost and yet heard. */
uint32_t packets_recovered(const struct packets *packets);

#endif
