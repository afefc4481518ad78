/* Tones that only this end hears: one or two frequencies at a time, on and off as the telephone exchanges of a country
 * do it (ITU-T E.180), once or over and over. They begin and end within 4 ms, so that they do not click. */
#ifndef NEON_CADENCE_H
#define NEON_CADENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CADENCE_STEPS = 16, CADENCE_RAMP = 32 };

struct cadence_step {
    uint32_t step[2]; /* as tone_step() has it; 0: none */
    uint32_t ticks;   /* of 8 kHz */
};

struct cadence {
    struct cadence_step steps[CADENCE_STEPS];
    unsigned count;   /* 0: nothing is to be heard */
    bool repeat;
    float amplitude;  /* of each frequency */
    unsigned at;
    uint32_t done;    /* ticks of the step */
    uint32_t phase[2];
};

/* Adds the next `ticks` (at most 160) to the sums, two samples for each if they are `wide`. */
void cadence_add(struct cadence *cadence, const float *sine, int32_t *sums, uint32_t ticks, bool wide);

#endif
