#define _GNU_SOURCE
#include "mix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "counters.h"

struct device *device_new(uint32_t id, int fd, bool wide)
{
    struct device *device = calloc(1, sizeof *device);
    if (device != NULL) {
        atomic_init(&device->references, 1);
        device->id = id;
        device->fd = fd;
        device->wide = wide;
    }
    return device;
}

static uint32_t frame_of(const struct device *device)
{
    return device->wide ? 2 * DEVICE_FRAME : DEVICE_FRAME;
}

struct device *device_ref(struct device *device)
{
    atomic_fetch_add(&device->references, 1);
    return device;
}

void device_unref(struct device *device)
{
    if (device != NULL && atomic_fetch_sub(&device->references, 1) == 1) {
        if (device->fd >= 0)
            close(device->fd);
        free(device);
    }
}

/* A frame in bytes, little-endian: summed up only while somebody looks. */
static void measure(struct device *device, struct level *level, const uint8_t *frame, uint32_t count)
{
    if (!atomic_load_explicit(&device->measured, memory_order_relaxed))
        return;
    int16_t samples[2 * DEVICE_FRAME];
    for (uint32_t i = 0; i < count; i++)
        samples[i] = (int16_t)(uint16_t)(frame[2 * i] | frame[2 * i + 1] << 8);
    level_measure(level, samples, count);
}

static bool lose(struct device *device)
{
    bool news = !device->gone;
    device->gone = true;
    return news;
}

void device_store(struct device *device, const uint8_t *frame, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        device->capture[(device->captured + i) % DEVICE_RING] =
            (int16_t)(uint16_t)(frame[2 * i] | frame[2 * i + 1] << 8);
    device->captured += count;
}

bool device_capture(struct device *device)
{
    /* A few frames at most: a worker that floods the socket must not hold up the streams. */
    for (int i = 0; i < 8 && !device->gone; i++) {
        uint8_t frame[4 * DEVICE_FRAME];
        const uint32_t count = frame_of(device);
        ssize_t length = recv(device->fd, frame, 2 * count, MSG_DONTWAIT | MSG_TRUNC);
        if (length == 0)
            return lose(device);
        if (length < 0)
            return errno != EAGAIN && errno != EINTR && lose(device);
        if (length == DEVICE_WORD) {
            outlet_told(&device->outlet, (frame[0] | frame[1] << 8) / (device->wide ? 2 : 1));
            continue;
        }
        if (length != (ssize_t)(2 * count)) {
            counter_add(&device->frames_dropped, 1);
            continue;
        }
        device_store(device, frame, count);
        measure(device, &device->capture_level, frame, count);
        counter_add(&device->frames_captured, 1);
    }
    return false;
}

/* Sends what is due; false if the far end is gone. */
static bool send_frame(struct device *device, const int16_t *samples, uint32_t count)
{
    uint8_t frame[4 * DEVICE_FRAME];
    for (uint32_t i = 0; i < count; i++) {
        frame[2 * i] = (uint8_t)samples[i];
        frame[2 * i + 1] = (uint8_t)((uint16_t)samples[i] >> 8);
    }
    measure(device, &device->playback_level, frame, count);
    bool sent = send(device->fd, frame, 2 * count, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(2 * count);
    int error = errno;
    counter_add(sent ? &device->frames_played : &device->frames_dropped, 1);
    outlet_sent(&device->outlet, device->fd, count);
    return sent || error == EAGAIN || error == EINTR || error == ENOBUFS;
}

bool device_play(struct device *device, const float *sine)
{
    if (device->gone)
        return false;
    const uint32_t count = frame_of(device);
    int32_t sums[2 * DEVICE_FRAME];
    int16_t samples[2 * DEVICE_FRAME];
    for (uint32_t i = 0; i < count; i++) {
        int32_t *sum = &device->playback[(device->played + i) % DEVICE_RING];
        sums[i] = *sum;
        *sum = 0;
    }
    for (int i = 0; i < DEVICE_LAYERS; i++)
        cadence_add(&device->cadence[i], sine, sums, DEVICE_FRAME, device->wide);
    limit(&device->limiter, samples, sums, count, device->wide ? 2 : 1);
    device->played += count;
    outlet_put(&device->outlet, device->fd, samples, count);
    /* One as a rule; none or two where the card's clock is not ours. */
    for (const int16_t *due; (due = outlet_due(&device->outlet, count)) != NULL;)
        if (!send_frame(device, due, count))
            return lose(device);
    return false;
}

void device_add(struct device *device, uint32_t *cursor, const int16_t *samples, size_t count)
{
    int32_t lead = (int32_t)(*cursor - device->played);
    if (lead < 0 || lead > DEVICE_RING / 2)
        *cursor = device->played;
    for (size_t i = 0; i < count; i++)
        device->playback[(*cursor + (uint32_t)i) % DEVICE_RING] += samples[i];
    *cursor += (uint32_t)count;
}

void mix_into(struct limiter *limiter, int16_t *into, const int16_t *more, size_t count, unsigned scale)
{
    int32_t sums[2 * DEVICE_FRAME];
    for (size_t i = 0; i < count; i++)
        sums[i] = into[i] + more[i];
    limit(limiter, into, sums, count, scale);
}

bool volume_apply(struct volume *volume, int16_t *louder, const int16_t *samples, size_t count, unsigned scale)
{
    if (volume->now == 1 && volume->wanted == 1)
        return false;
    int32_t sums[2 * DEVICE_FRAME];
    const float step = (volume->wanted - volume->now) / (float)count;
    for (size_t i = 0; i < count; i++)
        sums[i] = (int32_t)lrintf((float)samples[i] * (volume->now + step * (float)(i + 1)));
    volume->now = volume->wanted;
    limit(&volume->limiter, louder, sums, count, scale);
    return true;
}
