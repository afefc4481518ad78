#include "conference.h"

#include <stdlib.h>
#include <string.h>

enum { TICK_MAX = 160, WIDE_MAX = 2 * TICK_MAX, MASK = CONFERENCE_RING - 1 };

struct conference *conference_new(void)
{
    struct conference *conference = calloc(1, sizeof *conference);
    if (conference != NULL) {
        atomic_init(&conference->references, 1);
        conference->begun = 1;
    }
    return conference;
}

struct conference *conference_ref(struct conference *conference)
{
    atomic_fetch_add(&conference->references, 1);
    return conference;
}

void conference_unref(struct conference *conference)
{
    if (conference != NULL && atomic_fetch_sub(&conference->references, 1) == 1)
        free(conference);
}

struct member *member_new(struct conference *conference)
{
    struct member *member = calloc(1, sizeof *member);
    if (member != NULL)
        member->conference = conference_ref(conference);
    return member;
}

static void begin_anew(struct conference *conference)
{
    conference->begun++;
    conference->running = false;
    memset(conference->sums, 0, sizeof conference->sums);
}

void member_free(struct member *member)
{
    if (member == NULL)
        return;
    if (member->wide && --member->conference->wide_members == 0)
        begin_anew(member->conference);
    conference_unref(member->conference);
    free(member);
}

unsigned member_scale(struct member *member, bool wide)
{
    struct conference *conference = member->conference;
    if (wide != member->wide) {
        unsigned before = conference->wide_members;
        member->wide = wide;
        conference->wide_members = wide ? before + 1 : before - 1;
        if ((before > 0) != (conference->wide_members > 0))
            begin_anew(conference);
        memset(&member->to, 0, sizeof member->to);
        memset(&member->back, 0, sizeof member->back);
    }
    return conference->wide_members > 0 ? 2 : 1;
}

/* Makes sure that the ring is good up to `end`. */
static void extend(struct conference *conference, uint32_t end)
{
    int32_t ahead = (int32_t)(end - conference->end);
    if (!conference->running || ahead > CONFERENCE_RING || ahead < -CONFERENCE_RING) {
        /* The first to speak, or nobody has for so long: what is in the ring is old. */
        memset(conference->sums, 0, sizeof conference->sums);
        conference->running = true;
        conference->end = end;
    }
    for (; (int32_t)(end - conference->end) > 0; conference->end++)
        conference->sums[conference->end & MASK] = 0;
}

void member_add(struct member *member, uint32_t at, const int16_t *samples, size_t count)
{
    struct conference *conference = member->conference;
    int32_t gap = (int32_t)(at - member->end);
    if (member->begun != conference->begun || gap > CONFERENCE_RING / 2 || gap < -CONFERENCE_RING / 2) {
        member->begun = conference->begun;
        member->from = member->end = at;
    } else if (gap < 0) {
        /* It is served at an earlier phase than before: this much was said already. */
        size_t repeated = (size_t)-gap < count ? (size_t)-gap : count;
        at += (uint32_t)repeated;
        samples += repeated;
        count -= repeated;
        if (count == 0)
            return;
    }
    for (; member->end != at; member->end++)
        member->own[member->end & MASK] = 0;
    extend(conference, at + (uint32_t)count);
    for (size_t i = 0; i < count; i++, at++) {
        conference->sums[at & MASK] += samples[i];
        member->own[at & MASK] = samples[i];
    }
    member->end = at;
    if (at - member->from > CONFERENCE_RING)
        member->from = at - CONFERENCE_RING;
}

void member_take(const struct member *member, uint32_t at, int32_t *others, size_t count)
{
    const struct conference *conference = member->conference;
    const bool present = member->begun == conference->begun;
    uint32_t position = at - (uint32_t)count;
    for (size_t i = 0; i < count; i++, position++) {
        /* How long ago that is: the ring knows no more than its own length, and nothing of the future. */
        bool known = (uint32_t)(conference->end - 1 - position) < CONFERENCE_RING;
        bool own = present && (uint32_t)(position - member->from) < member->end - member->from;
        others[i] = known ? conference->sums[position & MASK] - (own ? member->own[position & MASK] : 0) : 0;
    }
}

void member_exchange(struct member *member, bool wide, uint32_t tick, const int16_t *heard, int16_t *others,
                     size_t count)
{
    const unsigned scale = member_scale(member, wide);
    const bool differs = scale == 2 && !wide;
    const size_t all = count * scale;
    int16_t other[WIDE_MAX];
    int32_t sums[WIDE_MAX];
    if (heard != NULL && differs)
        halfband_up(&member->to, other, heard, count);
    if (heard != NULL)
        member_add(member, tick * scale, differs ? other : heard, all);
    member_take(member, tick * scale, sums, all);
    limit(&member->others, differs ? other : others, sums, all, scale);
    if (differs)
        halfband_down(&member->back, others, other, count);
}
