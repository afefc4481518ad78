/* What an application does with a call's audio: play a clip into it, hold it with music, speak, listen, hear of speech.
 *
 * A part of a stream, between its source and its encoder, and beside its sink; touched by the thread alone. What is said
 * here is what everybody hears of us: the tap, the meter of the level, and the far end. */
#ifndef NEON_SCRIPT_H
#define NEON_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "clip.h"
#include "pipe.h"
#include "speech.h"
#include "wideband.h"

struct engine;
struct stream;

enum order_kind { ORDER_PLAY, ORDER_HOLD, ORDER_SPEAK, ORDER_QUIET, ORDER_LISTEN, ORDER_DETECT };

struct order {
    enum order_kind kind;
    struct clip *clip; /* counted references, or NULL */
    struct pipe *pipe;
    bool on;           /* ORDER_HOLD, ORDER_QUIET, ORDER_DETECT */
    bool loop, mix;    /* mix: with the source, else in its place */
    uint32_t number;   /* ORDER_PLAY: what EVENT_PLAYED calls it */
};

struct script {
    struct clip *clip, *music;
    size_t clip_at, music_at;
    bool loop, mix;
    uint32_t number;
    bool held;             /* nothing but the music is said */
    struct pipe *spoken, *listener;
    bool spoken_mix;
    bool quiet;            /* what is spoken is not said */
    bool flowing;          /* what is spoken has begun, */
    uint32_t patience;     /* or waits for more since so many milliseconds */
    bool detects;
    struct speech speech;
    struct halfband from_clip, from_music, from_spoken, to_listener;
};

/* Takes the references of the order. */
void script_obey(struct stream *stream, struct order *order);
void script_end(struct stream *stream);

/* Puts into `said`, the next `count` ticks of the source, what else is to be said, and that without the source into
 * `alone`. False if there is none, but for the music of a hold, which is for those who wait. */
bool script_say(struct engine *engine, struct stream *stream, int16_t *said, int16_t *alone, uint32_t count);
/* Nothing is sent for so long: what is spoken meanwhile is lost, a clip waits. */
void script_pass(struct stream *stream, uint32_t count);
/* What was heard, for the listener and for the detection of speech. */
void script_hear(struct engine *engine, struct stream *stream, const int16_t *heard, uint32_t count);

#endif
