#include "wideband.h"

#include <string.h>

enum { NARROW_MAX = 160 };

void g722_close(struct g722 *g722)
{
    if (g722 != NULL)
        g722->library->close(g722);
}

void g722_restart_encoder(struct g722 *g722)
{
    g722->library->restart_encoder(g722);
}

void g722_restart_decoder(struct g722 *g722)
{
    g722->library->restart_decoder(g722);
}

void g722_write(struct g722 *g722, uint8_t *codes, const int16_t *samples, size_t count)
{
    g722->library->encode(g722, codes, samples, count);
}

void g722_read(struct g722 *g722, int16_t *samples, const uint8_t *codes, size_t count)
{
    g722->library->decode(g722, samples, codes, count);
}

/* Every second tap of a windowed sinc (Kaiser, 6.2), in 1/32768; the others are zero but for the middle one, 1/2. */
static const int16_t TAPS[HALFBAND_TAPS] = {20764, -6653, 3685, -2330, 1535, -1013, 655, -407, 238, -128, 60, -22};

static int16_t clip(int64_t value)
{
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

/* The sum over the taps around the middle between left[0] and right[0]; `step` to the next on both sides. */
static int64_t convolve(const int16_t *left, const int16_t *right, int step)
{
    int64_t sum = 0;
    for (int i = 0; i < HALFBAND_TAPS; i++)
        sum += (int64_t)TAPS[i] * (left[-i * step] + right[i * step]);
    return sum;
}

void halfband_up(struct halfband *halfband, int16_t *wide, const int16_t *narrow, size_t count)
{
    enum { PAST = 2 * HALFBAND_TAPS - 1 };
    int16_t line[PAST + NARROW_MAX];
    memcpy(line, halfband->past, PAST * sizeof *line);
    memcpy(line + PAST, narrow, count * sizeof *line);
    for (size_t i = 0; i < count; i++) {
        const int16_t *left = line + i + HALFBAND_TAPS - 1;
        wide[2 * i] = *left;
        wide[2 * i + 1] = clip((convolve(left, left + 1, 1) + (1 << 14)) >> 15);
    }
    memcpy(halfband->past, line + count, PAST * sizeof *line);
}

void halfband_down(struct halfband *halfband, int16_t *narrow, const int16_t *wide, size_t count)
{
    enum { PAST = 4 * HALFBAND_TAPS - 2 };
    int16_t line[PAST + 2 * NARROW_MAX];
    memcpy(line, halfband->past, PAST * sizeof *line);
    memcpy(line + PAST, wide, 2 * count * sizeof *line);
    for (size_t i = 0; i < count; i++) {
        const int16_t *middle = line + 2 * i + 2 * HALFBAND_TAPS - 1;
        int64_t sum = ((int64_t)*middle << 15) + convolve(middle - 1, middle + 1, 2);
        narrow[i] = clip((sum + (1 << 15)) >> 16);
    }
    memcpy(halfband->past, line + 2 * count, PAST * sizeof *line);
}
