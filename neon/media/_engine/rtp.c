#include "rtp.h"

#include <string.h>

static uint32_t read32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void write32(uint8_t *data, uint32_t value)
{
    data[0] = (uint8_t)(value >> 24);
    data[1] = (uint8_t)(value >> 16);
    data[2] = (uint8_t)(value >> 8);
    data[3] = (uint8_t)value;
}

enum rtp_parse rtp_parse(struct rtp_packet *packet, const uint8_t *data, size_t length)
{
    if (length < RTP_HEADER)
        return RTP_TOO_SHORT;
    if (data[0] >> 6 != 2)
        return RTP_BAD_VERSION;
    size_t begin = RTP_HEADER + 4u * (data[0] & 15);
    if (length < begin)
        return RTP_TRUNCATED_CSRC;
    if (data[0] & 0x10) {
        if (length < begin + 4)
            return RTP_TRUNCATED_EXTENSION;
        begin += 4 + 4 * ((size_t)data[begin + 2] << 8 | data[begin + 3]);
        if (length < begin)
            return RTP_TRUNCATED_EXTENSION;
    }
    size_t end = length;
    if (data[0] & 0x20) {
        size_t padding = data[length - 1];
        if (padding == 0 || padding > length - begin)
            return RTP_BAD_PADDING;
        end -= padding;
    }
    packet->marker = data[1] >> 7;
    packet->payload_type = data[1] & 0x7f;
    packet->sequence = (uint16_t)(data[2] << 8 | data[3]);
    packet->timestamp = read32(data + 4);
    packet->ssrc = read32(data + 8);
    packet->payload = data + begin;
    packet->length = end - begin;
    return RTP_OK;
}

void rtp_write_header(uint8_t *data, const struct rtp_packet *packet)
{
    data[0] = 2 << 6;
    data[1] = (uint8_t)(packet->marker << 7 | packet->payload_type);
    data[2] = (uint8_t)(packet->sequence >> 8);
    data[3] = (uint8_t)packet->sequence;
    write32(data + 4, packet->timestamp);
    write32(data + 8, packet->ssrc);
}

static int32_t distance(uint32_t to, uint32_t from)
{
    return (int32_t)(to - from);
}

uint32_t rtp_expected(const struct rtp_receiver *receiver)
{
    return receiver->valid ? receiver->cycles + receiver->max_sequence - receiver->base_sequence + 1 : 0;
}

static uint32_t lost_of_this_source(const struct rtp_receiver *receiver)
{
    int32_t lost = distance(rtp_expected(receiver), receiver->received);
    return lost > 0 ? (uint32_t)lost : 0;
}

uint32_t rtp_lost(const struct rtp_receiver *receiver)
{
    return receiver->lost_before + lost_of_this_source(receiver);
}

/* True if the packet goes on where the stream was. */
static bool continues(const struct rtp_receiver *receiver, const struct rtp_packet *packet, uint32_t transit, bool event)
{
    if (packet->ssrc != receiver->ssrc)
        return false;
    uint16_t ahead = (uint16_t)(packet->sequence - receiver->max_sequence);
    if (ahead > RTP_DROPOUT && ahead < UINT16_MAX + 1 - RTP_MISORDER)
        return false;
    int32_t slowness = distance(transit, receiver->quickest);
    return event || (slowness >= -RTP_EARLY && slowness <= RTP_LATE);
}

static enum rtp_verdict judge_candidate(struct rtp_receiver *receiver, const struct rtp_packet *packet,
                                        uint32_t arrival, uint32_t transit)
{
    int32_t step = distance(packet->timestamp, receiver->candidate.timestamp);
    int32_t waited = distance(arrival, receiver->candidate.arrival);
    bool follows = receiver->candidate.held && packet->ssrc == receiver->candidate.ssrc &&
                   packet->sequence == (uint16_t)(receiver->candidate.sequence + 1);
    /* Packets of a new stream come no faster than their audio; a burst of forged ones does. At the very beginning
     * there is no stream that a burst could displace. */
    bool paced = !receiver->valid || (step > 0 && waited >= step / 2);
    if (!follows || !paced) {
        receiver->candidate.held = true;
        receiver->candidate.ssrc = packet->ssrc;
        receiver->candidate.sequence = packet->sequence;
        receiver->candidate.timestamp = packet->timestamp;
        receiver->candidate.arrival = arrival;
        return RTP_HOLD;
    }
    receiver->lost_before = rtp_lost(receiver);
    receiver->valid = true;
    receiver->candidate.held = false;
    receiver->ssrc = packet->ssrc;
    receiver->base_sequence = receiver->candidate.sequence;
    receiver->max_sequence = packet->sequence;
    /* The candidate was the last of its cycle if its number is the greater one. */
    receiver->cycles = packet->sequence < receiver->base_sequence ? UINT16_MAX + 1 : 0;
    receiver->received = 2;
    receiver->expected_prior = receiver->received_prior = 0;
    receiver->quickest = receiver->last_transit = transit;
    receiver->jitter = 0;
    return RTP_SWITCH;
}

enum rtp_verdict rtp_receive(struct rtp_receiver *receiver, const struct rtp_packet *packet, uint32_t arrival,
                             bool event)
{
    uint32_t transit = arrival - packet->timestamp;
    if (!receiver->valid || !continues(receiver, packet, transit, event))
        return event && receiver->valid ? RTP_DROP : judge_candidate(receiver, packet, arrival, transit);
    receiver->candidate.held = false;
    receiver->received++;
    uint16_t ahead = (uint16_t)(packet->sequence - receiver->max_sequence);
    if (ahead > 0 && ahead <= RTP_DROPOUT) {
        if (packet->sequence < receiver->max_sequence)
            receiver->cycles += UINT16_MAX + 1;
        receiver->max_sequence = packet->sequence;
    }
    if (event)
        return RTP_ACCEPT;
    /* Down by 1 ms a packet at most, lest every early packet of a burst make room for a still earlier one. */
    int32_t quicker = distance(receiver->quickest, transit);
    if (quicker > 0)
        receiver->quickest -= quicker < 8 ? (uint32_t)quicker : 8;
    else if ((receiver->received & 63) == 0)
        receiver->quickest++; /* forgets slowly, as the sender's clock may drift: about 100 ppm at 20 ms */
    uint32_t change = (uint32_t)(distance(transit, receiver->last_transit) < 0
                                     ? distance(receiver->last_transit, transit)
                                     : distance(transit, receiver->last_transit));
    receiver->last_transit = transit;
    receiver->jitter += change - ((receiver->jitter + 8) >> 4);
    return RTP_ACCEPT;
}
