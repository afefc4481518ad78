/* Opus (RFC 6716): what the module neon.media._opus, which is linked with libopus, gives the engine (library.h).
 *
 * Audio is 16 kHz and mono on our
 * side, whatever the far end sends. Durations are in ticks of 8 kHz. A coder is an encoder and a decoder, which know
 * nothing of each other; one thread at a time may use it. */
#ifndef NEON_OPUS_H
#define NEON_OPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPUS_CLOCK = 6,      /* ticks of its RTP clock, 48 kHz (RFC 7587, section 4.1), in one of ours */
    OPUS_STEP = 20,      /* 2.5 ms: every duration is a multiple of it */
    OPUS_TICKS_MAX = 960 /* 120 ms */
};

/* What the far end's a=fmtp asks of our encoder (RFC 7587, section 6.1). */
struct opus_wishes {
    bool fec, dtx, constant;
    uint32_t bitrate;  /* bits a second, 6000 to 510000 */
    uint32_t playback; /* the highest sampling rate that it can use, in hertz */
};

struct opus_coder;

struct opus_library {
    struct opus_coder *(*open)(void); /* NULL without memory */
    void (*close)(struct opus_coder *coder);
    void (*wish)(struct opus_coder *coder, const struct opus_wishes *wishes);
    void (*expect_loss)(struct opus_coder *coder, unsigned percent); /* of packets, by the far end's reports */
    void (*restart_encoder)(struct opus_coder *coder);
    void (*restart_decoder)(struct opus_coder *coder);

    /* Encodes 80, 160, 320 or 480 ticks; the octets of the packet, 0 if it need not be sent. */
    size_t (*encode)(struct opus_coder *coder, uint8_t *data, size_t room, const int16_t *samples, uint32_t ticks);

    /* How long a packet is, 0 if it is none; and whether it has the one before once more. */
    uint32_t (*ticks)(const uint8_t *data, size_t length);
    bool (*repeats)(const uint8_t *data, size_t length);

    /* `ticks` of audio: of a packet of that length; of what was lost before a packet; of what is lost. Two samples a
     * tick; false, and nothing written, if the packet is damaged. */
    bool (*decode)(struct opus_coder *coder, int16_t *samples, uint32_t ticks, const uint8_t *data, size_t length);
    bool (*recover)(struct opus_coder *coder, int16_t *samples, uint32_t ticks, const uint8_t *next, size_t length);
    bool (*conceal)(struct opus_coder *coder, int16_t *samples, uint32_t ticks);
};

#endif
