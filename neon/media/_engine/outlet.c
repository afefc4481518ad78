#define _GNU_SOURCE
#include "outlet.h"

#include <limits.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "timescale.h"

enum {
    TICKS = 160,            /* of a frame */
    WINDOW = 200 * TICKS,   /* 4 s */
    TOO_MANY = 2,           /* frames that wait */
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
}

static void look(struct outlet *outlet, int waiting)
{
    if (waiting < outlet->least)
        outlet->least = waiting;
    if (waiting < TOO_MANY)
        outlet->wish = false;
    outlet->window -= TICKS;
    if (outlet->window > 0)
        return;
    if (!outlet->wish)
        outlet->unwanted = 0;
    outlet->wish = outlet->least >= TOO_MANY;
    begin_window(outlet);
}

static size_t shorter(struct outlet *outlet, size_t all, int scale)
{
    int most = (int)all / scale - TIMESCALE_WINDOW;
    bool quiet = timescale_is_quiet(outlet->line, all);
    outlet->unwanted += TICKS;
    if (most < TIMESCALE_LEAST || (!quiet && outlet->unwanted < PATIENCE))
        return all;
    most = most < TIMESCALE_MOST ? most : TIMESCALE_MOST;
    struct pitch pitch = timescale_to_leave_out(outlet->line, most, scale);
    if (!timescale_is_hidden(pitch, quiet, outlet->unwanted, PATIENCE))
        return all;
    timescale_leave_out(outlet->line, (int)all, pitch.period, scale);
    outlet->wish = false;
    begin_window(outlet);
    return all - (size_t)pitch.period;
}

bool outlet_put(struct outlet *outlet, int fd, const int16_t *samples, size_t count)
{
    if (outlet->unit > 0)
        look(outlet, taken_by_socket(fd) / outlet->unit);
    memcpy(outlet->line + outlet->held, samples, count * sizeof *samples);
    size_t all = outlet->held + count;
    if (outlet->wish)
        all = shorter(outlet, all, (int)count / TICKS);
    outlet->held = all < count ? all : all - count;
    return all >= count;
}

void outlet_sent(struct outlet *outlet, int fd, size_t count)
{
    int taken = taken_by_socket(fd);
    if (taken > 0 && (outlet->unit == 0 || taken < outlet->unit))
        outlet->unit = taken; /* of the one that was just sent, if the others have been read */
    memmove(outlet->line, outlet->line + count, outlet->held * sizeof *outlet->line);
}
