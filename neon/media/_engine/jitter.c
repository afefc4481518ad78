#include "jitter.h"

#include <string.h>

#include "codering.h"
#include "packets.h"
#include "playout.h"
#include "wideband.h"

void jitter_init(struct jitter *jitter, int32_t least, int32_t most)
{
    delay_init(&jitter->delay, least, most);
    jitter->wide = 1;
    jitter->comfort.random = 1;
}

void jitter_reset(struct jitter *jitter, enum codec codec)
{
    jitter->codec = codec;
    jitter->wide = codec == CODEC_G722 || codec == CODEC_OPUS ? 2 : 1;
    if (codec == CODEC_G722)
        g722_restart_decoder(jitter->g722);
    if (codec == CODEC_OPUS)
        packets_forget(jitter->packets);
    jitter->started = jitter->resting = jitter->plain = false;
    jitter->concealment.active = false;
    jitter->concealment.run = jitter->concealment.joining = 0;
    jitter->ahead = jitter->resting_next = 0;
    jitter->unwanted = jitter->pause = 0;
    memset(jitter->recent, 0, sizeof jitter->recent);
    memset(jitter->present, 0, sizeof jitter->present);
    delay_rebase(&jitter->delay);
}

void jitter_forget(struct jitter *jitter)
{
    delay_init(&jitter->delay, jitter->delay.least, jitter->delay.most);
}

static void begin(struct jitter *jitter, uint32_t timestamp, uint32_t waited)
{
    jitter_reset(jitter, jitter->codec);
    jitter->started = true;
    jitter->first = jitter->high = timestamp;
    uint32_t target = (uint32_t)jitter->delay.target;
    jitter->play = timestamp - target + (waited < target ? waited : target);
}

/* Where a packet of `count` codes goes; or why it does not, with the buffer as it was. */
static enum jitter_put place(struct jitter *jitter, uint32_t timestamp, size_t count)
{
    uint32_t end = timestamp + (uint32_t)count;
    if (jitter->resting && distance(jitter->play, timestamp) + (int32_t)count > jitter->delay.most) {
        /* Some far ends let their clock stand still while they rest. */
        begin(jitter, timestamp, 0);
        return JITTER_STORED;
    }
    if (distance(timestamp, jitter->first) < 0) {
        /* Overtaken by the packet that began the buffer. There is time to play it if its end is not yet due. */
        if (distance(timestamp, jitter->play) < 0)
            return JITTER_LATE;
        jitter->first = timestamp;
    }
    int32_t lateness = distance(jitter->play, timestamp);
    if (distance(end, jitter->high) <= 0 && lateness <= JITTER_PACKET_MAX &&
        ring_run(jitter, timestamp, count, true) == count)
        return JITTER_DUPLICATE;
    if (lateness > 0) {
        /* If all that was played since its time was concealment, going back loses nothing: the delay grows by as
         * much. A packet that was overtaken by one already played is of no more use. */
        bool passed = distance(jitter->high, timestamp) > 0 || lateness > jitter->concealment.run / jitter->wide;
        if (jitter->resting)
            passed = distance(timestamp, jitter->rested) < 0;
        if (passed || (int32_t)count + lateness > jitter->delay.most)
            return JITTER_LATE;
        jitter->play = timestamp;
        if (jitter->resting)
            jitter->high = timestamp;
    } else if (distance(end, jitter->play) > JITTER_RING - JITTER_PACKET_MAX) {
        /* So far ahead that the ring would wrap: the sender or we stood still. Begin again at the new time. */
        jitter->resets++;
        begin(jitter, timestamp, 0);
    }
    return JITTER_STORED;
}

/* `length` octets that are `count` codes; no octets are silence. */
static enum jitter_put put(struct jitter *jitter, uint32_t timestamp, const uint8_t *codes, size_t length, size_t count)
{
    enum jitter_put verdict = place(jitter, timestamp, count);
    jitter->duplicates += verdict == JITTER_DUPLICATE;
    jitter->late += verdict == JITTER_LATE;
    if (verdict != JITTER_STORED)
        return verdict;
    uint32_t end = timestamp + (uint32_t)count;
    if (distance(timestamp, jitter->high) > 0)
        ring_clear(jitter, jitter->high, (size_t)distance(timestamp, jitter->high));
    if (jitter->codec == CODEC_OPUS) {
        ring_mark(jitter, timestamp, count);
        packets_store(jitter->packets, timestamp, (uint32_t)count, codes, length);
    } else {
        ring_store(jitter, timestamp, codes, count);
    }
    if (distance(end, jitter->high) > 0)
        jitter->high = end;
    return JITTER_STORED;
}

enum jitter_put jitter_put(struct jitter *jitter, uint32_t timestamp, const uint8_t *codes, size_t count,
                           uint32_t waited)
{
    const size_t length = count;
    if (jitter->codec == CODEC_OPUS)
        count = packets_ticks(jitter->packets, codes, length);
    if (count == 0 || count > (jitter->codec == CODEC_OPUS ? (size_t)OPUS_TICKS_MAX : JITTER_PACKET_MAX))
        return JITTER_REFUSED;
    if (!jitter->started)
        begin(jitter, timestamp, waited);
    enum jitter_put verdict = put(jitter, timestamp, codes, length, count);
    if (verdict != JITTER_DUPLICATE)
        delay_observe(&jitter->delay, timestamp, jitter->clock - waited, (uint32_t)count);
    return verdict;
}

void jitter_put_silence(struct jitter *jitter, uint32_t end)
{
    uint8_t codes[JITTER_PACKET_MAX];
    int32_t count = distance(end, jitter->high);
    if (!jitter->started || count <= 0 || count > JITTER_PACKET_MAX)
        return;
    if (jitter->codec == CODEC_OPUS) {
        put(jitter, jitter->high, NULL, 0, (size_t)count);
        return;
    }
    static const uint8_t silence[] = {[CODEC_ULAW] = 0xff, [CODEC_ALAW] = 0xd5, [CODEC_G722] = 0xfa};
    memset(codes, silence[jitter->codec], sizeof codes);
    put(jitter, jitter->high, codes, (size_t)count, (size_t)count);
}

void jitter_put_comfort(struct jitter *jitter, uint32_t timestamp, const struct comfort_noise *noise)
{
    if (!jitter->started)
        begin(jitter, timestamp, 0);
    int32_t early = distance(timestamp, jitter->play);
    if (early > JITTER_RING || early < -JITTER_RING || (early < 0 && distance(jitter->high, timestamp) > 0))
        return; /* of another time, or audio that came after it has been played */
    if (early <= 0) {
        playout_rest(jitter, noise);
        return;
    }
    if (jitter->resting_next == JITTER_RESTS)
        memmove(jitter->rests, jitter->rests + 1, (size_t)--jitter->resting_next * sizeof *jitter->rests);
    jitter->rests[jitter->resting_next].at = timestamp;
    jitter->rests[jitter->resting_next++].noise = *noise;
    jitter->plain = false;
}

int32_t jitter_delay(const struct jitter *jitter)
{
    return jitter->started ? distance(jitter->high, jitter->play) + jitter->ahead : 0;
}

uint32_t jitter_waits(const struct jitter *jitter)
{
    int32_t excess = delay_excess(&jitter->delay, jitter->play - (uint32_t)jitter->ahead, jitter->clock);
    int32_t waits = jitter->started ? jitter->delay.target + excess : 0;
    return waits > 0 ? (uint32_t)waits : 0;
}
