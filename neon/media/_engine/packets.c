#include "packets.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    uint32_t begin, count; /* count 0: nothing */
    uint32_t offset, length;
};

struct packets {
    const struct opus_library *library;
    struct opus_coder *coder;
    struct opus_wishes wishes;
    struct slot slots[PACKETS_COUNT];
    unsigned next;   /* slot to be filled */
    uint32_t free;   /* octets from here on are the oldest */
    uint32_t begin, count; /* what is decoded */
    uint32_t recovered;
    int16_t decoded[2 * OPUS_TICKS_MAX];
    uint8_t octets[PACKETS_ROOM];
};

struct packets *packets_new(const struct opus_library *library, const struct opus_wishes *wishes)
{
    struct packets *packets = calloc(1, sizeof *packets);
    if (packets == NULL)
        return NULL;
    packets->library = library;
    packets->wishes = *wishes;
    packets->coder = library->open();
    if (packets->coder == NULL) {
        free(packets);
        return NULL;
    }
    library->wish(packets->coder, wishes);
    return packets;
}

void packets_free(struct packets *packets)
{
    if (packets == NULL)
        return;
    packets->library->close(packets->coder);
    free(packets);
}

void packets_wish(struct packets *packets, const struct packets *other)
{
    packets->wishes = other->wishes;
    packets->library->wish(packets->coder, &packets->wishes);
}

void packets_expect_loss(struct packets *packets, unsigned percent)
{
    packets->library->expect_loss(packets->coder, percent);
}

size_t packets_write(struct packets *packets, uint8_t *data, size_t room, const int16_t *samples, uint32_t count)
{
    return packets->library->encode(packets->coder, data, room, samples, count);
}

uint32_t packets_ticks(const struct packets *packets, const uint8_t *data, size_t length)
{
    return packets->library->ticks(data, length);
}

void packets_forget(struct packets *packets)
{
    memset(packets->slots, 0, sizeof packets->slots);
    packets->count = 0;
    packets->library->restart_decoder(packets->coder);
}

uint32_t packets_recovered(const struct packets *packets)
{
    return packets->recovered;
}

/* Those whose octets are written over are gone. */
static void make_room(struct packets *packets, uint32_t offset, uint32_t length)
{
    for (int i = 0; i < PACKETS_COUNT; i++) {
        struct slot *slot = &packets->slots[i];
        if (slot->length > 0 && slot->offset < offset + length && offset < slot->offset + slot->length)
            slot->count = slot->length = 0;
    }
}

void packets_store(struct packets *packets, uint32_t begin, uint32_t count, const uint8_t *data, size_t length)
{
    if (length > PACKETS_ROOM)
        return;
    if (packets->free + length > PACKETS_ROOM)
        packets->free = 0;
    make_room(packets, packets->free, (uint32_t)length);
    packets->slots[packets->next] = (struct slot){begin, count, packets->free, (uint32_t)length};
    packets->next = (packets->next + 1) % PACKETS_COUNT;
    if (length > 0)
        memcpy(packets->octets + packets->free, data, length);
    packets->free += (uint32_t)length;
}

/* The packet that a position lies in. */
static const struct slot *find(const struct packets *packets, uint32_t position)
{
    for (int i = 0; i < PACKETS_COUNT; i++)
        if (position - packets->slots[i].begin < packets->slots[i].count)
            return &packets->slots[i];
    return NULL;
}

/* The first that begins after a position, but not by more than a packet. */
static const struct slot *find_next(const struct packets *packets, uint32_t position)
{
    const struct slot *best = NULL;
    uint32_t least = OPUS_TICKS_MAX + 1;
    for (int i = 0; i < PACKETS_COUNT; i++) {
        uint32_t ahead = packets->slots[i].begin - position;
        if (packets->slots[i].count > 0 && ahead > 0 && ahead < least) {
            least = ahead;
            best = &packets->slots[i];
        }
    }
    return best;
}

/* Copies what is decoded already; how much that was. */
static uint32_t copy_decoded(const struct packets *packets, uint32_t position, int16_t *samples, uint32_t count)
{
    uint32_t offset = position - packets->begin;
    if (offset >= packets->count)
        return 0;
    if (count > packets->count - offset)
        count = packets->count - offset;
    memcpy(samples, packets->decoded + 2 * offset, 2 * count * sizeof *samples);
    return count;
}

static uint32_t whole_steps(uint32_t count)
{
    return (count + OPUS_STEP - 1) / OPUS_STEP * OPUS_STEP;
}

/* Decodes what there is at a position where nothing is. */
static void decode_missing(struct packets *packets, uint32_t position, uint32_t count)
{
    const struct opus_library *library = packets->library;
    const struct slot *next = find_next(packets, position);
    packets->begin = position;
    if (next != NULL && next->length > 0) {
        const uint8_t *data = packets->octets + next->offset;
        uint32_t gap = whole_steps(next->begin - position);
        /* The decoder invents what the packet does not repeat. */
        if (library->repeats(data, next->length) && gap <= OPUS_TICKS_MAX &&
            library->recover(packets->coder, packets->decoded, gap, data, next->length)) {
            packets->count = gap;
            packets->recovered++;
            return;
        }
    }
    packets->count = whole_steps(count);
    if (!library->conceal(packets->coder, packets->decoded, packets->count))
        memset(packets->decoded, 0, 2 * packets->count * sizeof *packets->decoded);
}

static void decode_stored(struct packets *packets, const struct slot *slot)
{
    packets->begin = slot->begin;
    packets->count = slot->count;
    if (slot->length > 0 && packets->library->decode(packets->coder, packets->decoded, slot->count,
                                                     packets->octets + slot->offset, slot->length))
        return;
    if (slot->length > 0 && packets->library->conceal(packets->coder, packets->decoded, slot->count))
        return; /* damaged */
    memset(packets->decoded, 0, 2 * packets->count * sizeof *packets->decoded);
}

static void take(struct packets *packets, uint32_t position, int16_t *samples, uint32_t count, bool stored)
{
    while (count > 0) {
        uint32_t copied = copy_decoded(packets, position, samples, count);
        if (copied == 0) {
            const struct slot *slot = stored ? find(packets, position) : NULL;
            if (slot != NULL)
                decode_stored(packets, slot);
            else
                decode_missing(packets, position, count < OPUS_TICKS_MAX ? count : OPUS_TICKS_MAX);
            continue;
        }
        position += copied;
        samples += 2 * copied;
        count -= copied;
    }
}

void packets_read(struct packets *packets, uint32_t position, int16_t *samples, uint32_t count)
{
    take(packets, position, samples, count, true);
}

void packets_conceal(struct packets *packets, uint32_t position, int16_t *samples, uint32_t count)
{
    take(packets, position, samples, count, false);
}
