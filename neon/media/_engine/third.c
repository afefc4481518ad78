#include "third.h"

#include <math.h>
#include <string.h>

static double bessel(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; k < 40; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

void third_init(struct third *third)
{
    const double pi = 3.14159265358979323846, beta = 7.0, cutoff = 7850.0 / 48000.0;
    double sum = 0;
    memset(third, 0, sizeof *third);
    for (int i = 0; i < THIRD_TAPS; i++) {
        double at = i - (THIRD_TAPS - 1) / 2.0, edge = at / (THIRD_TAPS / 2.0);
        double tap = sin(2 * pi * cutoff * at) / (pi * at) * bessel(beta * sqrt(1 - edge * edge)) / bessel(beta);
        third->taps[i] = (float)tap;
        sum += tap;
    }
    for (int i = 0; i < THIRD_TAPS; i++)
        third->taps[i] = (float)(third->taps[i] / sum);
}

static int16_t rounded(float value)
{
    return (int16_t)(value > 32767 ? 32767 : value < -32768 ? -32768 : lrintf(value));
}

void third_up(struct third *third, int16_t *fast, const int16_t *slow)
{
    enum { PAST = THIRD_TAPS / 3 };
    float *line = third->past;
    for (int i = 0; i < THIRD_FRAME; i++)
        line[PAST + i] = slow[i];
    for (int i = 0; i < THIRD_FRAME; i++)
        for (int phase = 0; phase < 3; phase++) {
            /* Of three taps two would meet the zeros between the samples. */
            float sum = 0;
            for (int k = 0; k < PAST; k++)
                sum += third->taps[3 * k + phase] * line[PAST + i - k];
            fast[3 * i + phase] = rounded(3 * sum);
        }
    memmove(line, line + THIRD_FRAME, PAST * sizeof *line);
}

void third_down(struct third *third, int16_t *slow, const int16_t *fast)
{
    enum { PAST = THIRD_TAPS };
    float *line = third->past;
    for (int i = 0; i < 3 * THIRD_FRAME; i++)
        line[PAST + i] = fast[i];
    for (int i = 0; i < THIRD_FRAME; i++) {
        float sum = 0;
        for (int k = 0; k < THIRD_TAPS; k++)
            sum += third->taps[k] * line[PAST + 3 * i - k];
        slow[i] = rounded(sum);
    }
    memmove(line, line + 3 * THIRD_FRAME, PAST * sizeof *line);
}
