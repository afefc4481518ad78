#include "voice.h"

#include <string.h>

#include "kernels.h"
#include "packets.h"

enum { TICK_MAX = 160, WIDE_MAX = 2 * TICK_MAX };

void voice_begin(struct stream *stream, enum codec codec, struct packets *packets, struct g722 *g722)
{
    struct voice *voice = &stream->voice;
    struct halfband *filters[] = {&voice->from_source, &voice->to_sink, &voice->said_to_tap, &voice->heard_to_tap};
    for (int i = 0; i < 4; i++)
        memset(filters[i], 0, sizeof *filters[i]);
    voice->wide = codec == CODEC_G722 || codec == CODEC_OPUS;
    voice->clock = codec == CODEC_OPUS ? OPUS_CLOCK : 1;
    packets_free(voice->packets);
    g722_close(voice->g722);
    voice->packets = packets;
    voice->g722 = g722;
    stream->jitter.packets = packets;
    stream->jitter.g722 = voice->g722;
}

static uint32_t samples_of(const struct stream *stream, uint32_t count)
{
    return stream->voice.wide ? 2 * count : count;
}

/* -- what is said ------------------------------------------------------------------------------------------------ */

static void take_stored(struct stream *stream, int16_t *samples, uint32_t count)
{
    int16_t narrow[TICK_MAX];
    if (!stream->voice.wide) {
        source_samples(&stream->source, samples, count);
        return;
    }
    source_samples(&stream->source, narrow, count);
    halfband_up(&stream->voice.from_source, samples, narrow, count);
}

static void take_captured(struct stream *stream, int16_t *samples, uint32_t count)
{
    struct source *source = &stream->source;
    struct halfband *filter = &stream->voice.from_source;
    int16_t other[WIDE_MAX];
    if (source->device->wide == stream->voice.wide) {
        reader_take(&source->reader, source->device, samples, samples_of(stream, count));
    } else if (stream->voice.wide) {
        reader_take(&source->reader, source->device, other, count);
        halfband_up(filter, samples, other, count);
    } else {
        reader_take(&source->reader, source->device, other, 2 * count);
        halfband_down(filter, samples, other, count);
    }
}

void voice_fetch(const struct engine *engine, struct stream *stream, const int16_t *heard, int16_t *samples,
                 uint32_t count)
{
    uint32_t wanted = samples_of(stream, count);
    switch (stream->source.kind) {
    case SOURCE_TONE:
        source_tone(&stream->source, engine->sine, samples, wanted, stream->voice.wide);
        return;
    case SOURCE_SAMPLES:
        take_stored(stream, samples, count);
        return;
    case SOURCE_ECHO:
        memcpy(samples, heard, wanted * sizeof *samples);
        return;
    case SOURCE_DEVICE:
        take_captured(stream, samples, count);
        return;
    case SOURCE_SILENCE:
        break;
    }
    memset(samples, 0, wanted * sizeof *samples);
}

void voice_digit(const struct engine *engine, const struct stream *stream, const struct dtmf_packet *digit,
                 uint32_t begin, int16_t *samples, uint32_t count)
{
    static const uint16_t low[16] = {941, 697, 697, 697, 770, 770, 770, 852, 852, 852, 941, 941, 697, 770, 852, 941};
    static const uint16_t high[16] = {1336, 1209, 1336, 1477, 1209, 1336, 1477, 1209,
                                      1336, 1477, 1209, 1477, 1633, 1633, 1633, 1633};
    struct source tones[2] = {0};
    int16_t other[2 * JITTER_PACKET_MAX];
    uint32_t wanted = samples_of(stream, count);
    if (digit->payload[1] & 0x80) {
        memset(samples, 0, wanted * sizeof *samples);
        return;
    }
    for (int i = 0; i < 2; i++) {
        tones[i].step = tone_step((i == 0 ? low : high)[digit->payload[0] & 15]);
        tones[i].phase = tones[i].step * 2 * begin;
        tones[i].amplitude = sine_amplitude(-10.0);
    }
    source_tone(&tones[0], engine->sine, samples, wanted, stream->voice.wide);
    source_tone(&tones[1], engine->sine, other, wanted, stream->voice.wide);
    for (uint32_t i = 0; i < wanted; i++)
        samples[i] = (int16_t)(samples[i] + other[i]);
}

size_t voice_encode(struct stream *stream, uint8_t *codes, const int16_t *samples, uint32_t count)
{
    switch (stream->agreement.codec) {
    case CODEC_ULAW:
        ulaw_encode(codes, samples, count);
        break;
    case CODEC_ALAW:
        alaw_encode(codes, samples, count);
        break;
    case CODEC_G722:
        g722_write(stream->voice.g722, codes, samples, count);
        break;
    case CODEC_OPUS:
        return packets_write(stream->voice.packets, codes, JITTER_PACKET_MAX, samples, count);
    }
    return count;
}

/* -- what is heard ----------------------------------------------------------------------------------------------- */

void stream_beep(struct stream *stream, uint32_t samples)
{
    const double hertz = 880, dbm0 = -12;
    stream->beep =
        (struct source){.kind = SOURCE_TONE, .step = tone_step(hertz), .amplitude = sine_amplitude(dbm0)};
    stream->beep_left = samples;
}

void voice_play(const struct engine *engine, struct stream *stream, const int16_t *heard, uint32_t count)
{
    int16_t mixed[WIDE_MAX], other[WIDE_MAX], louder[WIDE_MAX];
    struct halfband *filter = &stream->voice.to_sink;
    uint32_t all = samples_of(stream, count);
    if (volume_apply(&stream->volume, louder, heard, all, all / count))
        heard = louder;
    if (stream->beep_left > 0) {
        uint32_t ticks = stream->beep_left < count ? stream->beep_left : count;
        uint32_t beeping = samples_of(stream, ticks);
        source_tone(&stream->beep, engine->sine, mixed, beeping, stream->voice.wide);
        for (uint32_t i = 0; i < beeping; i++) {
            int sum = mixed[i] + heard[i];
            mixed[i] = (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
        }
        memcpy(mixed + beeping, heard + beeping, (all - beeping) * sizeof *mixed);
        stream->beep_left -= ticks;
        heard = mixed;
    }
    if (stream->sink->wide == stream->voice.wide) {
        device_add(stream->sink, &stream->sink_cursor, heard, all);
    } else if (stream->voice.wide) {
        halfband_down(filter, other, heard, count);
        device_add(stream->sink, &stream->sink_cursor, other, count);
    } else {
        halfband_up(filter, other, heard, count);
        device_add(stream->sink, &stream->sink_cursor, other, 2 * count);
    }
}

void voice_tap(struct stream *stream, const int16_t *said, const int16_t *heard, uint32_t count)
{
    struct voice *voice = &stream->voice;
    int16_t narrow_said[TICK_MAX], narrow_heard[TICK_MAX];
    if (voice->wide) {
        if (said != NULL)
            halfband_down(&voice->said_to_tap, narrow_said, said, count);
        halfband_down(&voice->heard_to_tap, narrow_heard, heard, count);
        said = said == NULL ? NULL : narrow_said;
        heard = narrow_heard;
    }
    tap_write(stream->tap, said, heard, count);
}
