/* The engine: one native thread that serves every stream and device by absolute deadlines.
 *
 * Time is cut into 10 ms slots, a slot into twenty phases of half a millisecond; a 20 ms round is two slots. A stream
 * is served at one phase of the round (at two if its packets are not a multiple of 20 ms), so that a thousand streams
 * do not all want to send at the same moment, yet the thread wakes as seldom as it can.
 *
 * Who owns what: the thread owns streams, devices and the wheel. Python hands over through one list of commands
 * (`commands_lock`) and picks up through one ring of events and an eventfd; counters are atomics. Streams and devices
 * are counted references, held by Python's objects and by the thread. No Python object is touched by the thread. */
#ifndef NEON_ENGINE_H
#define NEON_ENGINE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conference.h"
#include "mix.h"
#include "source.h"
#include "stream.h"
#include "stun.h"

enum {
    PHASES = 40,          /* of a 20 ms round */
    SLOT_PHASES = 20,     /* of a 10 ms slot */
    PHASE_NS = 500000,
    ROUND_NS = PHASES * PHASE_NS,
    PHASE_FILL = 64,      /* streams that share a phase before another is opened: a wake-up costs more than a packet */
    EVENTS = 1024,        /* a power of two */
    TIMING_BUCKETS = 2048,
    TIMING_BUCKET_NS = 10000,
};

enum event_kind {
    EVENT_FIRST_PACKET,
    EVENT_NO_RTP,
    EVENT_DIGIT,
    EVENT_DEVICE_GONE,
    EVENT_SOURCE_LEARNT,
    EVENT_PLAYED,
    EVENT_SPEECH,
    EVENT_STUN,
};

struct event {
    enum event_kind kind;
    uint32_t id; /* of the stream or device */
    uint32_t value;
};

enum command_kind {
    COMMAND_ADD_STREAM,
    COMMAND_START_STREAM,
    COMMAND_SOURCE,
    COMMAND_SINK,
    COMMAND_DIGIT,
    COMMAND_BEEP,
    COMMAND_TAP,
    COMMAND_JOIN,
    COMMAND_VOLUME,
    COMMAND_SCRIPT,
    COMMAND_REROUTE,
    COMMAND_ASK,
    COMMAND_ASK_NO_MORE,
    COMMAND_CLOSE_STREAM,
    COMMAND_TONES,
    COMMAND_ADD_DEVICE,
    COMMAND_CLOSE_DEVICE,
};

struct command {
    enum command_kind kind;
    struct stream *stream; /* counted references, or NULL */
    struct device *device;
    struct source *source;  /* owned */
    struct secure *secure;  /* owned */
    struct packets *packets; /* owned */
    struct g722 *g722;       /* owned */
    struct tap *tap;        /* a counted reference, or NULL */
    struct member *member;  /* owned, or NULL */
    float volume;
    struct cadence *cadence; /* owned, or NULL */
    struct order order;     /* of COMMAND_SCRIPT, with counted references */
    struct agreement agreement;
    uint8_t digit;
    struct stun_question question;
    uint32_t duration; /* or the layer of COMMAND_TONES, the socket of COMMAND_ASK */
    struct command *next;
};

struct phase {
    struct stream **streams;
    uint32_t count, room;
};

enum priority { PRIORITY_PLAIN, PRIORITY_NICE, PRIORITY_FIFO };

struct engine {
    pthread_t thread;
    bool running;
    pid_t owner;              /* the process that started the thread: a forked child has none */
    sem_t ready;              /* posted once the thread runs */
    atomic_bool stopping;
    _Atomic uint64_t cpu_ns;  /* of the thread, kept when it ends */
    atomic_int priority;
    int wake_fd, event_fd, epoll_fd;
    uint64_t no_rtp_ns;
    int32_t delay_least, delay_most; /* of jitter buffers, in ticks of 8 kHz */
    uint64_t ntp_offset;      /* NTP time of the wall clock less the monotonic clock, at the start */
    int64_t wall_offset_ns;   /* wall clock less monotonic clock, refreshed every slot, for arrival times */
    float sine[SINE_TABLE + 1];

    pthread_mutex_t commands_lock; /* protects first_command and last_command */
    struct command *first_command, **last_command;

    struct event events[EVENTS]; /* one writer, the thread; one reader, whoever holds the GIL */
    atomic_uint events_written, events_read;
    _Atomic uint64_t events_lost;

    struct phase wheel[PHASES];
    uint32_t streams;
    struct device *devices;
    struct receive_batch *batch;

    _Atomic uint64_t timing[TIMING_BUCKETS]; /* packets sent by how long after their deadline, the last: more */
    _Atomic uint64_t rounds_skipped;
};

bool engine_init(struct engine *engine, double no_rtp_seconds); /* false without memory */
void engine_free(struct engine *engine);                        /* the thread must not be running */

/* Both return 0 or an errno. engine_stop waits for the thread: release the GIL around it. */
int engine_start(struct engine *engine);
void engine_stop(struct engine *engine);

/* Hands a command over; takes ownership of it and of what it holds. */
void engine_post(struct engine *engine, struct command *command);
void command_free(struct command *command);

/* For the thread. */
bool wheel_add(struct engine *engine, struct stream *stream);    /* serves it from now on; false without memory */
bool wheel_remove(struct engine *engine, struct stream *stream); /* false if it was not served */
void engine_emit(struct engine *engine, enum event_kind kind, uint32_t id, uint32_t value);
void engine_note_sent(struct engine *engine, uint64_t deadline);
uint64_t monotonic_ns(void);
uint64_t engine_ntp(const struct engine *engine, uint64_t now); /* the NTP timestamp of a monotonic time */

/* For the reader of events: false when there is none. */
bool engine_next_event(struct engine *engine, struct event *event);

#endif
