#include "clip.h"

#include <stdlib.h>
#include <string.h>

struct clip *clip_new(const void *samples, size_t count, bool wide)
{
    struct clip *clip = malloc(sizeof *clip + count * sizeof *clip->samples);
    if (clip != NULL) {
        atomic_init(&clip->references, 1);
        clip->wide = wide;
        clip->count = count;
        memcpy(clip->samples, samples, count * sizeof *clip->samples);
    }
    return clip;
}

struct clip *clip_ref(struct clip *clip)
{
    if (clip != NULL)
        atomic_fetch_add(&clip->references, 1);
    return clip;
}

void clip_unref(struct clip *clip)
{
    if (clip != NULL && atomic_fetch_sub(&clip->references, 1) == 1)
        free(clip);
}

bool clip_read(const struct clip *clip, size_t *position, bool loop, int16_t *samples, size_t count)
{
    while (count > 0) {
        size_t left = clip->count - *position;
        if (left == 0 && loop && clip->count > 0) {
            *position = 0;
            continue;
        }
        if (left == 0) {
            memset(samples, 0, count * sizeof *samples);
            return false;
        }
        size_t taken = left < count ? left : count;
        memcpy(samples, clip->samples + *position, taken * sizeof *samples);
        *position += taken;
        samples += taken;
        count -= taken;
    }
    return loop || *position < clip->count;
}
