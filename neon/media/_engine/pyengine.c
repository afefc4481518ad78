/* Engine and Device as Python sees them. */
#include "pyobjects.h"

#include <errno.h>
#include <fcntl.h>
#include <structmember.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"

/* -- Device ----------------------------------------------------------------------------------------------------- */

static PyObject *device_py_statistics(DeviceObject *self, PyObject *unused)
{
    (void)unused;
    return Py_BuildValue("(KKK)", counter_get(&self->device->frames_captured),
                         counter_get(&self->device->frames_played), counter_get(&self->device->frames_dropped));
}

static PyObject *device_py_measure(DeviceObject *self, PyObject *on)
{
    int truth = PyObject_IsTrue(on);
    if (truth < 0)
        return NULL;
    atomic_store(&self->device->measured, truth != 0);
    Py_RETURN_NONE;
}

static PyObject *device_py_levels(DeviceObject *self, PyObject *unused)
{
    (void)unused;
    const struct level *in = &self->device->capture_level, *out = &self->device->playback_level;
    return Py_BuildValue("(KKKK)", counter_get(&in->energy), counter_get(&in->samples), counter_get(&out->energy),
                         counter_get(&out->samples));
}

static PyObject *device_py_close(DeviceObject *self, PyObject *unused)
{
    (void)unused;
    if (self->closed)
        Py_RETURN_NONE;
    self->closed = true;
    return post_command(self->owner, (struct command){.kind = COMMAND_CLOSE_DEVICE, .device = self->device});
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
    {"measure", (PyCFunction)device_py_measure, METH_O, "Begin, or cease, to sum up how loud it is."},
    {"levels", (PyCFunction)device_py_levels, METH_NOARGS, "Energy and samples, captured and played."},
    {"tones", (PyCFunction)device_py_tones, METH_VARARGS, "Play (layer, ((hertz, hertz, ms), ...), dBm0, repeat)."},
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
    static const char *const names[] = {"no_rtp_seconds", "delay_least", "delay_most", NULL};
    double seconds = 30.0;
    int least = 20, most = 200; /* milliseconds */
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|dii:Engine", (char **)(uintptr_t)names, &seconds, &least, &most))
        return NULL;
    if (least < DELAY_LEAST / 8 || most < least || most > DELAY_MOST / 8) {
        PyErr_SetString(PyExc_ValueError, "the delay of a jitter buffer is within 20 to 200 ms");
        return NULL;
    }
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
    self->engine->delay_least = least * 8;
    self->engine->delay_most = most * 8;
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
    int first, last, parked;
    struct address address;
    if (!PyArg_ParseTuple(args, "siip:open_stream", &host, &first, &last, &parked))
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
    jitter_init(&stream->stream->jitter, self->engine->delay_least, self->engine->delay_most);
    stream->port = stream->stream->port;
    stream->parked = parked;
    if (parked)
        return (PyObject *)stream;
    PyObject *done = post_command(self, (struct command){.kind = COMMAND_ADD_STREAM, .stream = stream->stream});
    if (done == NULL) {
        Py_DECREF(stream);
        return NULL;
    }
    Py_DECREF(done);
    return (PyObject *)stream;
}

static PyObject *engine_py_open_device(EngineObject *self, PyObject *args)
{
    int fd, rate;
    if (!PyArg_ParseTuple(args, "ii:open_device", &fd, &rate))
        return NULL;
    if (rate != 8000 && rate != 16000)
        return PyErr_Format(PyExc_ValueError, "a device runs at 8000 or 16000 Hz, not at %d", rate);
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
    device->device = device_new(device->id, copy, rate == 16000);
    if (device->device == NULL) {
        close(copy);
        Py_DECREF(device);
        return PyErr_NoMemory();
    }
    PyObject *done = post_command(self, (struct command){.kind = COMMAND_ADD_DEVICE, .device = device->device});
    if (done == NULL) {
        Py_DECREF(device);
        return NULL;
    }
    Py_DECREF(done);
    return (PyObject *)device;
}

static PyObject *engine_py_open_conference(EngineObject *self, PyObject *unused)
{
    (void)unused;
    return conference_open(self);
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
    {"open_stream", (PyCFunction)engine_py_open_stream, METH_VARARGS, "A Stream on (host, first port, last + 1, parked)."},
    {"open_device", (PyCFunction)engine_py_open_device, METH_VARARGS, "A Device on a SOCK_SEQPACKET descriptor, at a rate."},
    {"open_conference", (PyCFunction)engine_py_open_conference, METH_NOARGS, "A Conference, for Stream.join."},
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
        add_type(module, stream_type_spec(), &state->stream_type) < 0 ||
        add_type(module, &device_spec, &state->device_type) < 0 ||
        add_type(module, conference_type_spec(), &state->conference_type) < 0 ||
        add_type(module, tap_type_spec(), &state->tap_type) < 0 ||
        add_type(module, clip_type_spec(), &state->clip_type) < 0 ||
        add_type(module, pipe_type_spec(), &state->pipe_type) < 0)
        return -1;
    return 0;
}
