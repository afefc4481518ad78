#include "engine.h"

#include <stdlib.h>

/* Spread over the round, the beginnings of the slots, where the thread wakes anyway, first. */
static const uint8_t PHASE_ORDER[PHASES] = {0, 20, 10, 30, 5,  25, 15, 35, 2, 22, 12, 32, 7, 27, 17, 37, 1, 21, 11, 31,
                                            6, 26, 16, 36, 3,  23, 13, 33, 8, 28, 18, 38, 4, 24, 14, 34, 9, 29, 19, 39};

static bool phase_add(struct phase *phase, struct stream *stream)
{
    if (phase->count == phase->room) {
        uint32_t room = phase->room ? phase->room * 2 : PHASE_FILL;
        struct stream **streams = realloc(phase->streams, room * sizeof *streams);
        if (streams == NULL)
            return false;
        phase->streams = streams;
        phase->room = room;
    }
    phase->streams[phase->count++] = stream;
    return true;
}

static bool phase_remove(struct phase *phase, const struct stream *stream)
{
    for (uint32_t i = 0; i < phase->count; i++) {
        if (phase->streams[i] == stream) {
            phase->streams[i] = phase->streams[--phase->count];
            return true;
        }
    }
    return false;
}

static unsigned other_phase(const struct stream *stream)
{
    return (stream->phase + SLOT_PHASES) % PHASES;
}

bool wheel_add(struct engine *engine, struct stream *stream)
{
    unsigned best = 0;
    for (unsigned i = 0; i < PHASES; i++) {
        unsigned phase = PHASE_ORDER[i];
        if (engine->wheel[phase].count < PHASE_FILL) {
            best = phase;
            break;
        }
        if (engine->wheel[phase].count < engine->wheel[best].count)
            best = phase;
    }
    stream->phase = best;
    if (!phase_add(&engine->wheel[best], stream))
        return false;
    if (stream->tick_samples < 160 && !phase_add(&engine->wheel[other_phase(stream)], stream)) {
        phase_remove(&engine->wheel[best], stream);
        return false;
    }
    engine->streams++;
    return true;
}

bool wheel_remove(struct engine *engine, struct stream *stream)
{
    bool found = phase_remove(&engine->wheel[stream->phase], stream);
    phase_remove(&engine->wheel[other_phase(stream)], stream);
    engine->streams -= found;
    return found;
}
