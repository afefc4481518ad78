/* What arrives at a stream: the lock on its source, RTP into the jitter buffer, digits, RTCP. For the thread. */
#ifndef NEON_RECEIVE_H
#define NEON_RECEIVE_H

#include "engine.h"

#define LEARN_NS UINT64_C(2000000000) /* a source other than the agreed one may be learnt this long */

bool address_same(const struct address *one, const struct address *other);

/* Forgets the source and waits for the agreed one, or for one to learn. */
void receive_unlock(struct stream *stream, uint64_t now);
/* Forgets the sender, but not where it sends from: two packets in sequence make the next one. */
void receive_forget(struct stream *stream);
/* Lets the kernel choose the address again that packets leave from: a connected socket keeps the old one for ever.
 * Connects it only if the source is fixed, and no answer of others is waited for. */
void receive_reroute(struct stream *stream);
/* Takes all that is waiting at the RTP socket. */
void receive_rtp(struct engine *engine, struct stream *stream, uint64_t now);

#endif
