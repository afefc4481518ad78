#include "playout.h"

#include <string.h>

#include "codering.h"
#include "level.h"
#include "packets.h"

enum {
    TOO_LONG = TIMESCALE_MOST,   /* ticks more than wanted that are borne: what may be left out at once. Less is not */
    SHORTEN_PATIENCE = 16000,    /* 2 s in which only silence is shortened, */
    LENGTHEN_PATIENCE = 1600,    /* and 200 ms in which only silence is lengthened; after twice as long, anything is */
    REST = 1600,                 /* 200 ms between changes, */
    SHORT_REST = 320,            /* or 40 when there is much to do */
    MUCH = 320,                  /* 40 ms more than wanted, */
    FAR_TOO_MUCH = 800,          /* and 100: every frame, whatever is said */
    LOUDNESS_MEMORY = 16000,     /* 2 s */
};

static const float QUIET = 1 / 16.0f; /* 12 dB below the usual */

/* -- what has left ----------------------------------------------------------------------------------------------- */

static void remember(struct jitter *jitter, const int16_t *samples, size_t count)
{
    if (count > JITTER_RECENT) {
        samples += count - JITTER_RECENT;
        count = JITTER_RECENT;
    }
    size_t offset = jitter->left % JITTER_RECENT;
    size_t before_wrap = count < JITTER_RECENT - offset ? count : JITTER_RECENT - offset;
    memcpy(jitter->recent + offset, samples, before_wrap * sizeof *samples);
    memcpy(jitter->recent, samples + before_wrap, (count - before_wrap) * sizeof *samples);
    jitter->left += (uint32_t)count;
}

/* The last `count` samples that left. */
static void recall(const struct jitter *jitter, int16_t *samples, size_t count)
{
    size_t offset = (jitter->left - (uint32_t)count) % JITTER_RECENT;
    size_t before_wrap = count < JITTER_RECENT - offset ? count : JITTER_RECENT - offset;
    memcpy(samples, jitter->recent + offset, before_wrap * sizeof *samples);
    memcpy(samples + before_wrap, jitter->recent, (count - before_wrap) * sizeof *samples);
}

static size_t samples_of(const struct jitter *jitter, size_t ticks)
{
    return ticks * (size_t)jitter->wide;
}

static int16_t *end_of_ready(struct jitter *jitter)
{
    return jitter->ready + samples_of(jitter, (size_t)jitter->ahead);
}

/* -- what comes next --------------------------------------------------------------------------------------------- */

static void add_audio(struct jitter *jitter, size_t count)
{
    int16_t *samples = end_of_ready(jitter);
    ring_decode(jitter, jitter->play, samples, count);
    if (jitter->codec == CODEC_OPUS)
        jitter->concealment.active = false; /* the decoder itself leads back */
    if (jitter->concealment.active)
        conceal_end(&jitter->concealment);
    if (jitter->concealment.joining > 0)
        conceal_join(&jitter->concealment, samples, (int)samples_of(jitter, count));
    if (jitter->concealment.joining == 0)
        jitter->concealment.run = 0;
    jitter->resting = false;
    jitter->play += (uint32_t)count;
    jitter->ahead += (int)count;
}

static void begin_concealment(struct jitter *jitter)
{
    int16_t history[CONCEAL_HISTORY * JITTER_WIDE];
    const size_t wanted = samples_of(jitter, CONCEAL_HISTORY), ahead = samples_of(jitter, (size_t)jitter->ahead);
    if (ahead < wanted) {
        recall(jitter, history, wanted - ahead);
        memcpy(history + wanted - ahead, jitter->ready, ahead * sizeof *history);
    } else {
        memcpy(history, jitter->ready + ahead - wanted, wanted * sizeof *history);
    }
    conceal_begin(&jitter->concealment, history, jitter->wide);
    jitter->gaps++;
}

static bool add_concealment(struct jitter *jitter, size_t count)
{
    bool heard;
    if (jitter->codec == CODEC_OPUS) {
        jitter->gaps += !jitter->concealment.active;
        jitter->concealment.active = heard = true;
        jitter->concealment.run += (int)samples_of(jitter, count);
        packets_conceal(jitter->packets, jitter->play, end_of_ready(jitter), (uint32_t)count);
    } else {
        if (!jitter->concealment.active)
            begin_concealment(jitter);
        heard = jitter->concealment.run < CONCEAL_END * jitter->wide;
        conceal_fill(&jitter->concealment, end_of_ready(jitter), (int)samples_of(jitter, count));
    }
    jitter->play += (uint32_t)count;
    jitter->ahead += (int)count;
    return heard;
}

void playout_rest(struct jitter *jitter, const struct comfort_noise *noise)
{
    comfort_set(&jitter->comfort, noise, !jitter->resting);
    if (!jitter->resting)
        jitter->rested = jitter->play;
    jitter->resting = true;
    jitter->plain = false;
    jitter->concealment.active = false;
    jitter->concealment.joining = jitter->concealment.run = 0;
}

/* Noise for `count` ticks, during which the delay is set right: nobody hears how long a rest is. */
static void add_noise(struct jitter *jitter, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t now = count - done < 160 ? count - done : 160;
        comfort_fill(&jitter->comfort, end_of_ready(jitter), now, jitter->wide);
        jitter->ahead += (int)now;
        done += now;
    }
    int32_t excess = delay_excess(&jitter->delay, jitter->play - (uint32_t)jitter->ahead, jitter->clock);
    size_t passed = count;
    if (excess > TOO_LONG) {
        size_t most = count + (size_t)(excess < DELAY_MOST ? excess : DELAY_MOST);
        passed = distance(jitter->high, jitter->play) <= 0 ? most : ring_run(jitter, jitter->play, most, false);
    } else if (excess < 0) {
        passed = 0;
    }
    jitter->play += (uint32_t)(passed > count ? passed : passed < count ? 0 : count);
    if (distance(jitter->play, jitter->high) > 0) {
        ring_clear(jitter, jitter->high, (size_t)distance(jitter->play, jitter->high));
        jitter->high = jitter->play;
    }
}

/* Takes what becomes of the rests whose time has come; returns for how many ticks nothing changes. */
static size_t next_rest(struct jitter *jitter, size_t count)
{
    while (jitter->resting_next > 0) {
        int32_t early = distance(jitter->rests[0].at, jitter->play);
        if (early > 0)
            return (size_t)early < count ? (size_t)early : count;
        playout_rest(jitter, &jitter->rests[0].noise);
        memmove(jitter->rests, jitter->rests + 1, (size_t)--jitter->resting_next * sizeof *jitter->rests);
    }
    return count;
}

/* Decodes, or makes up, until `count` ticks are ready; true if some of it was concealment. */
static bool make_ready(struct jitter *jitter, size_t count)
{
    bool concealed = false;
    while ((size_t)jitter->ahead < count) {
        size_t wanted = next_rest(jitter, count - (size_t)jitter->ahead);
        int32_t before_first = distance(jitter->first, jitter->play), before_high = distance(jitter->high, jitter->play);
        if (before_first > 0 && !jitter->resting) {
            wanted = (size_t)before_first < wanted ? (size_t)before_first : wanted;
            memset(end_of_ready(jitter), 0, samples_of(jitter, wanted) * sizeof *jitter->ready);
            jitter->play += (uint32_t)wanted; /* the delay at the beginning is not a loss */
            jitter->ahead += (int)wanted;
            continue;
        }
        size_t known = before_high <= 0 ? 0 : (size_t)before_high < wanted ? (size_t)before_high : wanted;
        size_t run = ring_run(jitter, jitter->play, known, true);
        if (run > 0) {
            add_audio(jitter, run);
            continue;
        }
        size_t missing = known == 0 ? wanted : ring_run(jitter, jitter->play, known, false);
        if (jitter->resting)
            add_noise(jitter, missing);
        else
            concealed = add_concealment(jitter, missing) || concealed;
    }
    return concealed;
}

/* -- the delay --------------------------------------------------------------------------------------------------- */

static bool is_quiet(const struct jitter *jitter, size_t ticks)
{
    size_t count = samples_of(jitter, ticks);
    float loudness = (float)sum_of_squares(jitter->ready, count) / (float)count;
    return timescale_is_quiet(jitter->ready, count) || loudness < jitter->loudness * QUIET;
}

static void shorten(struct jitter *jitter, size_t count, int32_t excess)
{
    const int wide = jitter->wide;
    const size_t wanted = TIMESCALE_MOST + (count > TIMESCALE_WINDOW ? count : TIMESCALE_WINDOW);
    const size_t more = wanted - (size_t)jitter->ahead;
    if (distance(jitter->high, jitter->play) < (int32_t)more || ring_run(jitter, jitter->play, more, true) < more)
        return; /* not all of it is there */
    bool quiet = is_quiet(jitter, count), urgent = excess > FAR_TOO_MUCH;
    if (!quiet && !urgent && jitter->unwanted < SHORTEN_PATIENCE)
        return;
    add_audio(jitter, more);
    struct pitch pitch = timescale_to_leave_out(jitter->ready, TIMESCALE_MOST, wide);
    jitter->pause = SHORT_REST;
    if (!urgent && !timescale_is_hidden(pitch, quiet, jitter->unwanted, SHORTEN_PATIENCE))
        return;
    timescale_leave_out(jitter->ready, (int)samples_of(jitter, (size_t)jitter->ahead), pitch.period, wide);
    jitter->ahead -= pitch.period / wide;
    jitter->shortened += (uint32_t)(pitch.period / wide);
    jitter->pause = urgent ? 0 : excess > MUCH ? SHORT_REST : REST;
}

static void lengthen(struct jitter *jitter, size_t count)
{
    const int wide = jitter->wide;
    int16_t line[(TIMESCALE_MOST + JITTER_READY) * JITTER_WIDE], more[TIMESCALE_MOST * JITTER_WIDE];
    if (count < TIMESCALE_WINDOW)
        return;
    bool quiet = is_quiet(jitter, count);
    if (!quiet && jitter->unwanted < LENGTHEN_PATIENCE)
        return;
    const size_t past = samples_of(jitter, TIMESCALE_MOST), ahead = samples_of(jitter, (size_t)jitter->ahead);
    recall(jitter, line, past);
    memcpy(line + past, jitter->ready, ahead * sizeof *line);
    struct pitch pitch = timescale_to_repeat(line + past, wide);
    jitter->pause = SHORT_REST;
    if (!timescale_is_hidden(pitch, quiet, jitter->unwanted, LENGTHEN_PATIENCE))
        return;
    timescale_repeat(more, line + past, pitch.period, wide);
    memcpy(jitter->ready, more, (size_t)pitch.period * sizeof *more);
    memcpy(jitter->ready + pitch.period, line + past, ahead * sizeof *line);
    jitter->ahead += pitch.period / wide;
    jitter->lengthened += (uint32_t)(pitch.period / wide);
}

/* How much longer the buffer is than it should be, if that is more than is borne; else 0. */
static int32_t excess_now(struct jitter *jitter, size_t count)
{
    int32_t excess = delay_excess(&jitter->delay, jitter->play - (uint32_t)jitter->ahead, jitter->clock);
    if (excess <= TOO_LONG && excess >= 0) {
        jitter->unwanted = 0;
        return 0;
    }
    jitter->unwanted += (int32_t)count;
    jitter->pause -= (int32_t)count;
    return jitter->pause > 0 ? 0 : excess;
}

static void change_delay(struct jitter *jitter, size_t count, int32_t excess)
{
    /* What is made up is no measure, and what was just begun is not yet heard. */
    if (jitter->resting || jitter->concealment.active || jitter->concealment.joining > 0 ||
        distance(jitter->play, jitter->first) < TIMESCALE_MOST || jitter->ahead > (int)count + TIMESCALE_MOST)
        return;
    if (excess > 0)
        shorten(jitter, count, excess);
    else
        lengthen(jitter, count);
}

/* -- out --------------------------------------------------------------------------------------------------------- */

static void take_ready(struct jitter *jitter, int16_t *samples, size_t count)
{
    const size_t taken = samples_of(jitter, count), all = samples_of(jitter, (size_t)jitter->ahead);
    memcpy(samples, jitter->ready, taken * sizeof *samples);
    memmove(jitter->ready, jitter->ready + taken, (all - taken) * sizeof *samples);
    jitter->ahead -= (int)count;
    jitter->plain = jitter->ahead == 0 && !jitter->concealment.active && jitter->concealment.joining == 0 &&
                    !jitter->resting && jitter->resting_next == 0 && distance(jitter->play, jitter->first) >= 0;
}

void jitter_get(struct jitter *jitter, int16_t *samples, size_t count)
{
    const size_t wanted = samples_of(jitter, count);
    if (!jitter->started || count == 0) {
        memset(samples, 0, wanted * sizeof *samples);
        jitter->clock += (uint32_t)count;
        return;
    }
    int32_t excess = excess_now(jitter, count);
    if (jitter->plain && excess == 0 && distance(jitter->high, jitter->play) >= (int32_t)count &&
        ring_run(jitter, jitter->play, count, true) == count) {
        ring_decode(jitter, jitter->play, samples, count);
        jitter->play += (uint32_t)count;
    } else {
        jitter->frames_concealed += make_ready(jitter, count);
        if (excess != 0)
            change_delay(jitter, count, excess);
        take_ready(jitter, samples, count);
    }
    jitter->clock += (uint32_t)count;
    remember(jitter, samples, wanted);
    float loudness = (float)sum_of_squares(samples, wanted) / (float)wanted;
    jitter->loudness += (loudness - jitter->loudness) * (float)count / LOUDNESS_MEMORY;
    const int give_up = jitter->codec == CODEC_OPUS ? JITTER_GIVE_UP_OPUS : JITTER_GIVE_UP;
    if (jitter->concealment.active && jitter->concealment.run / jitter->wide >= give_up)
        jitter_reset(jitter, jitter->codec);
}
