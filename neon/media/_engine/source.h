/* What a stream sends: silence, a tone, samples, what it hears, or what a device captures.
 *
 * A source is built by the Python face and handed over whole; from then on the engine's thread owns it. */
#ifndef NEON_SOURCE_H
#define NEON_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"

enum { SINE_TABLE = 1024 };

enum source_kind { SOURCE_SILENCE, SOURCE_TONE, SOURCE_SAMPLES, SOURCE_ECHO, SOURCE_DEVICE };

struct device;

struct source {
    enum source_kind kind;
    uint32_t phase, step;  /* tone: fractions of a turn, 2^32 to the turn, and so much in 1/16000 s */
    float amplitude;
    int16_t *samples;      /* owned */
    size_t count, position;
    bool loop;
    struct device *device; /* a counted reference */
    struct reader reader;  /* of the device */
};

/* One turn of the sine, the first value repeated at the end; filled once, then only read. */
void sine_fill(float table[SINE_TABLE + 1]);

/* The amplitude of a sine of the given level: +3.14 dBm0 just fits 16 bits (G.711, section 5). */
float sine_amplitude(double dbm0);

uint32_t tone_step(double hertz);

/* Fills in the next samples of a tone, at 8 kHz or at 16 kHz (a tone that 8 kHz cannot carry is silence there), or of
 * stored samples (zeros when these have run out). */
void source_tone(struct source *source, const float *sine, int16_t *samples, size_t count, bool wide);
void source_samples(struct source *source, int16_t *samples, size_t count);

#endif
