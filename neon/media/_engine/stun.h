/* Questions where we are seen (STUN, RFC 8489), over the sockets of a stream that the thread serves.
 *
 * Python writes the question and reads the answer; the thread sends the one, and of what comes knows the other by its
 * source, cookie and transaction. Each socket has room for one answer, which either has written or Python has: the
 * flag `full` says which. */
#ifndef NEON_STUN_H
#define NEON_STUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

struct engine;
struct stream;

enum {
    STUN_QUESTION = 20,     /* a request without attributes */
    STUN_ANSWER_MAX = 548,  /* what RFC 8489, section 6.1, lets a server send over a path that nobody has measured */
};

struct stun_question {
    struct address server;
    uint8_t bytes[STUN_QUESTION];
};

struct stun {
    struct {
        struct stun_question question; /* the thread's */
        atomic_bool full;
        size_t length;
        uint8_t answer[STUN_ANSWER_MAX];
    } sockets[2]; /* RTP, RTCP */
};

/* For the thread. Sends the question (again), and waits for its answer until there is one, or another question. */
void stun_ask(struct stream *stream, unsigned which, const struct stun_question *question);
/* Waits no more. */
void stun_forget(struct stream *stream, unsigned which);
/* Whether a packet at one of the sockets is what was waited for; it is handed over then. */
bool stun_answered(struct engine *engine, struct stream *stream, unsigned which, const uint8_t *data, size_t length,
                   const struct address *source);

/* For Python: whether there is an answer, of up to STUN_ANSWER_MAX bytes, which is taken. */
bool stun_take(struct stun *stun, unsigned which, uint8_t *answer, size_t *length);

#endif
