#include "dtmf.h"

#include <string.h>

static const char DIGITS[] = "0123456789*#ABCD";

enum { VOLUME = 10 /* -10 dBm0 */, END_BIT = 0x80 };

int dtmf_event(char digit)
{
    if (digit >= 'a' && digit <= 'd')
        digit = (char)(digit - 'a' + 'A');
    const char *found = digit ? strchr(DIGITS, digit) : NULL;
    return found ? (int)(found - DIGITS) : -1;
}

char dtmf_character(uint8_t event)
{
    return event < sizeof DIGITS - 1 ? DIGITS[event] : 0;
}

bool dtmf_push(struct dtmf_out *out, uint8_t event, uint32_t duration)
{
    if (out->count == DTMF_QUEUE)
        return false;
    if (duration < DTMF_MIN)
        duration = DTMF_MIN;
    if (duration > DTMF_MAX)
        duration = DTMF_MAX;
    int tail = (out->head + out->count++) % DTMF_QUEUE;
    out->queue[tail] = (struct dtmf_digit){event, (uint16_t)duration};
    return true;
}

bool dtmf_busy(const struct dtmf_out *out)
{
    return out->active || (out->count > 0 && out->gap <= 0);
}

bool dtmf_next(struct dtmf_out *out, uint32_t timestamp, uint32_t samples, unsigned clock, struct dtmf_packet *packet)
{
    if (!dtmf_busy(out)) {
        if (out->gap > 0)
            out->gap -= (int)samples;
        return false;
    }
    bool first = !out->active;
    if (first) {
        out->active = true;
        out->timestamp = timestamp;
        out->elapsed = out->segment = 0;
        out->ends = 0;
    }
    const struct dtmf_digit *digit = &out->queue[out->head];
    out->elapsed += samples;
    bool ending = out->elapsed >= digit->duration;
    uint32_t told = ending ? digit->duration : out->elapsed;
    if ((told - out->segment) * clock > UINT16_MAX)
        out->segment = out->elapsed - samples;
    uint32_t duration = (told - out->segment) * clock;
    packet->timestamp = out->timestamp + out->segment;
    packet->marker = first;
    packet->payload[0] = digit->event;
    packet->payload[1] = (uint8_t)(VOLUME | (ending ? END_BIT : 0));
    packet->payload[2] = (uint8_t)(duration >> 8);
    packet->payload[3] = (uint8_t)duration;
    if (ending && ++out->ends == DTMF_ENDS) {
        out->active = false;
        out->head = (out->head + 1) % DTMF_QUEUE;
        out->count--;
        out->gap = DTMF_GAP;
    }
    return true;
}

bool dtmf_receive(struct dtmf_in *in, uint32_t timestamp, bool marker, const uint8_t *payload, size_t length,
                  char *digit)
{
    if (length < DTMF_PAYLOAD)
        return false;
    uint8_t event = payload[0];
    uint32_t end = timestamp + ((uint32_t)payload[2] << 8 | payload[3]);
    if (dtmf_character(event) == 0)
        return false;
    if (in->known) {
        /* Every packet of an event has its timestamp; a later one, without the marker, that begins where the last
         * known duration ended is the next segment of a long event (RFC 4733, section 2.5.1.3). An older timestamp
         * is a packet that was overtaken. */
        bool same = timestamp == in->timestamp;
        bool segment = !marker && !in->ended && event == in->event && timestamp == in->end;
        bool older = (int32_t)(timestamp - in->timestamp) < 0;
        if (same || segment || older) {
            if (!older) {
                in->timestamp = timestamp;
                if ((int32_t)(end - in->end) > 0)
                    in->end = end;
                in->ended = in->ended || payload[1] & END_BIT;
            }
            return false;
        }
    }
    *in = (struct dtmf_in){true, timestamp, end, event, (payload[1] & END_BIT) != 0};
    *digit = dtmf_character(event);
    return true;
}
