/* What a stream says and hears, at the rate of its codec: 8 kHz, or 16 kHz with G.722 and Opus.
 *
 * Devices have rates of their own, stored samples and taps have 8 kHz; what differs is converted here. `count` is
 * always in ticks of the RTP clock, 8 kHz: a stream that is wide has twice as many samples. */
#ifndef NEON_VOICE_H
#define NEON_VOICE_H

#include "dtmf.h"
#include "engine.h"

/* Everything that depends on the codec begins anew; takes the coder that Opus or G.722 has. */
void voice_begin(struct stream *stream, enum codec codec, struct packets *packets, struct g722 *g722);

/* The next samples of the source; `heard` is for an echo. */
void voice_fetch(const struct engine *engine, struct stream *stream, const int16_t *heard, int16_t *samples,
                 uint32_t count);
/* Gives the sink what was heard, and what only this end hears. */
void voice_play(const struct engine *engine, struct stream *stream, const int16_t *heard, uint32_t count);
/* Gives the tap both sides; no `said` is silence. */
void voice_tap(struct stream *stream, const int16_t *said, const int16_t *heard, uint32_t count);
/* A digit as two tones (ITU-T Q.23) in place of the samples, for a far end that did not agree on telephone events. */
void voice_digit(const struct engine *engine, const struct stream *stream, const struct dtmf_packet *digit,
                 uint32_t begin, int16_t *samples, uint32_t count);
/* Encodes samples; how many octets that are (at most JITTER_PACKET_MAX), 0 if nothing need be sent. */
size_t voice_encode(struct stream *stream, uint8_t *codes, const int16_t *samples, uint32_t count);

#endif
