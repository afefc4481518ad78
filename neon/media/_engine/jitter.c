#include "jitter.h"

#include <string.h>

#include "kernels.h"
#include "wideband.h"

enum {
    PITCH_MIN = 40,     /* 200 Hz */
    PITCH_MAX = 120,    /* 66 Hz */
    PITCH_WINDOW = 160, /* samples compared to find the pitch */
    FULL_RUN = 80,      /* 10 ms at full level, then 50 ms of fading (G.711 Appendix I) */
    FADE_RUN = 400,
    JOIN = 32,          /* 4 ms of cross-fade where concealment and signal meet */
    SHRINK = 80,        /* 10 ms leave the buffer at a time */
    WINDOW = 16000,     /* 2 s */
    FAR_TOO_MUCH = 800, /* with 100 ms more than wanted, after a stall, the window is */
    SHORT_WINDOW = 1600 /* 200 ms */
};

static int32_t distance(uint32_t to, uint32_t from)
{
    return (int32_t)(to - from);
}

static bool is_present(const struct jitter *jitter, uint32_t position)
{
    unsigned bit = position % JITTER_RING;
    return jitter->present[bit / 64] >> (bit % 64) & 1;
}

/* The bits of [position, position + count) that fall into the word of `position`, and how many they are. */
static uint64_t word_mask(uint32_t position, size_t count, size_t *taken)
{
    unsigned offset = position % 64;
    *taken = count < 64 - offset ? count : 64 - offset;
    uint64_t ones = *taken == 64 ? ~UINT64_C(0) : (UINT64_C(1) << *taken) - 1;
    return ones << offset;
}

static void set_present(struct jitter *jitter, uint32_t position, size_t count, bool value)
{
    while (count > 0) {
        size_t taken;
        uint64_t mask = word_mask(position, count, &taken);
        uint64_t *word = &jitter->present[position % JITTER_RING / 64];
        *word = value ? *word | mask : *word & ~mask;
        position += (uint32_t)taken;
        count -= taken;
    }
}

static bool all_present(const struct jitter *jitter, uint32_t position, size_t count)
{
    while (count > 0) {
        size_t taken;
        uint64_t mask = word_mask(position, count, &taken);
        if ((jitter->present[position % JITTER_RING / 64] & mask) != mask)
            return false;
        position += (uint32_t)taken;
        count -= taken;
    }
    return true;
}

static void decode(const struct jitter *jitter, int16_t *samples, const uint8_t *codes, size_t count)
{
    switch (jitter->codec) {
    case CODEC_ULAW:
        ulaw_decode(samples, codes, count);
        break;
    case CODEC_ALAW:
        alaw_decode(samples, codes, count);
        break;
    case CODEC_G722:
        g722_read(jitter->g722, samples, codes, count);
        break;
    }
}

static void decode_ring(const struct jitter *jitter, uint32_t position, int16_t *samples, size_t count)
{
    size_t offset = position % JITTER_RING;
    size_t before_wrap = count < JITTER_RING - offset ? count : JITTER_RING - offset;
    decode(jitter, samples, jitter->codes + offset, before_wrap);
    decode(jitter, samples + before_wrap * (size_t)jitter->wide, jitter->codes, count - before_wrap);
}

void jitter_reset(struct jitter *jitter, enum codec codec)
{
    jitter->codec = codec;
    jitter->wide = codec == CODEC_G722 ? 2 : 1;
    if (codec == CODEC_G722) {
        g722_restart_decoder(jitter->g722);
        memset(jitter->recent, 0, 2 * JITTER_HISTORY * sizeof *jitter->recent);
    }
    jitter->started = false;
    jitter->concealment.active = false;
    jitter->spare_min = INT32_MAX;
    jitter->window = WINDOW;
    memset(jitter->present, 0, sizeof jitter->present);
}

static void begin(struct jitter *jitter, uint32_t timestamp)
{
    jitter_reset(jitter, jitter->codec);
    jitter->started = true;
    jitter->first = jitter->high = timestamp;
    jitter->play = timestamp - JITTER_DELAY_MIN;
}

enum jitter_put jitter_put(struct jitter *jitter, uint32_t timestamp, const uint8_t *codes, size_t count)
{
    if (count == 0 || count > JITTER_PACKET_MAX)
        return JITTER_REFUSED;
    if (!jitter->started)
        begin(jitter, timestamp);
    uint32_t end = timestamp + (uint32_t)count;
    if (distance(timestamp, jitter->first) < 0) {
        /* Overtaken by the packet that began the buffer. There is time to play it if its end is not yet due. */
        if (distance(timestamp, jitter->play) < 0) {
            jitter->late++;
            return JITTER_LATE;
        }
        jitter->first = timestamp;
    }
    int32_t lateness = distance(jitter->play, timestamp);
    if (distance(end, jitter->high) <= 0 && lateness <= JITTER_HISTORY && all_present(jitter, timestamp, count)) {
        jitter->duplicates++;
        return JITTER_DUPLICATE;
    }
    if (lateness > 0) {
        /* If all that was played since its time was concealment, going back loses nothing: the delay grows by as
         * much. A packet that was overtaken by one already played is of no more use. */
        if (lateness > jitter->concealment.run / jitter->wide || distance(jitter->high, timestamp) > 0 ||
            (int32_t)count + lateness > JITTER_DELAY_MAX) {
            jitter->late++;
            return JITTER_LATE;
        }
        jitter->play = timestamp;
    } else if (distance(end, jitter->play) > JITTER_RING - JITTER_HISTORY) {
        /* So far ahead that the ring would wrap: the sender or we stood still. Begin again at the new time. */
        jitter->resets++;
        begin(jitter, timestamp);
    }
    if (distance(timestamp, jitter->high) > 0)
        set_present(jitter, jitter->high, (size_t)distance(timestamp, jitter->high), false);
    set_present(jitter, timestamp, count, true);
    size_t offset = timestamp % JITTER_RING;
    size_t before_wrap = count < JITTER_RING - offset ? count : JITTER_RING - offset;
    memcpy(jitter->codes + offset, codes, before_wrap);
    memcpy(jitter->codes, codes + before_wrap, count - before_wrap);
    if (distance(end, jitter->high) > 0)
        jitter->high = end;
    return JITTER_STORED;
}

void jitter_put_silence(struct jitter *jitter, uint32_t end)
{
    uint8_t codes[JITTER_PACKET_MAX];
    int32_t count = distance(end, jitter->high);
    if (!jitter->started || count <= 0 || count > JITTER_PACKET_MAX)
        return;
    static const uint8_t silence[] = {[CODEC_ULAW] = 0xff, [CODEC_ALAW] = 0xd5, [CODEC_G722] = 0xfa};
    memset(codes, silence[jitter->codec], sizeof codes);
    jitter_put(jitter, jitter->high, codes, (size_t)count);
}

/* The shift, between PITCH_MIN and PITCH_MAX, at which the end of the history resembles itself most. */
static int find_pitch(const int16_t *history)
{
    const int16_t *recent = history + JITTER_HISTORY - PITCH_WINDOW;
    int best = PITCH_MAX;
    float best_score = 0;
    for (int pitch = PITCH_MIN; pitch <= PITCH_MAX; pitch++) {
        float product = 0, energy = 1;
        for (int i = 0; i < PITCH_WINDOW; i++) {
            float shifted = recent[i - pitch];
            product += shifted * recent[i];
            energy += shifted * shifted;
        }
        float score = product > 0 ? product * product / energy : 0;
        if (score > best_score * 1.001f) {
            best_score = score;
            best = pitch;
        }
    }
    return best;
}

/* What came before the loss at 8 kHz, for finding the pitch. */
static void remember(const struct jitter *jitter, int16_t *history)
{
    if (jitter->wide == 2) {
        for (int i = 0; i < JITTER_HISTORY; i++)
            history[i] = (int16_t)((jitter->recent[2 * i] + jitter->recent[2 * i + 1]) / 2);
        return;
    }
    decode_ring(jitter, jitter->play - JITTER_HISTORY, history, JITTER_HISTORY);
    for (uint32_t i = 0; i < JITTER_HISTORY; i++)
        if (!is_present(jitter, jitter->play - JITTER_HISTORY + i))
            history[i] = 0;
}

static void begin_concealment(struct jitter *jitter)
{
    struct concealment *concealment = &jitter->concealment;
    int16_t history[JITTER_HISTORY];
    remember(jitter, history);
    int pitch = find_pitch(history) * jitter->wide;
    const int16_t *end = jitter->wide == 2 ? jitter->recent + 2 * JITTER_HISTORY : history + JITTER_HISTORY;
    memcpy(concealment->period, end - pitch, (size_t)pitch * sizeof(int16_t));
    /* The end of the period slides into what came before its beginning, so that it may be repeated. */
    int join = pitch / 4;
    for (int i = 0; i < join; i++) {
        int weight = (i + 1) * 256 / (join + 1);
        int tail = end[i - join], lead = end[i - join - pitch];
        concealment->period[pitch - join + i] = (int16_t)((tail * (256 - weight) + lead * weight) / 256);
    }
    concealment->length = pitch;
    concealment->phase = 0;
    concealment->run = 0;
    concealment->active = true;
}

static int16_t conceal_one(struct concealment *concealment, int wide)
{
    int run = concealment->run++ / wide;
    if (run >= FULL_RUN + FADE_RUN)
        return 0;
    int sample = concealment->period[concealment->phase];
    concealment->phase = concealment->phase + 1 == concealment->length ? 0 : concealment->phase + 1;
    return (int16_t)(run < FULL_RUN ? sample : sample * (FULL_RUN + FADE_RUN - run) / FADE_RUN);
}

static void note_left(struct jitter *jitter, const int16_t *samples, size_t count)
{
    if (jitter->wide == 1)
        return;
    const size_t room = 2 * JITTER_HISTORY;
    if (count > room) {
        samples += count - room;
        count = room;
    }
    memmove(jitter->recent, jitter->recent + count, (room - count) * sizeof *samples);
    memcpy(jitter->recent + room - count, samples, count * sizeof *samples);
}

/* Produces the samples of one code after the other where some are missing. Rare, so plain. */
static void get_with_gaps(struct jitter *jitter, int16_t *samples, size_t count)
{
    struct concealment *concealment = &jitter->concealment;
    const int wide = jitter->wide;
    bool concealed = false;
    int joining = 0; /* samples of cross-fade still to come */
    for (size_t i = 0; i < count; i++, jitter->play++, samples += wide) {
        if (distance(jitter->play, jitter->first) < 0) {
            memset(samples, 0, (size_t)wide * sizeof *samples); /* the delay at the beginning is not a loss */
        } else if (distance(jitter->play, jitter->high) < 0 && is_present(jitter, jitter->play)) {
            decode(jitter, samples, &jitter->codes[jitter->play % JITTER_RING], 1);
            if (concealment->active) {
                concealment->active = false;
                joining = concealment->run / wide < FULL_RUN + FADE_RUN ? JOIN * wide : 0;
            }
            for (int j = 0; j < wide && joining > 0; j++, joining--) {
                int weight = joining * 256 / (JOIN * wide + 1);
                samples[j] = (int16_t)((conceal_one(concealment, wide) * weight + samples[j] * (256 - weight)) / 256);
            }
            if (joining == 0)
                concealment->run = 0;
        } else {
            if (!concealment->active) {
                begin_concealment(jitter);
                jitter->gaps++;
            }
            joining = 0;
            concealed = concealed || concealment->run / wide < FULL_RUN + FADE_RUN;
            for (int j = 0; j < wide; j++)
                samples[j] = conceal_one(concealment, wide);
        }
        note_left(jitter, samples, (size_t)wide);
    }
    if (!concealment->active)
        concealment->run = 0;
    if (concealed)
        jitter->frames_concealed++;
    if (concealment->active && concealment->run / wide >= JITTER_GIVE_UP)
        jitter_reset(jitter, jitter->codec);
}

/* Leaves 10 ms out, faded over: `count` samples come from count + SHRINK. */
static void get_shortened(struct jitter *jitter, int16_t *samples, size_t count)
{
    const size_t wide = (size_t)jitter->wide, wanted = count * wide, left_out = SHRINK * wide;
    int16_t ahead[2 * (JITTER_PACKET_MAX + SHRINK)];
    decode_ring(jitter, jitter->play, ahead, count + SHRINK);
    size_t join = wanted < left_out ? wanted : left_out;
    for (size_t i = 0; i < join; i++) {
        int weight = (int)((i + 1) * 256 / (join + 1));
        samples[i] = (int16_t)((ahead[i] * (256 - weight) + ahead[i + left_out] * weight) / 256);
    }
    memcpy(samples + join, ahead + join + left_out, (wanted - join) * sizeof(int16_t));
    note_left(jitter, samples, wanted);
    jitter->play += (uint32_t)count + SHRINK;
}

/* True once in a window if there were always more samples waiting than the least delay wants. */
static bool may_shrink(struct jitter *jitter, size_t count)
{
    int32_t spare = distance(jitter->high, jitter->play) - (int32_t)count;
    if (spare < jitter->spare_min)
        jitter->spare_min = spare;
    jitter->window -= (int)count;
    if (jitter->window > 0)
        return false;
    bool more_than_needed = jitter->spare_min >= JITTER_DELAY_MIN + SHRINK;
    jitter->window = jitter->spare_min >= JITTER_DELAY_MIN + FAR_TOO_MUCH ? SHORT_WINDOW : WINDOW;
    jitter->spare_min = INT32_MAX;
    return more_than_needed;
}

void jitter_get(struct jitter *jitter, int16_t *samples, size_t count)
{
    if (!jitter->started) {
        memset(samples, 0, count * (size_t)jitter->wide * sizeof(int16_t));
        return;
    }
    bool shrink = may_shrink(jitter, count);
    size_t wanted = shrink ? count + SHRINK : count;
    if (jitter->concealment.active || distance(jitter->play, jitter->first) < 0 ||
        distance(jitter->high, jitter->play) < (int32_t)wanted || !all_present(jitter, jitter->play, wanted)) {
        get_with_gaps(jitter, samples, count);
    } else if (shrink) {
        get_shortened(jitter, samples, count);
    } else {
        decode_ring(jitter, jitter->play, samples, count);
        note_left(jitter, samples, count * (size_t)jitter->wide);
        jitter->play += (uint32_t)count;
    }
}

int32_t jitter_delay(const struct jitter *jitter)
{
    return jitter->started ? distance(jitter->high, jitter->play) : 0;
}
