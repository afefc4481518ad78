/* Engine, Stream and Device as Python sees them: they check arguments, hand commands over and read counters. */
#include "pymodule.h"

#include <errno.h>
#include <fcntl.h>
#include <structmember.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "engine.h"

typedef struct {
    PyObject_HEAD
    struct engine *engine;
    uint32_t last_id;
} EngineObject;

typedef struct {
    PyObject_HEAD
    EngineObject *owner;
    struct stream *stream;
    unsigned port;
    uint32_t id;
    bool closed;
} StreamObject;

typedef struct {
    PyObject_HEAD
    EngineObject *owner;
    struct device *device;
    uint32_t id;
    bool closed;
} DeviceObject;

/* Hands a copy of the command over, with references of its own to the stream and the device in it; what else it
 * holds is freed if there is no memory. */
static PyObject *post(EngineObject *owner, struct command command)
{
    struct command *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        if (command.source != NULL) {
            device_unref(command.source->device);
            free(command.source->samples);
            free(command.source);
        }
        return PyErr_NoMemory();
    }
    if (command.stream != NULL)
        stream_ref(command.stream);
    if (command.device != NULL)
        device_ref(command.device);
    *copy = command;
    engine_post(owner->engine, copy);
    Py_RETURN_NONE;
}

static void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* -- Stream ----------------------------------------------------------------------------------------------------- */

static int check_open(bool closed, const char *what)
{
    if (closed)
        PyErr_Format(PyExc_ValueError, "the %s is closed", what);
    return closed ? -1 : 0;
}

static PyObject *stream_py_start(StreamObject *self, PyObject *args)
{
    const char *host, *rtcp_host, *codec;
    int port, rtcp_port, payload_type, receive_payload_type, sends, receives, event, receive_event, ptime;
    if (!PyArg_ParseTuple(args, "sisisiippiii:start", &host, &port, &rtcp_host, &rtcp_port, &codec, &payload_type,
                          &receive_payload_type, &sends, &receives, &event, &receive_event, &ptime))
        return NULL;
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    struct command command = {.kind = COMMAND_START_STREAM, .stream = self->stream};
    struct agreement *agreement = &command.agreement;
    if (port < 0 || rtcp_port < 0 || !address_parse(&agreement->remote, host, (unsigned)port) ||
        !address_parse(&agreement->rtcp, rtcp_host, (unsigned)rtcp_port))
        return PyErr_Format(PyExc_ValueError, "%s port %d or %s port %d is not a numeric address", host, port,
                            rtcp_host, rtcp_port);
    if (ptime < 10 || ptime > 60 || ptime % 10 != 0)
        return PyErr_Format(PyExc_ValueError, "a packet time of %d ms is not 10, 20, 30, 40, 50 or 60", ptime);
    if ((payload_type | receive_payload_type) & ~127 || event < -1 || event > 127 || receive_event < -1 ||
        receive_event > 127) {
        PyErr_SetString(PyExc_ValueError, "a payload type is not from 0 to 127");
        return NULL;
    }
    if (strcmp(codec, "PCMU") != 0 && strcmp(codec, "PCMA") != 0)
        return PyErr_Format(PyExc_ValueError, "unknown codec %s", codec);
    agreement->codec = strcmp(codec, "PCMA") == 0 ? CODEC_ALAW : CODEC_ULAW;
    agreement->reachable = address_allowed(&agreement->remote);
    agreement->payload_type = (uint8_t)payload_type;
    agreement->receive_payload_type = (uint8_t)receive_payload_type;
    agreement->sends = sends;
    agreement->receives = receives;
    agreement->telephone_event = event;
    agreement->receive_telephone_event = receive_event;
    agreement->packet_samples = (uint32_t)ptime * 8;
    return post(self->owner, command);
}

static PyObject *stream_py_source(StreamObject *self, struct source source)
{
    if (check_open(self->closed, "stream") < 0)
        goto fail;
    struct source *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        PyErr_NoMemory();
        goto fail;
    }
    *copy = source;
    if (copy->device != NULL)
        device_ref(copy->device);
    return post(self->owner, (struct command){.kind = COMMAND_SOURCE, .stream = self->stream, .source = copy});
fail:
    free(source.samples);
    return NULL;
}

static PyObject *stream_py_source_silence(StreamObject *self, PyObject *unused)
{
    (void)unused;
    return stream_py_source(self, (struct source){.kind = SOURCE_SILENCE});
}

static PyObject *stream_py_source_echo(StreamObject *self, PyObject *unused)
{
    (void)unused;
    return stream_py_source(self, (struct source){.kind = SOURCE_ECHO});
}

static PyObject *stream_py_source_tone(StreamObject *self, PyObject *args)
{
    double hertz, dbm0;
    if (!PyArg_ParseTuple(args, "dd:source_tone", &hertz, &dbm0))
        return NULL;
    if (!(hertz > 0 && hertz < 4000) || !(dbm0 <= 3.14)) {
        PyErr_SetString(PyExc_ValueError, "a tone lies between 0 and 4000 Hz, and not above 3.14 dBm0");
        return NULL;
    }
    return stream_py_source(self, (struct source){.kind = SOURCE_TONE,
                                                  .step = (uint32_t)(hertz / 8000 * 4294967296.0),
                                                  .amplitude = sine_amplitude(dbm0)});
}

static PyObject *stream_py_source_samples(StreamObject *self, PyObject *args)
{
    Py_buffer view;
    int loop;
    if (!PyArg_ParseTuple(args, "y*p:source_samples", &view, &loop))
        return NULL;
    struct source source = {.kind = SOURCE_SAMPLES, .count = (size_t)view.len / 2, .loop = loop};
    PyObject *result = NULL;
    if (view.len % 2 != 0) {
        PyErr_SetString(PyExc_ValueError, "16-bit samples take an even number of bytes");
    } else if ((source.samples = malloc((size_t)view.len + 1)) == NULL) {
        PyErr_NoMemory();
    } else {
        memcpy(source.samples, view.buf, (size_t)view.len);
        result = stream_py_source(self, source);
    }
    PyBuffer_Release(&view);
    return result;
}

static DeviceObject *device_of(EngineObject *owner, PyObject *argument)
{
    struct module_state *state = PyType_GetModuleState(Py_TYPE(owner));
    DeviceObject *device = (DeviceObject *)argument;
    if (state == NULL || !Py_IS_TYPE(argument, state->device_type)) {
        PyErr_SetString(PyExc_TypeError, "a Device is wanted");
        return NULL;
    }
    if (device->owner != owner) {
        PyErr_SetString(PyExc_ValueError, "the device belongs to another engine");
        return NULL;
    }
    return device;
}

static PyObject *stream_py_source_device(StreamObject *self, PyObject *argument)
{
    DeviceObject *device = device_of(self->owner, argument);
    if (device == NULL)
        return NULL;
    return stream_py_source(self, (struct source){.kind = SOURCE_DEVICE, .device = device->device});
}

static PyObject *stream_py_sink(StreamObject *self, PyObject *argument)
{
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    struct command command = {.kind = COMMAND_SINK, .stream = self->stream};
    if (argument != Py_None) {
        DeviceObject *device = device_of(self->owner, argument);
        if (device == NULL)
            return NULL;
        command.device = device->device;
    }
    return post(self->owner, command);
}

static PyObject *stream_py_send_digit(StreamObject *self, PyObject *args)
{
    int digit, duration;
    if (!PyArg_ParseTuple(args, "Ci:send_digit", &digit, &duration))
        return NULL;
    int event = digit < 128 ? dtmf_event((char)digit) : -1;
    if (event < 0 || duration <= 0 || duration > 6000) {
        PyErr_SetString(PyExc_ValueError, "a digit is one of 0-9 * # A-D and lasts up to 6000 ms");
        return NULL;
    }
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    return post(self->owner, (struct command){.kind = COMMAND_DIGIT,
                                              .stream = self->stream,
                                              .digit = (uint8_t)event,
                                              .duration = (uint32_t)duration * 8});
}

static PyObject *optional(bool known, double value)
{
    return known ? PyFloat_FromDouble(value) : Py_NewRef(Py_None);
}

static PyObject *stream_py_statistics(StreamObject *self, PyObject *unused)
{
    (void)unused;
    const struct stream_counters *counters = &self->stream->counters;
    bool remote = atomic_load(&counters->remote_known);
    return Py_BuildValue(
        "(KKKKKKKdNNN)", counter_get(&counters->packets_sent), counter_get(&counters->octets_sent),
        counter_get(&counters->packets_received), counter_get(&counters->octets_received),
        counter_get(&counters->packets_lost), counter_get(&counters->packets_discarded),
        counter_get(&counters->frames_concealed), (double)counter_get(&counters->jitter) / 8.0,
        optional(atomic_load(&counters->round_trip_known), (double)counter_get(&counters->round_trip_us) / 1000.0),
        remote ? PyLong_FromUnsignedLongLong(counter_get(&counters->remote_lost)) : Py_NewRef(Py_None),
        optional(remote, (double)counter_get(&counters->remote_jitter) / 8.0));
}

static PyObject *stream_py_close(StreamObject *self, PyObject *unused)
{
    (void)unused;
    if (self->closed)
        Py_RETURN_NONE;
    self->closed = true;
    return post(self->owner, (struct command){.kind = COMMAND_CLOSE_STREAM, .stream = self->stream});
}

static void stream_py_dealloc(StreamObject *self)
{
    if (self->stream != NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_XDECREF(stream_py_close(self, NULL));
        PyErr_Restore(type, value, traceback);
        stream_unref(self->stream);
    }
    Py_XDECREF(self->owner);
    free_object((PyObject *)self);
}

static PyMemberDef stream_members[] = {
    {"local_port", T_UINT, offsetof(StreamObject, port), READONLY, "The RTP port; RTCP is on the next."},
    {"id", T_UINT, offsetof(StreamObject, id), READONLY, "What events call the stream."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef stream_methods[] = {
    {"start", (PyCFunction)stream_py_start, METH_VARARGS, "Send and receive as agreed."},
    {"source_silence", (PyCFunction)stream_py_source_silence, METH_NOARGS, "Send silence."},
    {"source_echo", (PyCFunction)stream_py_source_echo, METH_NOARGS, "Send what is received."},
    {"source_tone", (PyCFunction)stream_py_source_tone, METH_VARARGS, "Send a tone (hertz, dBm0)."},
    {"source_samples", (PyCFunction)stream_py_source_samples, METH_VARARGS, "Send 16-bit samples, once or in a loop."},
    {"source_device", (PyCFunction)stream_py_source_device, METH_O, "Send what a device captures."},
    {"sink", (PyCFunction)stream_py_sink, METH_O, "Play what is received on a device, or nowhere (None)."},
    {"send_digit", (PyCFunction)stream_py_send_digit, METH_VARARGS, "Queue a digit (character, milliseconds)."},
    {"statistics", (PyCFunction)stream_py_statistics, METH_NOARGS, "The counters, in MediaStatistics' order."},
    {"close", (PyCFunction)stream_py_close, METH_NOARGS, "End the stream; may be called twice."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, stream_py_dealloc},
    {Py_tp_members, stream_members},
    {Py_tp_methods, stream_methods},
    {0, NULL},
};

static PyType_Spec stream_spec = {
    .name = "neon.media._engine.Stream",
    .basicsize = sizeof(StreamObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stream_slots,
};

/* -- Device ----------------------------------------------------------------------------------------------------- */

static PyObject *device_py_statistics(DeviceObject *self, PyObject *unused)
{
    (void)unused;
    return Py_BuildValue("(KKK)", counter_get(&self->device->frames_captured),
                         counter_get(&self->device->frames_played), counter_get(&self->device->frames_dropped));
}

static PyObject *device_py_close(DeviceObject *self, PyObject *unused)
{
    (void)unused;
    if (self->closed)
        Py_RETURN_NONE;
    self->closed = true;
    return post(self->owner, (struct command){.kind = COMMAND_CLOSE_DEVICE, .device = self->device});
}

static void device_py_dealloc(DeviceObject *self)
{
    if (self->device != NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_XDECREF(device_py_close(self, NULL));
        PyErr_Restore(type, value, traceback);
        device_unref(self->device);
    }
    Py_XDECREF(self->owner);
    free_object((PyObject *)self);
}

static PyMemberDef device_members[] = {
    {"id", T_UINT, offsetof(DeviceObject, id), READONLY, "What events call the device."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef device_methods[] = {
    {"statistics", (PyCFunction)device_py_statistics, METH_NOARGS, "Frames captured, played and dropped."},
    {"close", (PyCFunction)device_py_close, METH_NOARGS, "Let the device go; may be called twice."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot device_slots[] = {
    {Py_tp_dealloc, device_py_dealloc},
    {Py_tp_members, device_members},
    {Py_tp_methods, device_methods},
    {0, NULL},
};

static PyType_Spec device_spec = {
    .name = "neon.media._engine.Device",
    .basicsize = sizeof(DeviceObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = device_slots,
};

/* -- Engine ----------------------------------------------------------------------------------------------------- */

static PyObject *engine_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"no_rtp_seconds", NULL};
    double seconds = 30.0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|d:Engine", names, &seconds))
        return NULL;
    if (!(seconds >= 0 && seconds <= 86400)) {
        PyErr_SetString(PyExc_ValueError, "no_rtp_seconds is from 0 (never) to 86400");
        return NULL;
    }
    EngineObject *self = (EngineObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->engine = calloc(1, sizeof *self->engine);
    if (self->engine == NULL || !engine_init(self->engine, seconds)) {
        free(self->engine);
        self->engine = NULL;
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

/* A forked child has no such thread, and must leave alone what the parent's thread was doing. */
static bool in_foreign_process(const EngineObject *self)
{
    return self->engine->running && self->engine->owner != getpid();
}

static PyObject *engine_py_start(EngineObject *self, PyObject *unused)
{
    (void)unused;
    if (self->engine->running) {
        PyErr_SetString(PyExc_RuntimeError, "the engine is running already");
        return NULL;
    }
    errno = engine_start(self->engine);
    if (errno != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *engine_py_stop(EngineObject *self, PyObject *unused)
{
    (void)unused;
    if (!in_foreign_process(self)) {
        Py_BEGIN_ALLOW_THREADS
        engine_stop(self->engine);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static void engine_py_dealloc(EngineObject *self)
{
    if (self->engine != NULL && !in_foreign_process(self)) {
        Py_BEGIN_ALLOW_THREADS
        engine_stop(self->engine);
        Py_END_ALLOW_THREADS
        engine_free(self->engine);
        free(self->engine);
    }
    free_object((PyObject *)self);
}

static PyObject *engine_py_fileno(EngineObject *self, PyObject *unused)
{
    (void)unused;
    if (!self->engine->running) {
        PyErr_SetString(PyExc_ValueError, "the engine is not running");
        return NULL;
    }
    return PyLong_FromLong(self->engine->event_fd);
}

static PyObject *engine_py_take_events(EngineObject *self, PyObject *unused)
{
    (void)unused;
    uint64_t count;
    PyObject *events = PyList_New(0);
    if (events == NULL)
        return NULL;
    /* First the eventfd, then the ring: an event that comes in between makes the eventfd readable again. */
    if (self->engine->running && read(self->engine->event_fd, &count, sizeof count) < 0)
        count = 0;
    struct event event;
    while (engine_next_event(self->engine, &event)) {
        PyObject *item = Py_BuildValue("(iII)", (int)event.kind, event.id, event.value);
        if (item == NULL || PyList_Append(events, item) < 0) {
            Py_XDECREF(item);
            Py_DECREF(events);
            return NULL;
        }
        Py_DECREF(item);
    }
    return events;
}

static PyObject *engine_py_open_stream(EngineObject *self, PyObject *args)
{
    const char *host;
    int first, last;
    struct address address;
    if (!PyArg_ParseTuple(args, "sii:open_stream", &host, &first, &last))
        return NULL;
    if (!address_parse(&address, host, 0))
        return PyErr_Format(PyExc_ValueError, "%s is not a numeric host", host);
    if (first < 1024 || last > 65536 || first >= last)
        return PyErr_Format(PyExc_ValueError, "ports %d to %d are not within 1024 to 65535", first, last - 1);
    struct module_state *state = PyType_GetModuleState(Py_TYPE(self));
    StreamObject *stream = state ? (StreamObject *)state->stream_type->tp_alloc(state->stream_type, 0) : NULL;
    if (stream == NULL)
        return NULL;
    stream->owner = (EngineObject *)Py_NewRef(self);
    stream->id = ++self->last_id;
    stream->stream = stream_open(stream->id, &address, (unsigned)first, (unsigned)last);
    if (stream->stream == NULL) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(stream);
        return NULL;
    }
    stream->port = stream->stream->port;
    PyObject *done = post(self, (struct command){.kind = COMMAND_ADD_STREAM, .stream = stream->stream});
    if (done == NULL) {
        Py_DECREF(stream);
        return NULL;
    }
    Py_DECREF(done);
    return (PyObject *)stream;
}

static PyObject *engine_py_open_device(EngineObject *self, PyObject *args)
{
    int fd;
    if (!PyArg_ParseTuple(args, "i:open_device", &fd))
        return NULL;
    int kind;
    socklen_t size = sizeof kind;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    if (kind != SOCK_SEQPACKET) {
        PyErr_SetString(PyExc_ValueError, "a device is a SOCK_SEQPACKET socket");
        return NULL;
    }
    struct module_state *state = PyType_GetModuleState(Py_TYPE(self));
    DeviceObject *device = state ? (DeviceObject *)state->device_type->tp_alloc(state->device_type, 0) : NULL;
    if (device == NULL)
        return NULL;
    device->owner = (EngineObject *)Py_NewRef(self);
    device->id = ++self->last_id;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(device);
        return NULL;
    }
    device->device = device_new(device->id, copy);
    if (device->device == NULL) {
        close(copy);
        Py_DECREF(device);
        return PyErr_NoMemory();
    }
    PyObject *done = post(self, (struct command){.kind = COMMAND_ADD_DEVICE, .device = device->device});
    if (done == NULL) {
        Py_DECREF(device);
        return NULL;
    }
    Py_DECREF(done);
    return (PyObject *)device;
}

static PyObject *engine_py_thread_cpu_seconds(EngineObject *self, PyObject *unused)
{
    (void)unused;
    clockid_t clock;
    struct timespec time;
    if (self->engine->running && !in_foreign_process(self) && pthread_getcpuclockid(self->engine->thread, &clock) == 0 &&
        clock_gettime(clock, &time) == 0)
        return PyFloat_FromDouble((double)time.tv_sec + (double)time.tv_nsec * 1e-9);
    return PyFloat_FromDouble((double)counter_get(&self->engine->cpu_ns) * 1e-9);
}

static PyObject *engine_py_timing(EngineObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *counts = PyList_New(TIMING_BUCKETS);
    for (Py_ssize_t i = 0; counts != NULL && i < TIMING_BUCKETS; i++) {
        PyObject *count = PyLong_FromUnsignedLongLong(counter_get(&self->engine->timing[i]));
        if (count == NULL)
            Py_CLEAR(counts);
        else
            PyList_SET_ITEM(counts, i, count);
    }
    return counts;
}

static PyObject *engine_py_counters(EngineObject *self, PyObject *unused)
{
    static const char *const priorities[] = {"plain", "nice", "fifo"};
    (void)unused;
    return Py_BuildValue("(sKK)", priorities[atomic_load(&self->engine->priority)],
                         counter_get(&self->engine->rounds_skipped), counter_get(&self->engine->events_lost));
}

static PyMethodDef engine_methods[] = {
    {"start", (PyCFunction)engine_py_start, METH_NOARGS, "Start the thread."},
    {"stop", (PyCFunction)engine_py_stop, METH_NOARGS, "Say BYE everywhere, close all, join the thread."},
    {"fileno", (PyCFunction)engine_py_fileno, METH_NOARGS, "An eventfd, readable while events wait."},
    {"take_events", (PyCFunction)engine_py_take_events, METH_NOARGS, "The events so far: (kind, id, value)."},
    {"open_stream", (PyCFunction)engine_py_open_stream, METH_VARARGS, "A Stream on (host, first port, last + 1)."},
    {"open_device", (PyCFunction)engine_py_open_device, METH_VARARGS, "A Device on a SOCK_SEQPACKET descriptor."},
    {"thread_cpu_seconds", (PyCFunction)engine_py_thread_cpu_seconds, METH_NOARGS, "CPU time of the thread."},
    {"timing", (PyCFunction)engine_py_timing, METH_NOARGS, "Packets by lateness, a count for every 10 us."},
    {"counters", (PyCFunction)engine_py_counters, METH_NOARGS, "Priority, rounds skipped, events lost."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot engine_slots[] = {
    {Py_tp_new, engine_py_new},
    {Py_tp_dealloc, engine_py_dealloc},
    {Py_tp_methods, engine_methods},
    {0, NULL},
};

static PyType_Spec engine_spec = {
    .name = "neon.media._engine.Engine",
    .basicsize = sizeof(EngineObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = engine_slots,
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **slot)
{
    *slot = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *slot == NULL ? -1 : PyModule_AddType(module, *slot);
}

int add_engine_types(PyObject *module, struct module_state *state)
{
    if (add_type(module, &engine_spec, &state->engine_type) < 0 ||
        add_type(module, &stream_spec, &state->stream_type) < 0 ||
        add_type(module, &device_spec, &state->device_type) < 0)
        return -1;
    return 0;
}
