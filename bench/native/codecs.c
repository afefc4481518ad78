/* What coding 20 ms costs: our kernels, the libraries that NEON uses, and ffmpeg's coders, in one process.
 *
 * Built and run by bench/codecs.py; -DFFMPEG where libavcodec is there. Prints a line for each: who, codec, what, and
 * nanoseconds for a frame: CPU time, the best of several rounds. */
#define _GNU_SOURCE
#include <opus/opus.h>
#include <spandsp/telephony.h>
#include <spandsp/g711.h>
#include <spandsp/g722.h>
#include <spandsp/plc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef FFMPEG
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#endif

#include "../../neon/media/_engine/conceal.h"
#include "../../neon/media/_engine/kernels.h"

enum { FRAMES = 200, NARROW = 160, WIDE = 320, ROUNDS = 15, PACKET = 1500 };

static int16_t narrow[FRAMES][NARROW], wide[FRAMES][WIDE], out[WIDE];
static uint8_t codes[FRAMES][PACKET];
static int lengths[FRAMES];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Runs `statement` for every frame, with `i` as its number, `times` over in each round. */
#define MEASURE(who, codec, what, times, statement)                                                                    \
    do {                                                                                                               \
        double best = 1e18;                                                                                            \
        for (int round = 0; round < ROUNDS; round++) {                                                                 \
            double begin = now();                                                                                      \
            for (int again = 0; again < (times); again++)                                                              \
                for (int i = 0; i < FRAMES; i++) {                                                                     \
                    statement;                                                                                         \
                    __asm__ volatile("" : : "r"(out), "r"(codes) : "memory");                                          \
                }                                                                                                      \
            double each = (now() - begin) / (times) / FRAMES;                                                          \
            best = each < best ? each : best;                                                                          \
        }                                                                                                              \
        printf("%s %s %s %.1f\n", who, codec, what, best);                                                             \
    } while (0)

static void read_samples(void)
{
    /* On standard input: a voice at 16 kHz. */
    if (fread(wide, sizeof wide, 1, stdin) != 1) {
        fputs("too few samples\n", stderr);
        exit(1);
    }
    for (int i = 0; i < FRAMES; i++)
        for (int j = 0; j < NARROW; j++)
            narrow[i][j] = (int16_t)((wide[i][2 * j] + wide[i][2 * j + 1]) / 2);
}

static void measure_ours(void)
{
    MEASURE("memcpy", "160-samples", "copy", 500, memcpy(out, narrow[i], sizeof narrow[i]));
    MEASURE("memcpy", "320-samples", "copy", 500, memcpy(out, wide[i], sizeof wide[i]));
    MEASURE("NEON", "PCMA", "encode", 200, alaw_encode(codes[i], narrow[i], NARROW));
    MEASURE("NEON", "PCMA", "decode", 200, alaw_decode(out, codes[i], NARROW));
    MEASURE("NEON", "PCMU", "encode", 200, ulaw_encode(codes[i], narrow[i], NARROW));
    MEASURE("NEON", "PCMU", "decode", 200, ulaw_decode(out, codes[i], NARROW));
}

static void measure_spandsp(void)
{
    g711_state_t *alaw = g711_init(NULL, G711_ALAW), *ulaw = g711_init(NULL, G711_ULAW);
    g722_encode_state_t *encoder = g722_encode_init(NULL, 64000, 0);
    g722_decode_state_t *decoder = g722_decode_init(NULL, 64000, 0);
    MEASURE("spandsp", "PCMA", "encode", 50, g711_encode(alaw, codes[i], narrow[i], NARROW));
    MEASURE("spandsp", "PCMA", "decode", 50, g711_decode(alaw, out, codes[i], NARROW));
    MEASURE("spandsp", "PCMU", "encode", 50, g711_encode(ulaw, codes[i], narrow[i], NARROW));
    MEASURE("spandsp", "PCMU", "decode", 50, g711_decode(ulaw, out, codes[i], NARROW));
    MEASURE("NEON(spandsp)", "G722", "encode", 1, g722_encode(encoder, codes[i], wide[i], WIDE));
    MEASURE("NEON(spandsp)", "G722", "decode", 1, g722_decode(decoder, out, codes[i], NARROW));
    plc_state_t *plc = plc_init(NULL);
    MEASURE("spandsp", "8-kHz", "heed", 10, plc_rx(plc, narrow[i], NARROW));
    MEASURE("spandsp", "8-kHz", "conceal", 1, {
        plc_rx(plc, narrow[i], NARROW);
        plc_fillin(plc, out, NARROW);
    });
}

static void measure_concealment(void)
{
    static struct concealment concealment;
    MEASURE("NEON", "8-kHz", "conceal", 1, {
        conceal_begin(&concealment, &narrow[i < 3 ? 3 : i][0] - CONCEAL_HISTORY, 1);
        conceal_fill(&concealment, out, NARROW);
    });
}

static void measure_opus(void)
{
    int error;
    OpusEncoder *encoder = opus_encoder_create(16000, 1, OPUS_APPLICATION_VOIP, &error);
    OpusDecoder *decoder = opus_decoder_create(16000, 1, &error);
    /* As neon/media/_codecs/opus.c has it. */
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(2));
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(28000));
    opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
    opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(5));
    MEASURE("NEON(libopus)", "opus", "encode", 1,
            lengths[i] = opus_encode(encoder, wide[i], WIDE, codes[i], PACKET));
    MEASURE("NEON(libopus)", "opus", "decode", 1, error = opus_decode(decoder, codes[i], lengths[i], out, WIDE, 0));
    MEASURE("NEON(libopus)", "opus", "conceal", 1, error = opus_decode(decoder, NULL, 0, out, WIDE, 0));
}

#ifdef FFMPEG
static AVCodecContext *open_codec(const AVCodec *codec, int rate)
{
    AVCodecContext *context = codec == NULL ? NULL : avcodec_alloc_context3(codec);
    if (context == NULL)
        return NULL;
    context->sample_rate = rate;
    context->sample_fmt = codec->sample_fmts != NULL ? codec->sample_fmts[0] : AV_SAMPLE_FMT_S16;
    context->thread_count = 1;
    context->bit_rate = 64000;
    av_channel_layout_default(&context->ch_layout, 1);
    return avcodec_open2(context, codec, NULL) == 0 ? context : NULL;
}

static void decode_frame(AVCodecContext *context, AVPacket *packet, AVFrame *frame, uint8_t *data, int length)
{
    packet->data = data;
    packet->size = length;
    if (avcodec_send_packet(context, packet) == 0)
        while (avcodec_receive_frame(context, frame) == 0)
            av_frame_unref(frame);
}

static void encode_frame(AVCodecContext *context, AVPacket *packet, AVFrame *frame, const int16_t *samples)
{
    memcpy(frame->data[0], samples, (size_t)frame->nb_samples * sizeof *samples);
    if (avcodec_send_frame(context, frame) == 0)
        while (avcodec_receive_packet(context, packet) == 0)
            av_packet_unref(packet);
}

static void measure_ffmpeg(const char *codec, const char *encoder, const char *decoder, int rate, int length)
{
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    AVCodecContext *out_of = open_codec(avcodec_find_decoder_by_name(decoder), rate);
    int count = rate / 50;
    if (out_of != NULL)
        MEASURE("ffmpeg", codec, "decode", 2,
                decode_frame(out_of, packet, frame, codes[i], length > 0 ? length : lengths[i]));
    AVCodecContext *into = encoder == NULL ? NULL : open_codec(avcodec_find_encoder_by_name(encoder), rate);
    if (into != NULL) {
        frame->nb_samples = count;
        frame->format = AV_SAMPLE_FMT_S16;
        frame->sample_rate = rate;
        av_channel_layout_default(&frame->ch_layout, 1);
        if (av_frame_get_buffer(frame, 0) == 0)
            MEASURE("ffmpeg", codec, "encode", 2,
                    encode_frame(into, packet, frame, rate == 8000 ? narrow[i] : wide[i]));
    }
    av_packet_free(&packet);
    av_frame_free(&frame);
}
#endif

int main(void)
{
    read_samples();
    measure_ours();
    measure_concealment();
    measure_spandsp();
#ifdef FFMPEG
    av_log_set_level(AV_LOG_QUIET);
    /* The codes are the last that were made: G.722's, which any decoder of G.711 takes as well. */
    measure_ffmpeg("PCMA", "pcm_alaw", "pcm_alaw", 8000, NARROW);
    measure_ffmpeg("PCMU", "pcm_mulaw", "pcm_mulaw", 8000, NARROW);
    measure_ffmpeg("G722", "g722", "g722", 16000, NARROW);
#endif
    measure_opus();
#ifdef FFMPEG
    measure_ffmpeg("opus", NULL, "opus", 48000, 0);
#endif
    return 0;
}
