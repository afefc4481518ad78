/* Telephone events (RFC 4733): digits out as growing events with three end packets, digits in, each told once.
 *
 * Both halves are owned by a stream and touched by one thread only. */
#ifndef NEON_DTMF_H
#define NEON_DTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DTMF_PAYLOAD = 4,      /* octets */
    DTMF_QUEUE = 64,       /* digits waiting to be sent */
    DTMF_ENDS = 3,         /* packets with the end bit (RFC 4733, section 2.5.1.4) */
    DTMF_GAP = 480,        /* samples of quiet between two digits, 60 ms */
    DTMF_MIN = 320,        /* samples, 40 ms: the least a receiver need recognise (ITU-T Q.24) */
    DTMF_MAX = 48000,      /* samples, 6 s: fits the 16-bit duration */
};

struct dtmf_digit {
    uint8_t event; /* 0-9, 10 *, 11 #, 12-15 A-D (RFC 4733, table 3) */
    uint16_t duration;
};

struct dtmf_out {
    struct dtmf_digit queue[DTMF_QUEUE];
    int head, count;
    bool active;        /* the digit at the head has begun */
    uint32_t timestamp; /* of its beginning */
    uint32_t elapsed;   /* samples since then */
    uint32_t segment;   /* of these, those that were told of under an earlier timestamp */
    int ends;           /* end packets sent */
    int gap;            /* samples until the next digit may begin */
};

struct dtmf_packet {
    uint8_t payload[DTMF_PAYLOAD];
    uint32_t timestamp;
    bool marker;
};

struct dtmf_in {
    bool known;
    uint32_t timestamp; /* of the event told last */
    uint32_t end;       /* its end as far as known, to recognise the segments of a long one */
    uint8_t event;
    bool ended;
};

/* The event number of a digit character, or -1. */
int dtmf_event(char digit);
/* The character of an event number, or 0 if it is not a digit. */
char dtmf_character(uint8_t event);

/* Queues a digit; false if the queue is full. The duration is brought between DTMF_MIN and DTMF_MAX. */
bool dtmf_push(struct dtmf_out *out, uint8_t event, uint32_t duration);

/* True while a digit is being sent, so that audio has to stand back. */
bool dtmf_busy(const struct dtmf_out *out);

/* To be called for every packet interval of `samples` beginning at `timestamp`: true if *packet is to be sent instead
 * of audio. Durations are told in units of which `clock` are a sample; what 16 bits of these cannot say is told in
 * segments (RFC 4733, section 2.5.1.3). */
bool dtmf_next(struct dtmf_out *out, uint32_t timestamp, uint32_t samples, unsigned clock, struct dtmf_packet *packet);

/* Reads a telephone-event payload; true if it is the first news of a digit, which is put into *digit. */
bool dtmf_receive(struct dtmf_in *in, uint32_t timestamp, bool marker, const uint8_t *payload, size_t length,
                  char *digit);

#endif
