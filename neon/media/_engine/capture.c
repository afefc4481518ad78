#include "capture.h"

#include <string.h>

#include "level.h"
#include "mix.h"
#include "timescale.h"

enum {
    WINDOW = 32000,                       /* 4 s */
    TOO_LITTLE = DEVICE_FRAME,            /* ticks left over: a frame, for one day there will be one less, */
    TOO_MUCH = DEVICE_FRAME + TIMESCALE_MOST, /* and what may be left out at once */
    PATIENCE = 16000,                     /* 2 s in which only silence is touched; after twice as long, anything is */
    COUNT_MAX = 2 * DEVICE_FRAME,
};

void reader_begin(struct reader *reader, const struct device *device)
{
    *reader = (struct reader){.priming = true, .least = INT32_MAX, .window = WINDOW};
    if (device != NULL)
        reader->cursor = device->captured;
}

static void copy(const struct device *device, uint32_t from, int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = device->capture[(from + (uint32_t)i) % DEVICE_RING];
}

/* What was left over in a window says what is wished for. */
static void look(struct reader *reader, int32_t left, int32_t ticks)
{
    if (left < reader->least)
        reader->least = left;
    reader->unwanted += ticks;
    reader->window -= ticks;
    if (reader->window > 0)
        return;
    int32_t wish = reader->least > TOO_MUCH ? 1 : reader->least < TOO_LITTLE ? -1 : 0;
    if (wish != reader->wish)
        reader->unwanted = 0;
    reader->wish = wish;
    reader->least = INT32_MAX;
    reader->window = WINDOW;
}

/* True if the samples were filled in, with a period more or less than stands in the ring. */
static bool make_up(struct reader *reader, const struct device *device, int16_t *samples, size_t count, int32_t waiting)
{
    const int scale = device->wide ? 2 : 1, most = TIMESCALE_MOST * scale;
    int16_t line[COUNT_MAX + TIMESCALE_MOST * 2], more[TIMESCALE_MOST * 2];
    const bool shorter = reader->wish > 0;
    if ((int)count < TIMESCALE_WINDOW * scale || (shorter && waiting < (int32_t)count + most))
        return false;
    copy(device, reader->cursor, samples, count);
    bool quiet = timescale_is_quiet(samples, count);
    if (!quiet && reader->unwanted < PATIENCE)
        return false;
    copy(device, shorter ? reader->cursor : reader->cursor - (uint32_t)most, line, count + (size_t)most);
    struct pitch pitch = shorter ? timescale_to_leave_out(line, TIMESCALE_MOST, scale) : timescale_to_repeat(line + most, scale);
    if (!timescale_is_hidden(pitch, quiet, reader->unwanted, PATIENCE))
        return false;
    if (shorter) {
        timescale_leave_out(line, (int)count + most, pitch.period, scale);
        memcpy(samples, line, count * sizeof *samples);
        reader->cursor += (uint32_t)pitch.period;
    } else {
        size_t repeated = (size_t)pitch.period < count ? (size_t)pitch.period : count;
        timescale_repeat(more, line + most, pitch.period, scale);
        memmove(samples + repeated, samples, (count - repeated) * sizeof *samples);
        memcpy(samples, more, repeated * sizeof *samples);
        reader->cursor -= (uint32_t)pitch.period;
    }
    reader->cursor += (uint32_t)count;
    reader->wish = reader->unwanted = 0;
    reader->least = INT32_MAX;
    reader->window = WINDOW;
    return true;
}

void reader_take(struct reader *reader, const struct device *device, int16_t *samples, size_t count)
{
    int32_t waiting = (int32_t)(device->captured - reader->cursor), scale = device->wide ? 2 : 1;
    if (waiting < 0 || waiting > DEVICE_AHEAD_MAX * scale) {
        waiting = waiting < 0 ? 0 : DEVICE_AHEAD * scale;
        reader->cursor = device->captured - (uint32_t)waiting;
    }
    if (reader->priming && waiting >= DEVICE_AHEAD * scale)
        reader->priming = false;
    if (reader->priming || waiting < (int32_t)count || device->gone) {
        reader_begin(reader, NULL);
        reader->cursor = device->captured - (uint32_t)waiting;
        memset(samples, 0, count * sizeof *samples);
        return;
    }
    look(reader, (waiting - (int32_t)count) / scale, (int32_t)count / scale);
    if (reader->wish != 0 && make_up(reader, device, samples, count, waiting))
        return;
    copy(device, reader->cursor, samples, count);
    reader->cursor += (uint32_t)count;
}
