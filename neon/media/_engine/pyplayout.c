/* Hooks for the tests and the bench: the jitter buffer and captured audio, without sockets or time. */
#include "pyobjects.h"

#include <fcntl.h>
#include <unistd.h>

#include "jitter.h"
#include "mix.h"
#include "packets.h"
#include "wideband.h"

/* -- JitterBuffer ----------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct jitter jitter;
} JitterObject;

static PyObject *jitter_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"alaw", "g722", "least", "most", "opus", NULL};
    static const struct opus_wishes anything = {.bitrate = 24000, .playback = 16000};
    int alaw = 0, g722 = 0, least = 0, most = 0, opus = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|ppiip:JitterBuffer", (char **)(uintptr_t)names, &alaw, &g722,
                                     &least, &most, &opus))
        return NULL;
    JitterObject *self = (JitterObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    jitter_init(&self->jitter, least, most);
    if (g722 && (self->jitter.g722 = g722_of_library()) == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    if (opus && (self->jitter.packets = packets_of(&anything)) == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    jitter_reset(&self->jitter, opus ? CODEC_OPUS : g722 ? CODEC_G722 : alaw ? CODEC_ALAW : CODEC_ULAW);
    return (PyObject *)self;
}

static void jitter_py_dealloc(JitterObject *self)
{
    g722_close(self->jitter.g722);
    packets_free(self->jitter.packets);
    free_object((PyObject *)self);
}

static PyObject *jitter_py_push(JitterObject *self, PyObject *args)
{
    static const char *const words[] = {"stored", "duplicate", "late", "refused"};
    unsigned int timestamp, waited = 0;
    Py_buffer codes;
    if (!PyArg_ParseTuple(args, "Iy*|I:push", &timestamp, &codes, &waited))
        return NULL;
    enum jitter_put put = jitter_put(&self->jitter, timestamp, codes.buf, (size_t)codes.len, waited);
    PyBuffer_Release(&codes);
    return PyUnicode_FromString(words[put]);
}

static PyObject *jitter_py_push_comfort(JitterObject *self, PyObject *args)
{
    unsigned int timestamp;
    Py_buffer payload;
    struct comfort_noise noise;
    if (!PyArg_ParseTuple(args, "Iy*:push_comfort", &timestamp, &payload))
        return NULL;
    bool valid = comfort_read(&noise, payload.buf, (size_t)payload.len);
    PyBuffer_Release(&payload);
    if (valid)
        jitter_put_comfort(&self->jitter, timestamp, &noise);
    return PyBool_FromLong(valid);
}

static PyObject *jitter_py_pop(JitterObject *self, PyObject *args)
{
    int count;
    if (!PyArg_ParseTuple(args, "i:pop", &count))
        return NULL;
    if (count < 0 || count > JITTER_PACKET_MAX)
        return PyErr_Format(PyExc_ValueError, "%d samples are not from 0 to %d", count, JITTER_PACKET_MAX);
    int16_t samples[2 * JITTER_PACKET_MAX];
    jitter_get(&self->jitter, samples, (size_t)count);
    return PyBytes_FromStringAndSize((const char *)samples, count * self->jitter.wide * (Py_ssize_t)sizeof(int16_t));
}

static PyObject *jitter_py_restart(JitterObject *self, PyObject *unused)
{
    (void)unused;
    jitter_reset(&self->jitter, self->jitter.codec);
    Py_RETURN_NONE;
}

static PyObject *jitter_py_counters(JitterObject *self, PyObject *unused)
{
    (void)unused;
    const struct jitter *jitter = &self->jitter;
    return Py_BuildValue("{sIsIsIsIsIsIsIsisisI}", "duplicates", jitter->duplicates, "late", jitter->late, "resets",
                         jitter->resets, "concealed", jitter->frames_concealed, "gaps", jitter->gaps, "shortened",
                         jitter->shortened, "lengthened", jitter->lengthened, "delay", (int)jitter_delay(jitter),
                         "target", (int)jitter->delay.target, "recovered",
                         jitter->packets == NULL ? 0 : packets_recovered(jitter->packets));
}

static PyMethodDef jitter_methods[] = {
    {"push", (PyCFunction)jitter_py_push, METH_VARARGS, "Store a packet (timestamp, codes, ticks it has waited)."},
    {"push_comfort", (PyCFunction)jitter_py_push_comfort, METH_VARARGS, "Comfort noise (timestamp, payload)."},
    {"pop", (PyCFunction)jitter_py_pop, METH_VARARGS, "Take so many samples, as 16-bit bytes."},
    {"restart", (PyCFunction)jitter_py_restart, METH_NOARGS, "Another source: forget what is in it."},
    {"counters", (PyCFunction)jitter_py_counters, METH_NOARGS, "What was counted, and the delay in samples."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot jitter_slots[] = {
    {Py_tp_new, jitter_py_new},
    {Py_tp_dealloc, jitter_py_dealloc},
    {Py_tp_methods, jitter_methods},
    {0, NULL},
};

static PyType_Spec jitter_spec = {
    .name = "neon.media._engine.JitterBuffer",
    .basicsize = sizeof(JitterObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = jitter_slots,
};

/* -- Captured --------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct device *device;
    struct reader reader;
} CapturedObject;

static PyObject *captured_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"wide", NULL};
    int wide = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|p:Captured", (char **)(uintptr_t)names, &wide))
        return NULL;
    CapturedObject *self = (CapturedObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->device = device_new(0, -1, wide);
    if (self->device == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    reader_begin(&self->reader, self->device);
    return (PyObject *)self;
}

static void captured_py_dealloc(CapturedObject *self)
{
    device_unref(self->device);
    free_object((PyObject *)self);
}

static PyObject *captured_py_push(CapturedObject *self, PyObject *argument)
{
    Py_buffer frame;
    if (PyObject_GetBuffer(argument, &frame, PyBUF_SIMPLE) < 0)
        return NULL;
    if (frame.len > DEVICE_RING)
        PyErr_SetString(PyExc_ValueError, "that is no frame");
    else
        device_store(self->device, frame.buf, (uint32_t)frame.len / 2);
    PyBuffer_Release(&frame);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *captured_py_pop(CapturedObject *self, PyObject *argument)
{
    int16_t samples[2 * DEVICE_FRAME];
    long count = PyLong_AsLong(argument);
    if (count == -1 && PyErr_Occurred())
        return NULL;
    if (count < 0 || count > (self->device->wide ? 2 : 1) * DEVICE_FRAME)
        return PyErr_Format(PyExc_ValueError, "%ld samples are more than a frame", count);
    reader_take(&self->reader, self->device, samples, (size_t)count);
    return PyBytes_FromStringAndSize((const char *)samples, count * (Py_ssize_t)sizeof *samples);
}

static PyObject *captured_py_waiting(CapturedObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong((int32_t)(self->device->captured - self->reader.cursor));
}

static PyMethodDef captured_methods[] = {
    {"push", (PyCFunction)captured_py_push, METH_O, "A captured frame."},
    {"pop", (PyCFunction)captured_py_pop, METH_O, "What a stream takes: so many samples, up to 20 ms."},
    {"waiting", (PyCFunction)captured_py_waiting, METH_NOARGS, "Samples that were captured and not yet taken."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot captured_slots[] = {
    {Py_tp_new, captured_py_new},
    {Py_tp_dealloc, captured_py_dealloc},
    {Py_tp_methods, captured_methods},
    {0, NULL},
};

static PyType_Spec captured_spec = {
    .name = "neon.media._engine.Captured",
    .basicsize = sizeof(CapturedObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = captured_slots,
};

/* -- Played ----------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct device *device;
    uint32_t cursor;
} PlayedObject;

static PyObject *played_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"fd", "wide", NULL};
    int fd, wide = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "i|p:Played", (char **)(uintptr_t)names, &fd, &wide))
        return NULL;
    PlayedObject *self = (PlayedObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        Py_DECREF(self);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    self->device = device_new(0, fd, wide);
    if (self->device == NULL) {
        close(fd);
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void played_py_dealloc(PlayedObject *self)
{
    device_unref(self->device);
    free_object((PyObject *)self);
}

static PyObject *played_py_play(PlayedObject *self, PyObject *argument)
{
    Py_buffer frame;
    int16_t samples[2 * DEVICE_FRAME];
    const size_t count = (self->device->wide ? 2 : 1) * DEVICE_FRAME;
    if (PyObject_GetBuffer(argument, &frame, PyBUF_SIMPLE) < 0)
        return NULL;
    bool fits = (size_t)frame.len == count * sizeof *samples;
    if (fits)
        memcpy(samples, frame.buf, count * sizeof *samples);
    PyBuffer_Release(&frame);
    if (!fits)
        return PyErr_Format(PyExc_ValueError, "a frame has %zu samples", count);
    device_add(self->device, &self->cursor, samples, count);
    return PyBool_FromLong(!device_play(self->device, NULL)); /* it has no tones */
}

static PyObject *played_py_hear(PlayedObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(!device_capture(self->device));
}

static PyMethodDef played_methods[] = {
    {"hear", (PyCFunction)played_py_hear, METH_NOARGS, "Read what the far end said; False if it is gone."},
    {"play", (PyCFunction)played_py_play, METH_O, "One frame, and a round; False if the far end is gone."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot played_slots[] = {
    {Py_tp_new, played_py_new},
    {Py_tp_dealloc, played_py_dealloc},
    {Py_tp_methods, played_methods},
    {0, NULL},
};

static PyType_Spec played_spec = {
    .name = "neon.media._engine.Played",
    .basicsize = sizeof(PlayedObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = played_slots,
};

int add_playout(PyObject *module)
{
    PyType_Spec *specs[] = {&jitter_spec, &captured_spec, &played_spec};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL)
            return -1;
        int added = PyModule_AddType(module, (PyTypeObject *)type);
        Py_DECREF(type);
        if (added < 0)
            return -1;
    }
    return 0;
}
