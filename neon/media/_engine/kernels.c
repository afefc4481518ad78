#include "kernels.h"

#if defined(__x86_64__) || defined(__i386__)
#define NEON_X86 1
#include <immintrin.h>
#endif

/* The highest bit set in a value that is not zero. */
static inline int top_bit(unsigned value)
{
    return 31 - __builtin_clz(value);
}

/* G.711 table 2a: with 33 added, the segments begin at powers of two, 32 to 4096, and hold sixteen steps each. */
static inline uint8_t ulaw_code(int16_t sample)
{
    unsigned magnitude = (unsigned)(uint16_t)(sample < 0 ? ~sample : sample) >> 2;
    magnitude += 33;
    if (magnitude > 8191)
        magnitude = 8191;
    int segment = top_bit(magnitude) - 5;
    unsigned code = ((unsigned)segment << 4) | ((magnitude >> (segment + 1)) & 15);
    return (uint8_t)(code ^ (sample < 0 ? 0x7f : 0xff));
}

/* G.711 table 1a: the first two segments have the same step, so the first is counted straight. */
static inline uint8_t alaw_code(int16_t sample)
{
    unsigned magnitude = (unsigned)(uint16_t)(sample < 0 ? ~sample : sample) >> 4;
    unsigned code = magnitude;
    if (magnitude >= 16) {
        int top = top_bit(magnitude);
        code = ((unsigned)(top - 3) << 4) | ((magnitude >> (top - 4)) & 15);
    }
    return (uint8_t)(code ^ (sample < 0 ? 0x55 : 0xd5));
}

static inline int16_t ulaw_sample(uint8_t code)
{
    unsigned bits = (uint8_t)~code;
    int magnitude = (int)((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132;
    return (int16_t)(bits & 0x80 ? -magnitude : magnitude);
}

static inline int16_t alaw_sample(uint8_t code)
{
    unsigned bits = code ^ 0x55u;
    unsigned segment = (bits >> 4) & 7;
    int magnitude = (int)(((bits & 15) << 4) + 8);
    if (segment > 0)
        magnitude = (magnitude + 256) << (segment - 1);
    return (int16_t)(bits & 0x80 ? magnitude : -magnitude);
}

void ulaw_encode_scalar(uint8_t *restrict codes, const int16_t *restrict samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        codes[i] = ulaw_code(samples[i]);
}

void alaw_encode_scalar(uint8_t *restrict codes, const int16_t *restrict samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        codes[i] = alaw_code(samples[i]);
}

void ulaw_decode_scalar(int16_t *restrict samples, const uint8_t *restrict codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = ulaw_sample(codes[i]);
}

void alaw_decode_scalar(int16_t *restrict samples, const uint8_t *restrict codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = alaw_sample(codes[i]);
}

#ifdef NEON_X86

/* Segment and step of eight magnitudes at once: converted to single precision, which is exact for integers of this
 * size, the exponent is the segment and the first four bits of the mantissa are the step. `bias` is the exponent of
 * segment 0, moved to where the exponent ends up. */
__attribute__((target("sse2"))) static inline __m128i segment_and_step(__m128i magnitude, int bias)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i low = _mm_castps_si128(_mm_cvtepi32_ps(_mm_unpacklo_epi16(magnitude, zero)));
    __m128i high = _mm_castps_si128(_mm_cvtepi32_ps(_mm_unpackhi_epi16(magnitude, zero)));
    __m128i both = _mm_packs_epi32(_mm_srli_epi32(low, 19), _mm_srli_epi32(high, 19));
    return _mm_sub_epi16(both, _mm_set1_epi16((short)bias));
}

__attribute__((target("sse2"))) static inline __m128i ulaw_code_8(__m128i sample)
{
    __m128i negative = _mm_srai_epi16(sample, 15);
    __m128i magnitude = _mm_srli_epi16(_mm_xor_si128(sample, negative), 2);
    magnitude = _mm_min_epi16(_mm_add_epi16(magnitude, _mm_set1_epi16(33)), _mm_set1_epi16(8191));
    __m128i code = segment_and_step(magnitude, (127 + 5) << 4);
    return _mm_xor_si128(code, _mm_xor_si128(_mm_set1_epi16(0xff), _mm_and_si128(negative, _mm_set1_epi16(0x80))));
}

__attribute__((target("sse2"))) static inline __m128i alaw_code_8(__m128i sample)
{
    __m128i negative = _mm_srai_epi16(sample, 15);
    __m128i magnitude = _mm_srli_epi16(_mm_xor_si128(sample, negative), 4);
    /* Segment 0 has no leading one; it gets the one of segment 1 for the conversion and gives it back. */
    __m128i first = _mm_and_si128(_mm_cmplt_epi16(magnitude, _mm_set1_epi16(16)), _mm_set1_epi16(16));
    __m128i code = segment_and_step(_mm_add_epi16(magnitude, first), (127 + 3) << 4);
    code = _mm_sub_epi16(code, first);
    return _mm_xor_si128(code, _mm_xor_si128(_mm_set1_epi16(0xd5), _mm_and_si128(negative, _mm_set1_epi16(0x80))));
}

__attribute__((target("sse2"))) static size_t ulaw_encode_sse2(uint8_t *codes, const int16_t *samples, size_t count)
{
    size_t done = 0;
    for (; done + 16 <= count; done += 16) {
        __m128i low = ulaw_code_8(_mm_loadu_si128((const __m128i *)(samples + done)));
        __m128i high = ulaw_code_8(_mm_loadu_si128((const __m128i *)(samples + done + 8)));
        _mm_storeu_si128((__m128i *)(codes + done), _mm_packus_epi16(low, high));
    }
    return done;
}

__attribute__((target("sse2"))) static size_t alaw_encode_sse2(uint8_t *codes, const int16_t *samples, size_t count)
{
    size_t done = 0;
    for (; done + 16 <= count; done += 16) {
        __m128i low = alaw_code_8(_mm_loadu_si128((const __m128i *)(samples + done)));
        __m128i high = alaw_code_8(_mm_loadu_si128((const __m128i *)(samples + done + 8)));
        _mm_storeu_si128((__m128i *)(codes + done), _mm_packus_epi16(low, high));
    }
    return done;
}

/* Variable shifts per lane do not exist in SSSE3: a shuffle looks the power of two up and a product shifts. */
__attribute__((target("ssse3"))) static inline __m128i ulaw_sample_8(__m128i step, __m128i power, __m128i sign)
{
    const __m128i bias = _mm_set1_epi16(132);
    __m128i magnitude = _mm_add_epi16(_mm_slli_epi16(step, 3), bias);
    magnitude = _mm_sub_epi16(_mm_mullo_epi16(magnitude, power), bias);
    return _mm_sub_epi16(_mm_xor_si128(magnitude, sign), sign);
}

__attribute__((target("ssse3"))) static size_t ulaw_decode_ssse3(int16_t *samples, const uint8_t *codes, size_t count)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i nibble = _mm_set1_epi8(15);
    const __m128i powers = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 1, 2, 4, 8, 16, 32, 64, (char)128);
    size_t done = 0;
    for (; done + 16 <= count; done += 16) {
        __m128i bits = _mm_loadu_si128((const __m128i *)(codes + done));
        bits = _mm_xor_si128(bits, _mm_set1_epi8((char)0xff));
        __m128i sign = _mm_cmpgt_epi8(zero, bits);
        __m128i step = _mm_and_si128(bits, nibble);
        __m128i segment = _mm_and_si128(_mm_srli_epi16(bits, 4), nibble);
        __m128i power = _mm_shuffle_epi8(powers, segment);
        __m128i low = ulaw_sample_8(_mm_unpacklo_epi8(step, zero), _mm_unpacklo_epi8(power, zero),
                                    _mm_unpacklo_epi8(sign, sign));
        __m128i high = ulaw_sample_8(_mm_unpackhi_epi8(step, zero), _mm_unpackhi_epi8(power, zero),
                                     _mm_unpackhi_epi8(sign, sign));
        _mm_storeu_si128((__m128i *)(samples + done), low);
        _mm_storeu_si128((__m128i *)(samples + done + 8), high);
    }
    return done;
}

__attribute__((target("ssse3"))) static inline __m128i alaw_sample_8(__m128i step, __m128i lead, __m128i power,
                                                                     __m128i sign)
{
    __m128i magnitude = _mm_add_epi16(_mm_slli_epi16(_mm_or_si128(step, lead), 4), _mm_set1_epi16(8));
    magnitude = _mm_mullo_epi16(magnitude, power);
    return _mm_sub_epi16(_mm_xor_si128(magnitude, sign), sign);
}

__attribute__((target("ssse3"))) static size_t alaw_decode_ssse3(int16_t *samples, const uint8_t *codes, size_t count)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i nibble = _mm_set1_epi8(15);
    const __m128i powers = _mm_setr_epi8(1, 1, 2, 4, 8, 16, 32, 64, 1, 1, 2, 4, 8, 16, 32, 64);
    const __m128i leads = _mm_setr_epi8(0, 16, 16, 16, 16, 16, 16, 16, 0, 16, 16, 16, 16, 16, 16, 16);
    size_t done = 0;
    for (; done + 16 <= count; done += 16) {
        __m128i bits = _mm_loadu_si128((const __m128i *)(codes + done));
        bits = _mm_xor_si128(bits, _mm_set1_epi8((char)0xd5)); /* the sign bit is now set in negative values */
        __m128i sign = _mm_cmpgt_epi8(zero, bits);
        __m128i step = _mm_and_si128(bits, nibble);
        __m128i segment = _mm_and_si128(_mm_srli_epi16(bits, 4), nibble);
        __m128i power = _mm_shuffle_epi8(powers, segment);
        __m128i lead = _mm_shuffle_epi8(leads, segment);
        __m128i low = alaw_sample_8(_mm_unpacklo_epi8(step, zero), _mm_unpacklo_epi8(lead, zero),
                                    _mm_unpacklo_epi8(power, zero), _mm_unpacklo_epi8(sign, sign));
        __m128i high = alaw_sample_8(_mm_unpackhi_epi8(step, zero), _mm_unpackhi_epi8(lead, zero),
                                     _mm_unpackhi_epi8(power, zero), _mm_unpackhi_epi8(sign, sign));
        _mm_storeu_si128((__m128i *)(samples + done), low);
        _mm_storeu_si128((__m128i *)(samples + done + 8), high);
    }
    return done;
}

/* libgcc asked the processor before main(); each question here is one load and one test. */
#define VECTOR(feature, call) (__builtin_cpu_supports(feature) ? (call) : 0)

#else
#define VECTOR(feature, call) ((size_t)0)
#endif

void ulaw_encode(uint8_t *restrict codes, const int16_t *restrict samples, size_t count)
{
    size_t done = VECTOR("sse2", ulaw_encode_sse2(codes, samples, count));
    ulaw_encode_scalar(codes + done, samples + done, count - done);
}

void alaw_encode(uint8_t *restrict codes, const int16_t *restrict samples, size_t count)
{
    size_t done = VECTOR("sse2", alaw_encode_sse2(codes, samples, count));
    alaw_encode_scalar(codes + done, samples + done, count - done);
}

void ulaw_decode(int16_t *restrict samples, const uint8_t *restrict codes, size_t count)
{
    size_t done = VECTOR("ssse3", ulaw_decode_ssse3(samples, codes, count));
    ulaw_decode_scalar(samples + done, codes + done, count - done);
}

void alaw_decode(int16_t *restrict samples, const uint8_t *restrict codes, size_t count)
{
    size_t done = VECTOR("ssse3", alaw_decode_ssse3(samples, codes, count));
    alaw_decode_scalar(samples + done, codes + done, count - done);
}
