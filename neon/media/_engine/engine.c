#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "packets.h"

#define STALL_NS UINT64_C(200000000) /* later than this, rounds are skipped, not caught up */
#define NTP_EPOCH UINT64_C(2208988800)

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t engine_ntp(const struct engine *engine, uint64_t now)
{
    uint64_t since_1900 = now + engine->ntp_offset;
    return (since_1900 / 1000000000u) << 32 | ((since_1900 % 1000000000u) << 32) / 1000000000u;
}

bool engine_init(struct engine *engine, double no_rtp_seconds)
{
    engine->wake_fd = engine->event_fd = engine->epoll_fd = -1;
    engine->last_command = &engine->first_command;
    engine->no_rtp_ns = (uint64_t)(no_rtp_seconds * 1e9);
    sine_fill(engine->sine);
    engine->batch = receive_batch_new();
    return engine->batch != NULL && pthread_mutex_init(&engine->commands_lock, NULL) == 0 &&
           sem_init(&engine->ready, 0, 0) == 0;
}

void command_free(struct command *command)
{
    if (command->stream != NULL)
        stream_unref(command->stream);
    device_unref(command->device);
    tap_unref(command->tap);
    member_free(command->member);
    free(command->cadence);
    clip_unref(command->order.clip);
    pipe_unref(command->order.pipe);
    if (command->source != NULL) {
        device_unref(command->source->device);
        free(command->source->samples);
        free(command->source);
    }
    secure_free(command->secure);
    packets_free(command->packets);
    g722_close(command->g722);
    free(command);
}

void engine_free(struct engine *engine)
{
    while (engine->first_command != NULL) {
        struct command *command = engine->first_command;
        engine->first_command = command->next;
        command_free(command);
    }
    for (int i = 0; i < PHASES; i++)
        free(engine->wheel[i].streams);
    receive_batch_free(engine->batch);
    sem_destroy(&engine->ready);
    pthread_mutex_destroy(&engine->commands_lock);
}

/* -- crossing between the threads ------------------------------------------------------------------------------ */

static void signal_fd(int fd)
{
    uint64_t one = 1;
    /* It fails only when the counter is full, and then the reader will wake anyway. */
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        return;
}

void engine_post(struct engine *engine, struct command *command)
{
    command->next = NULL;
    pthread_mutex_lock(&engine->commands_lock);
    bool was_empty = engine->first_command == NULL;
    *engine->last_command = command;
    engine->last_command = &command->next;
    pthread_mutex_unlock(&engine->commands_lock);
    if (was_empty)
        signal_fd(engine->wake_fd);
}

void engine_emit(struct engine *engine, enum event_kind kind, uint32_t id, uint32_t value)
{
    unsigned written = atomic_load_explicit(&engine->events_written, memory_order_relaxed);
    if (written - atomic_load_explicit(&engine->events_read, memory_order_acquire) == EVENTS) {
        counter_add(&engine->events_lost, 1);
        return;
    }
    engine->events[written % EVENTS] = (struct event){kind, id, value};
    atomic_store_explicit(&engine->events_written, written + 1, memory_order_release);
    signal_fd(engine->event_fd);
}

bool engine_next_event(struct engine *engine, struct event *event)
{
    unsigned read = atomic_load_explicit(&engine->events_read, memory_order_relaxed);
    if (read == atomic_load_explicit(&engine->events_written, memory_order_acquire))
        return false;
    *event = engine->events[read % EVENTS];
    atomic_store_explicit(&engine->events_read, read + 1, memory_order_release);
    return true;
}

void engine_note_sent(struct engine *engine, uint64_t deadline)
{
    uint64_t now = monotonic_ns();
    uint64_t bucket = now > deadline ? (now - deadline) / TIMING_BUCKET_NS : 0;
    counter_add(&engine->timing[bucket < TIMING_BUCKETS ? bucket : TIMING_BUCKETS - 1], 1);
}

/* -- commands --------------------------------------------------------------------------------------------------- */

static void add_stream(struct engine *engine, struct stream *stream)
{
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = stream};
    if (wheel_add(engine, stream)) {
        stream_ref(stream);
        epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, stream->rtcp_fd, &interest);
    }
}

static void close_stream(struct engine *engine, struct stream *stream)
{
    if (wheel_remove(engine, stream)) {
        epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, stream->rtcp_fd, NULL);
        stream_end(engine, stream);
        stream_unref(stream);
    }
}

static void close_device(struct engine *engine, struct device *device)
{
    for (struct device **link = &engine->devices; *link != NULL; link = &(*link)->next) {
        if (*link == device) {
            *link = device->next;
            device->gone = true;
            close(device->fd);
            device->fd = -1;
            device_unref(device);
            return;
        }
    }
}

static void start_stream(struct engine *engine, struct command *command)
{
    struct stream *stream = command->stream;
    if (!wheel_remove(engine, stream))
        return; /* closed before */
    stream_start(stream, &command->agreement, command->secure, command->packets, command->g722,
                 monotonic_ns());
    command->secure = NULL;
    command->packets = NULL;
    command->g722 = NULL;
    if (!wheel_add(engine, stream)) {
        stream_end(engine, stream);
        stream_unref(stream);
    }
}

static void carry_out(struct engine *engine, struct command *command)
{
    switch (command->kind) {
    case COMMAND_ADD_STREAM:
        add_stream(engine, command->stream);
        break;
    case COMMAND_START_STREAM:
        start_stream(engine, command);
        break;
    case COMMAND_SOURCE:
        stream_set_source(command->stream, command->source);
        break;
    case COMMAND_SINK:
        stream_set_sink(command->stream, command->device);
        command->device = NULL;
        break;
    case COMMAND_DIGIT:
        dtmf_push(&command->stream->dtmf_out, command->digit, command->duration);
        break;
    case COMMAND_BEEP:
        stream_beep(command->stream, command->duration);
        break;
    case COMMAND_TAP:
        stream_set_tap(command->stream, command->tap);
        command->tap = NULL;
        break;
    case COMMAND_JOIN:
        stream_join(command->stream, command->member);
        command->member = NULL;
        break;
    case COMMAND_VOLUME:
        command->stream->volume.wanted = command->volume;
        break;
    case COMMAND_SCRIPT:
        script_obey(command->stream, &command->order);
        break;
    case COMMAND_REROUTE:
        stream_reroute(command->stream);
        break;
    case COMMAND_ASK:
        stun_ask(command->stream, command->duration, &command->question);
        break;
    case COMMAND_ASK_NO_MORE:
        stun_forget(command->stream, command->duration);
        break;
    case COMMAND_CLOSE_STREAM:
        close_stream(engine, command->stream);
        break;
    case COMMAND_TONES:
        command->device->cadence[command->duration] = *command->cadence;
        break;
    case COMMAND_ADD_DEVICE:
        command->device->next = engine->devices;
        engine->devices = device_ref(command->device);
        break;
    case COMMAND_CLOSE_DEVICE:
        close_device(engine, command->device);
        break;
    }
    command_free(command);
}

static void take_commands(struct engine *engine)
{
    pthread_mutex_lock(&engine->commands_lock);
    struct command *command = engine->first_command;
    engine->first_command = NULL;
    engine->last_command = &engine->first_command;
    pthread_mutex_unlock(&engine->commands_lock);
    while (command != NULL) {
        struct command *next = command->next;
        carry_out(engine, command);
        command = next;
    }
}

/* -- the thread ------------------------------------------------------------------------------------------------- */

static void raise_priority(struct engine *engine)
{
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_FIFO) + 9};
    int priority = PRIORITY_PLAIN;
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0) /* 0: this thread alone */
        priority = PRIORITY_FIFO;
    else if (setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), -11) == 0)
        priority = PRIORITY_NICE;
    atomic_store(&engine->priority, priority);
    prctl(PR_SET_TIMERSLACK, 1ul); /* the default lets a plain thread sleep 50 us too long */
    sem_post(&engine->ready);
}

static void serve_slot(struct engine *engine, bool round_begins, uint64_t now)
{
    take_commands(engine);
    engine->wall_offset_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - now);
    struct epoll_event ready[32];
    int count = engine->streams > 0 ? epoll_wait(engine->epoll_fd, ready, 32, 0) : 0;
    for (int i = 0; i < count; i++)
        stream_read_rtcp(engine, ready[i].data.ptr);
    for (struct device *device = engine->devices; device != NULL; device = device->next) {
        bool lost = device_capture(device);
        if (round_begins)
            lost = device_play(device, engine->sine) || lost;
        if (lost)
            engine_emit(engine, EVENT_DEVICE_GONE, device->id, 0);
    }
    counter_set(&engine->cpu_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID));
}

/* After a suspend or a long stall, what was not sent is lost; time goes on. */
static uint64_t skip_rounds(struct engine *engine, uint64_t late)
{
    uint64_t rounds = late / ROUND_NS;
    for (int i = 0; i < PHASES; i++)
        for (uint32_t j = 0; j < engine->wheel[i].count; j++)
            if (engine->wheel[i].streams[j]->phase == (unsigned)i)
                stream_skip(engine->wheel[i].streams[j], (uint32_t)(rounds * 160));
    counter_add(&engine->rounds_skipped, rounds);
    return rounds * ROUND_NS;
}

static void sleep_until(uint64_t deadline)
{
    struct timespec time = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        continue;
}

/* Sleeps without any wake-up while there is nothing to serve. */
static void wait_for_work(struct engine *engine)
{
    while (engine->streams == 0 && engine->devices == NULL && !atomic_load(&engine->stopping)) {
        struct pollfd wake = {.fd = engine->wake_fd, .events = POLLIN};
        uint64_t count;
        if (poll(&wake, 1, -1) == 1 && read(engine->wake_fd, &count, sizeof count) < 0)
            continue;
        take_commands(engine);
    }
}

static void *run(void *argument)
{
    struct engine *engine = argument;
    raise_priority(engine);
    uint64_t round = monotonic_ns();
    unsigned phase = 0;
    while (!atomic_load(&engine->stopping)) {
        if (engine->streams == 0 && engine->devices == NULL) {
            wait_for_work(engine);
            round = monotonic_ns();
            phase = 0;
        }
        uint64_t deadline = round + phase * (uint64_t)PHASE_NS;
        sleep_until(deadline);
        uint64_t now = monotonic_ns();
        if (now > deadline + STALL_NS) {
            uint64_t skipped = skip_rounds(engine, now - deadline);
            round += skipped;
            deadline += skipped;
        }
        if (phase % SLOT_PHASES == 0)
            serve_slot(engine, phase == 0, now);
        struct phase *due = &engine->wheel[phase];
        for (uint32_t i = 0; i < due->count; i++)
            stream_tick(engine, due->streams[i], deadline);
        do {
            if (++phase == PHASES) {
                phase = 0;
                round += ROUND_NS;
            }
        } while (phase % SLOT_PHASES != 0 && engine->wheel[phase].count == 0);
    }
    take_commands(engine);
    for (int i = 0; i < PHASES; i++)
        while (engine->wheel[i].count > 0)
            close_stream(engine, engine->wheel[i].streams[0]);
    while (engine->devices != NULL)
        close_device(engine, engine->devices);
    counter_set(&engine->cpu_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID));
    return NULL;
}

static void close_fds(struct engine *engine)
{
    int *fds[] = {&engine->wake_fd, &engine->event_fd, &engine->epoll_fd};
    for (int i = 0; i < 3; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

int engine_start(struct engine *engine)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t ntp = ((uint64_t)wall.tv_sec + NTP_EPOCH) * 1000000000u + (uint64_t)wall.tv_nsec;
    engine->ntp_offset = ntp - monotonic_ns(); /* nanoseconds since 1900 fit 64 bits until 2484 */
    engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int error = engine->wake_fd < 0 || engine->event_fd < 0 || engine->epoll_fd < 0 ? errno : 0;
    atomic_store(&engine->stopping, false);
    if (error == 0) {
        if (engine->first_command != NULL)
            signal_fd(engine->wake_fd);
        error = pthread_create(&engine->thread, NULL, run, engine);
    }
    if (error != 0) {
        close_fds(engine);
        return error;
    }
    while (sem_wait(&engine->ready) < 0 && errno == EINTR)
        continue;
    engine->running = true;
    engine->owner = getpid();
    return 0;
}

void engine_stop(struct engine *engine)
{
    if (!engine->running)
        return;
    engine->running = false;
    atomic_store(&engine->stopping, true);
    signal_fd(engine->wake_fd);
    pthread_join(engine->thread, NULL);
    close_fds(engine);
}
