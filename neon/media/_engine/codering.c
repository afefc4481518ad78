#include "codering.h"

#include <string.h>

#include "kernels.h"
#include "packets.h"
#include "wideband.h"

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

void ring_clear(struct jitter *jitter, uint32_t position, size_t count)
{
    set_present(jitter, position, count < JITTER_RING ? count : JITTER_RING, false);
}

void ring_mark(struct jitter *jitter, uint32_t position, size_t count)
{
    set_present(jitter, position, count, true);
}

void ring_store(struct jitter *jitter, uint32_t position, const uint8_t *codes, size_t count)
{
    set_present(jitter, position, count, true);
    size_t offset = position % JITTER_RING;
    size_t before_wrap = count < JITTER_RING - offset ? count : JITTER_RING - offset;
    memcpy(jitter->codes + offset, codes, before_wrap);
    memcpy(jitter->codes, codes + before_wrap, count - before_wrap);
}

size_t ring_run(const struct jitter *jitter, uint32_t position, size_t most, bool present)
{
    size_t run = 0;
    while (run < most) {
        size_t taken;
        uint64_t mask = word_mask(position, most - run, &taken);
        uint64_t word = jitter->present[position % JITTER_RING / 64];
        uint64_t others = (present ? ~word : word) & mask;
        if (others != 0)
            return run + (size_t)__builtin_ctzll(others) - position % 64;
        position += (uint32_t)taken;
        run += taken;
    }
    return run;
}

static void decode(struct jitter *jitter, int16_t *samples, const uint8_t *codes, size_t count)
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
    case CODEC_OPUS:
        break; /* has no codes */
    }
}

void ring_decode(struct jitter *jitter, uint32_t position, int16_t *samples, size_t count)
{
    if (jitter->codec == CODEC_OPUS) {
        packets_read(jitter->packets, position, samples, (uint32_t)count);
        return;
    }
    size_t offset = position % JITTER_RING;
    size_t before_wrap = count < JITTER_RING - offset ? count : JITTER_RING - offset;
    decode(jitter, samples, jitter->codes + offset, before_wrap);
    decode(jitter, samples + before_wrap * (size_t)jitter->wide, jitter->codes, count - before_wrap);
}
