#include "script.h"

#include <string.h>

#include "engine.h"

enum {
    TICK_MAX = 160,
    WIDE_MAX = 2 * TICK_MAX,
    AHEAD_MS = 60, /* of speech that wait before it begins, or the time after which it begins all the same */
};

static uint32_t samples_of(bool wide, uint32_t count)
{
    return wide ? 2 * count : count;
}

/* `count` ticks from one rate to another; in place of nothing if both are the same. */
static const int16_t *at_rate(struct halfband *filter, bool from_wide, bool to_wide, const int16_t *samples,
                              int16_t *other, uint32_t count)
{
    if (from_wide == to_wide)
        return samples;
    if (to_wide)
        halfband_up(filter, other, samples, count);
    else
        halfband_down(filter, other, samples, count);
    return other;
}

static void combine(int16_t *said, const int16_t *samples, uint32_t count, bool mix)
{
    if (!mix) {
        memcpy(said, samples, count * sizeof *said);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        int sum = said[i] + samples[i];
        said[i] = (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
    }
}

/* Into what the far end hears, and into what of that is said here. */
static void combine_both(int16_t *said, int16_t *alone, const int16_t *samples, uint32_t count, bool mix)
{
    combine(said, samples, count, mix);
    combine(alone, samples, count, mix);
}

/* -- orders ------------------------------------------------------------------------------------------------------ */

static void take_clip(struct clip **slot, struct order *order, struct halfband *filter, size_t *position)
{
    clip_unref(*slot);
    *slot = order->clip;
    order->clip = NULL;
    *position = 0;
    memset(filter, 0, sizeof *filter);
}

static void take_pipe(struct pipe **slot, struct order *order, struct halfband *filter)
{
    pipe_unref(*slot);
    *slot = order->pipe;
    order->pipe = NULL;
    memset(filter, 0, sizeof *filter);
}

void script_obey(struct stream *stream, struct order *order)
{
    struct script *script = &stream->script;
    switch (order->kind) {
    case ORDER_PLAY:
        take_clip(&script->clip, order, &script->from_clip, &script->clip_at);
        script->loop = order->loop;
        script->mix = order->mix;
        script->number = order->number;
        break;
    case ORDER_HOLD:
        take_clip(&script->music, order, &script->from_music, &script->music_at);
        script->held = order->on;
        break;
    case ORDER_SPEAK:
        take_pipe(&script->spoken, order, &script->from_spoken);
        script->spoken_mix = order->mix;
        script->flowing = false;
        script->patience = 0;
        break;
    case ORDER_QUIET:
        script->quiet = order->on;
        break;
    case ORDER_LISTEN:
        take_pipe(&script->listener, order, &script->to_listener);
        break;
    case ORDER_DETECT:
        script->detects = order->on;
        script->speech = (struct speech){0};
        break;
    }
}

void script_end(struct stream *stream)
{
    struct script *script = &stream->script;
    clip_unref(script->clip);
    clip_unref(script->music);
    pipe_unref(script->spoken);
    pipe_unref(script->listener);
    memset(script, 0, sizeof *script);
}

/* -- what is said ------------------------------------------------------------------------------------------------ */

/* Fills in so many samples of what is spoken; silence where there is none. */
static void take_spoken(struct script *script, int16_t *samples, uint32_t count, uint32_t ticks)
{
    struct pipe *pipe = script->spoken;
    uint32_t waiting = pipe_waiting(pipe), taken = 0;
    if (!script->flowing && waiting > 0) {
        script->patience += ticks / 8;
        script->flowing = script->patience > AHEAD_MS || waiting >= samples_of(pipe->wide, 8 * AHEAD_MS);
    }
    if (script->flowing)
        taken = pipe_read(pipe, samples, count);
    if (script->flowing)
        script->patience = 0;
    if (taken < count) {
        script->flowing = false;
        memset(samples + taken, 0, (count - taken) * sizeof *samples);
    }
}

bool script_say(struct engine *engine, struct stream *stream, int16_t *said, int16_t *alone, uint32_t count)
{
    struct script *script = &stream->script;
    const bool wide = stream->voice.wide;
    const uint32_t all = samples_of(wide, count);
    int16_t samples[WIDE_MAX], other[WIDE_MAX];
    bool speaks = false;
    memset(alone, 0, all * sizeof *alone);
    if (script->spoken != NULL) {
        bool from = script->spoken->wide;
        take_spoken(script, samples, samples_of(from, count), count);
        const int16_t *spoken = at_rate(&script->from_spoken, from, wide, samples, other, count);
        speaks = !script->quiet;
        if (speaks)
            combine_both(said, alone, spoken, all, script->spoken_mix);
    }
    if (script->held) {
        if (script->music == NULL) {
            memset(said, 0, all * sizeof *said);
            return false;
        }
        bool from = script->music->wide;
        clip_read(script->music, &script->music_at, true, samples, samples_of(from, count));
        combine(said, at_rate(&script->from_music, from, wide, samples, other, count), all, false);
        return false;
    }
    if (script->clip != NULL) {
        bool from = script->clip->wide;
        bool more = clip_read(script->clip, &script->clip_at, script->loop, samples, samples_of(from, count));
        const int16_t *clip = at_rate(&script->from_clip, from, wide, samples, other, count);
        combine_both(said, alone, clip, all, script->mix);
        speaks = true;
        if (!more) {
            clip_unref(script->clip);
            script->clip = NULL;
            engine_emit(engine, EVENT_PLAYED, stream->id, script->number);
        }
    }
    return speaks;
}

void script_pass(struct stream *stream, uint32_t count)
{
    struct script *script = &stream->script;
    int16_t samples[WIDE_MAX];
    if (script->spoken != NULL)
        take_spoken(script, samples, samples_of(script->spoken->wide, count), count);
}

/* -- what is heard ----------------------------------------------------------------------------------------------- */

void script_hear(struct engine *engine, struct stream *stream, const int16_t *heard, uint32_t count)
{
    struct script *script = &stream->script;
    const bool wide = stream->voice.wide;
    if (script->listener != NULL) {
        int16_t other[WIDE_MAX];
        bool to = script->listener->wide;
        const int16_t *samples = at_rate(&script->to_listener, wide, to, heard, other, count);
        pipe_write(script->listener, samples, samples_of(to, count));
    }
    if (script->detects && speech_hear(&script->speech, heard, samples_of(wide, count), count / 8))
        engine_emit(engine, EVENT_SPEECH, stream->id, script->speech.speaking);
}
