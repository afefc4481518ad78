/* The module neon.media._g722: spandsp's G.722 behind the table of wideband.h, for the engine alone. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <spandsp/telephony.h>
#include <spandsp/g722.h>
#include <stdlib.h>

#include "../_engine/library.h"
#include "../_engine/wideband.h"

enum { RATE = 64000 };

static const struct g722_library LIBRARY;

struct state {
    struct g722 face; /* first: what the engine knows of it */
    g722_encode_state_t *encoder;
    g722_decode_state_t *decoder;
};

static void close_coder(struct g722 *g722)
{
    struct state *state = (struct state *)g722;
    if (state->encoder != NULL)
        g722_encode_free(state->encoder);
    if (state->decoder != NULL)
        g722_decode_free(state->decoder);
    free(state);
}

static struct g722 *open_coder(void)
{
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return NULL;
    state->face.library = &LIBRARY;
    state->encoder = g722_encode_init(NULL, RATE, 0);
    state->decoder = g722_decode_init(NULL, RATE, 0);
    if (state->encoder != NULL && state->decoder != NULL)
        return &state->face;
    close_coder(&state->face);
    return NULL;
}

static void restart_encoder(struct g722 *g722)
{
    g722_encode_init(((struct state *)g722)->encoder, RATE, 0);
}

static void restart_decoder(struct g722 *g722)
{
    g722_decode_init(((struct state *)g722)->decoder, RATE, 0);
}

static void encode(struct g722 *g722, uint8_t *codes, const int16_t *samples, size_t count)
{
    g722_encode(((struct state *)g722)->encoder, codes, samples, (int)(2 * count));
}

static void decode(struct g722 *g722, int16_t *samples, const uint8_t *codes, size_t count)
{
    g722_decode(((struct state *)g722)->decoder, samples, codes, (int)count);
}

static const struct g722_library LIBRARY = {
    .open = open_coder,
    .close = close_coder,
    .restart_encoder = restart_encoder,
    .restart_decoder = restart_decoder,
    .encode = encode,
    .decode = decode,
};

LIBRARY_INIT(g722, LIBRARY, "G.722 for the native media engine.");
