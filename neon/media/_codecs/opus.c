/* The module neon.media._opus: libopus behind the table of opus.h, for the engine alone. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <opus/opus.h>
#include <stdlib.h>

#include "../_engine/library.h"
#include "../_engine/opus.h"

enum {
    RATE = 16000, /* of our audio */
    SCALE = 2,    /* samples a tick */
    COMPLEXITY = 2, /* the least that has FEC; docs/performance.rst says what more would be worth */
    LOSS_MIN = 5, /* percent that are expected of a network which has lost nothing yet: FEC needs some */
    LOSS_MAX = 30,
    NOTHING = 2,  /* a packet of so many octets need not be sent (opus_encode) */
};

struct opus_coder {
    OpusEncoder *encoder;
    OpusDecoder *decoder;
    bool dtx;
};

static void close_coder(struct opus_coder *coder)
{
    if (coder == NULL)
        return;
    if (coder->encoder != NULL)
        opus_encoder_destroy(coder->encoder);
    if (coder->decoder != NULL)
        opus_decoder_destroy(coder->decoder);
    free(coder);
}

static struct opus_coder *open_coder(void)
{
    int error;
    struct opus_coder *coder = calloc(1, sizeof *coder);
    if (coder == NULL)
        return NULL;
    coder->encoder = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &error);
    coder->decoder = opus_decoder_create(RATE, 1, &error);
    if (coder->encoder == NULL || coder->decoder == NULL) {
        close_coder(coder);
        return NULL;
    }
    opus_encoder_ctl(coder->encoder, OPUS_SET_COMPLEXITY(COMPLEXITY));
    return coder;
}

static opus_int32 bandwidth_for(uint32_t playback)
{
    return playback >= 16000 ? OPUS_BANDWIDTH_WIDEBAND
           : playback >= 12000 ? OPUS_BANDWIDTH_MEDIUMBAND : OPUS_BANDWIDTH_NARROWBAND;
}

static void expect_loss(struct opus_coder *coder, unsigned percent)
{
    int expected = (int)(percent < LOSS_MIN ? LOSS_MIN : percent > LOSS_MAX ? LOSS_MAX : percent);
    opus_encoder_ctl(coder->encoder, OPUS_SET_PACKET_LOSS_PERC(expected));
}

static void wish(struct opus_coder *coder, const struct opus_wishes *wishes)
{
    coder->dtx = wishes->dtx;
    opus_encoder_ctl(coder->encoder, OPUS_SET_INBAND_FEC(wishes->fec));
    opus_encoder_ctl(coder->encoder, OPUS_SET_DTX(wishes->dtx));
    opus_encoder_ctl(coder->encoder, OPUS_SET_VBR(!wishes->constant));
    opus_encoder_ctl(coder->encoder, OPUS_SET_BITRATE((opus_int32)wishes->bitrate));
    opus_encoder_ctl(coder->encoder, OPUS_SET_MAX_BANDWIDTH(bandwidth_for(wishes->playback)));
    expect_loss(coder, LOSS_MIN);
}

static void restart_encoder(struct opus_coder *coder)
{
    opus_encoder_ctl(coder->encoder, OPUS_RESET_STATE);
}

static void restart_decoder(struct opus_coder *coder)
{
    opus_decoder_ctl(coder->decoder, OPUS_RESET_STATE);
}

static size_t encode(struct opus_coder *coder, uint8_t *data, size_t room, const int16_t *samples, uint32_t ticks)
{
    opus_int32 length = opus_encode(coder->encoder, samples, (int)(SCALE * ticks), data, (opus_int32)room);
    return length <= 0 || (coder->dtx && length <= NOTHING) ? 0 : (size_t)length;
}

static uint32_t ticks(const uint8_t *data, size_t length)
{
    int count = length == 0 || length > INT32_MAX ? 0 : opus_packet_get_nb_samples(data, (opus_int32)length, 8000);
    return count > 0 ? (uint32_t)count : 0;
}

/* RFC 6716, sections 3.1 and 4.2.3: a frame of SILK begins with a bit for each of its 20 ms, which says whether there is
 * a voice in it, and then one that says whether it has what came before. */
static bool repeats(const uint8_t *data, size_t length)
{
    const uint8_t *frames[48];
    opus_int16 sizes[48];
    enum { CELT = 0x80, STEREO = 4 };
    if (length == 0 || length > INT32_MAX || data[0] & CELT ||
        opus_packet_parse(data, (opus_int32)length, NULL, frames, sizes, NULL) <= 0 || sizes[0] < 1)
        return false;
    int voices = opus_packet_get_samples_per_frame(data, 8000) / 160;
    if (voices == 0)
        voices = 1;
    bool mid = frames[0][0] >> (7 - voices) & 1;
    bool side = data[0] & STEREO && frames[0][0] >> (6 - 2 * voices) & 1;
    return mid || side;
}

static bool decode(struct opus_coder *coder, int16_t *samples, uint32_t count, const uint8_t *data, size_t length)
{
    const int wanted = (int)(SCALE * count);
    return opus_decode(coder->decoder, data, (opus_int32)length, samples, wanted, 0) == wanted;
}

static bool recover(struct opus_coder *coder, int16_t *samples, uint32_t count, const uint8_t *next, size_t length)
{
    const int wanted = (int)(SCALE * count);
    return opus_decode(coder->decoder, next, (opus_int32)length, samples, wanted, 1) == wanted;
}

static bool conceal(struct opus_coder *coder, int16_t *samples, uint32_t count)
{
    const int wanted = (int)(SCALE * count);
    return opus_decode(coder->decoder, NULL, 0, samples, wanted, 0) == wanted;
}

static const struct opus_library LIBRARY = {
    .open = open_coder,
    .close = close_coder,
    .wish = wish,
    .expect_loss = expect_loss,
    .restart_encoder = restart_encoder,
    .restart_decoder = restart_decoder,
    .encode = encode,
    .ticks = ticks,
    .repeats = repeats,
    .decode = decode,
    .recover = recover,
    .conceal = conceal,
};

LIBRARY_INIT(opus, LIBRARY, "Opus for the native media engine.");
