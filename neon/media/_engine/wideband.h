/* Wideband audio: G.722 by libspandsp, which neon.media._g722 is linked with, and the way between 8 and 16 kHz.
 *
 * A G.722 octet is two samples at 16 kHz, and one tick of its RTP clock of 8 kHz (RFC 3551, section 4.5.2). */
#ifndef NEON_WIDEBAND_H
#define NEON_WIDEBAND_H

#include <stddef.h>
#include <stdint.h>

/* An encoder and a decoder, which know nothing of each other; touched by one thread. The module's own begins with it. */
struct g722 {
    const struct g722_library *library;
};

struct g722_library {
    struct g722 *(*open)(void); /* NULL without memory */
    void (*close)(struct g722 *g722);
    void (*restart_encoder)(struct g722 *g722);
    void (*restart_decoder)(struct g722 *g722);
    void (*encode)(struct g722 *g722, uint8_t *codes, const int16_t *samples, size_t count);
    void (*decode)(struct g722 *g722, int16_t *samples, const uint8_t *codes, size_t count);
};

void g722_close(struct g722 *g722); /* NULL is none */
void g722_restart_encoder(struct g722 *g722);
void g722_restart_decoder(struct g722 *g722);

/* `count` octets, from or into twice as many samples. */
void g722_write(struct g722 *g722, uint8_t *codes, const int16_t *samples, size_t count);
void g722_read(struct g722 *g722, int16_t *samples, const uint8_t *codes, size_t count);

enum { HALFBAND_TAPS = 12 }; /* on each side */

/* A half-band filter: flat to 3.4 kHz, 65 dB down from 4.7 kHz on. All zeros is silence before. */
struct halfband {
    int16_t past[4 * HALFBAND_TAPS];
};

/* `count` (<= 160) samples at 8 kHz to or from twice as many at 16 kHz; 0.75 ms later, and 1.5 ms. */
void halfband_up(struct halfband *halfband, int16_t *wide, const int16_t *narrow, size_t count);
void halfband_down(struct halfband *halfband, int16_t *narrow, const int16_t *wide, size_t count);

#endif
