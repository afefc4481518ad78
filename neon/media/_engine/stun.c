#define _GNU_SOURCE
#include "stun.h"

#include <string.h>

#include "engine.h"
#include "receive.h"

static const uint8_t COOKIE[4] = {0x21, 0x12, 0xa4, 0x42}; /* section 5 */

static void wait_for(struct stream *stream, unsigned which, bool on)
{
    stream->asked[which] = on;
    if (which == 0)
        receive_reroute(stream);
}

void stun_ask(struct stream *stream, unsigned which, const struct stun_question *question)
{
    int fd = which == 0 ? stream->rtp_fd : stream->rtcp_fd;
    if (fd < 0)
        return; /* closed before */
    struct stun_question *ours = &stream->stun->sockets[which].question;
    *ours = *question;
    ours->server = address_for_family(question->server, stream->family);
    wait_for(stream, which, true);
    /* The first try may only take the error of an earlier packet away. Whoever asks tries again. */
    for (int i = 0; i < 2; i++)
        if (sendto(fd, ours->bytes, sizeof ours->bytes, MSG_DONTWAIT | MSG_NOSIGNAL, &ours->server.base,
                   ours->server.length) >= 0)
            break;
}

void stun_forget(struct stream *stream, unsigned which)
{
    if (stream->asked[which])
        wait_for(stream, which, false);
}

bool stun_answered(struct engine *engine, struct stream *stream, unsigned which, const uint8_t *data, size_t length,
                   const struct address *source)
{
    if (!stream->asked[which])
        return false;
    const struct stun_question *question = &stream->stun->sockets[which].question;
    bool ours = length >= STUN_QUESTION && length <= STUN_ANSWER_MAX && data[0] < 4 &&
                memcmp(data + 4, COOKIE, sizeof COOKIE) == 0 && memcmp(data + 8, question->bytes + 8, 12) == 0 &&
                address_same(source, &question->server);
    if (!ours)
        return false;
    if (atomic_load_explicit(&stream->stun->sockets[which].full, memory_order_acquire))
        return true; /* nobody has fetched the last one yet; the question will be asked again */
    memcpy(stream->stun->sockets[which].answer, data, length);
    stream->stun->sockets[which].length = length;
    atomic_store_explicit(&stream->stun->sockets[which].full, true, memory_order_release);
    wait_for(stream, which, false);
    engine_emit(engine, EVENT_STUN, stream->id, which);
    return true;
}

bool stun_take(struct stun *stun, unsigned which, uint8_t *answer, size_t *length)
{
    if (!atomic_load_explicit(&stun->sockets[which].full, memory_order_acquire))
        return false;
    *length = stun->sockets[which].length;
    memcpy(answer, stun->sockets[which].answer, *length);
    atomic_store_explicit(&stun->sockets[which].full, false, memory_order_release);
    return true;
}
