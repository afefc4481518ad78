#define _GNU_SOURCE
#include "outlet.h"

#include <limits.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    TICKS = 160,            /* of a frame */
    WINDOW = 200 * TICKS,   /* 4 s */
    NEWS = 25 * TICKS,      /* what is told in the first half second was before */
    TOO_MANY = 2,           /* frames that wait */
    TOO_LITTLE = TICKS,     /* ticks that the card and the socket have */
    PATIENCE = 100 * TICKS, /* 2 s in which only silence is touched; after twice as long, anything is */
};

static int taken_by_socket(int fd)
{
    int taken = 0;
    return ioctl(fd, SIOCOUTQ, &taken) == 0 ? taken : 0;
}

static void begin_window(struct outlet *outlet)
{
    outlet->window = WINDOW;
    outlet->least = INT_MAX;
    outlet->left = INT32_MAX;
}

static int wished(const struct outlet *outlet)
{
    if (outlet->least >= TOO_MANY)
        return 1;
    return outlet->left < TOO_LITTLE - outlet->least * TICKS ? -1 : 0;
}

static void look(struct outlet *outlet, int waiting)
{
    if (outlet->window == 0)
        begin_window(outlet);
    if (waiting < outlet->least)
        outlet->least = waiting;
    if (outlet->wish > 0 && waiting < TOO_MANY)
        outlet->wish = 0;
    outlet->window -= TICKS;
    if (outlet->window > 0)
        return;
    int wish = wished(outlet);
    if (wish != outlet->wish || wish == 0)
        outlet->unwanted = 0;
    outlet->wish = wish;
    begin_window(outlet);
}

static void done(struct outlet *outlet)
{
    outlet->wish = 0;
    outlet->unwanted = 0;
    begin_window(outlet);
}

static void make_shorter(struct outlet *outlet, int scale, bool quiet)
{
    int16_t *held = outlet->line + OUTLET_PAST;
    int most = (int)outlet->held / scale - TIMESCALE_WINDOW;
    if (most < TIMESCALE_LEAST)
        return;
    most = most < TIMESCALE_MOST ? most : TIMESCALE_MOST;
    struct pitch pitch = timescale_to_leave_out(held, most, scale);
    if (!timescale_is_hidden(pitch, quiet, outlet->unwanted, PATIENCE))
        return;
    timescale_leave_out(held, (int)outlet->held, pitch.period, scale);
    outlet->held -= (size_t)pitch.period;
    done(outlet);
}

static void make_longer(struct outlet *outlet, int scale, bool quiet)
{
    int16_t *held = outlet->line + OUTLET_PAST, more[2 * TIMESCALE_MOST];
    struct pitch pitch = timescale_to_repeat(held, scale);
    if (!timescale_is_hidden(pitch, quiet, outlet->unwanted, PATIENCE))
        return;
    timescale_repeat(more, held, pitch.period, scale);
    memmove(held + pitch.period, held, outlet->held * sizeof *held);
    memcpy(held, more, (size_t)pitch.period * sizeof *held);
    outlet->held += (size_t)pitch.period;
    done(outlet);
}

void outlet_put(struct outlet *outlet, int fd, const int16_t *samples, size_t count)
{
    const int scale = (int)count / TICKS;
    if (outlet->unit > 0)
        look(outlet, taken_by_socket(fd) / outlet->unit);
    memcpy(outlet->line + OUTLET_PAST + outlet->held, samples, count * sizeof *samples);
    outlet->held += count;
    if (outlet->wish == 0)
        return;
    bool quiet = timescale_is_quiet(outlet->line + OUTLET_PAST, outlet->held);
    outlet->unwanted += TICKS;
    if (!quiet && outlet->unwanted < PATIENCE)
        return;
    (outlet->wish > 0 ? make_shorter : make_longer)(outlet, scale, quiet);
}

const int16_t *outlet_due(const struct outlet *outlet, size_t count)
{
    return outlet->held >= count ? outlet->line + OUTLET_PAST : NULL;
}

void outlet_sent(struct outlet *outlet, int fd, size_t count)
{
    int taken = taken_by_socket(fd);
    if (taken > 0 && (outlet->unit == 0 || taken < outlet->unit))
        outlet->unit = taken; /* of the one that was just sent, if the others have been read */
    outlet->held -= count;
    memmove(outlet->line, outlet->line + count, (OUTLET_PAST + outlet->held) * sizeof *outlet->line);
}

void outlet_told(struct outlet *outlet, int32_t ticks)
{
    if (outlet->window <= WINDOW - NEWS && ticks < outlet->left)
        outlet->left = ticks;
}
