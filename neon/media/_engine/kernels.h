/* G.711 in both laws, exact for every input, on any number of samples.
 *
 * The 16-bit input stands for the 14-bit (mu) and 13-bit (A) uniform values of the recommendation with two and three
 * fractional bits. Every quantizing interval is closed at its lower end on the number axis, as in the ITU-T software
 * tools (G.191): a positive value that equals a decision value belongs to the interval above it, and so does a
 * negative one. Decoded values are scaled back to 16 bits. No function keeps state; all may run on any thread. */
#ifndef NEON_KERNELS_H
#define NEON_KERNELS_H

#include <stddef.h>
#include <stdint.h>

void ulaw_encode(uint8_t *restrict codes, const int16_t *restrict samples, size_t count);
void alaw_encode(uint8_t *restrict codes, const int16_t *restrict samples, size_t count);
void ulaw_decode(int16_t *restrict samples, const uint8_t *restrict codes, size_t count);
void alaw_decode(int16_t *restrict samples, const uint8_t *restrict codes, size_t count);

/* The portable versions, which finish what the vector versions leave and replace them on other processors. */
void ulaw_encode_scalar(uint8_t *restrict codes, const int16_t *restrict samples, size_t count);
void alaw_encode_scalar(uint8_t *restrict codes, const int16_t *restrict samples, size_t count);
void ulaw_decode_scalar(int16_t *restrict samples, const uint8_t *restrict codes, size_t count);
void alaw_decode_scalar(int16_t *restrict samples, const uint8_t *restrict codes, size_t count);

#endif
