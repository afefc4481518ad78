/* How samples leave the jitter buffer: what is there, what stands in for what is missing, and how time is made up. */
#ifndef NEON_PLAYOUT_H
#define NEON_PLAYOUT_H

#include "jitter.h"

/* From now on comfort noise is heard, until there is audio. */
void playout_rest(struct jitter *jitter, const struct comfort_noise *noise);

#endif
