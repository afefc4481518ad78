/* What an application does with a call's audio, as Python sees it: Clip, Pipe, the stream's methods for them, and the
 * resampling of files. */
#include "pyobjects.h"

#include "counters.h"
#include "resample.h"

enum { PIPE_LARGEST = 1 << 22 }; /* samples */

static int wide_of(int rate)
{
    if (rate != 8000 && rate != 16000)
        PyErr_Format(PyExc_ValueError, "the rate is 8000 or 16000 Hz, not %d", rate);
    return rate == 8000 ? 0 : rate == 16000 ? 1 : -1;
}

static bool whole_samples(const Py_buffer *view)
{
    if (view->len % 2 != 0)
        PyErr_SetString(PyExc_ValueError, "16-bit samples take an even number of bytes");
    return view->len % 2 == 0;
}

/* -- Clip -------------------------------------------------------------------------------------------------------- */

static PyObject *clip_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"samples", "rate", NULL};
    Py_buffer view;
    int rate;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "y*i:Clip", (char **)(uintptr_t)names, &view, &rate))
        return NULL;
    ClipObject *self = NULL;
    int wide = wide_of(rate);
    if (wide >= 0 && whole_samples(&view) && (self = (ClipObject *)type->tp_alloc(type, 0)) != NULL) {
        self->clip = clip_new(view.buf, (size_t)view.len / 2, wide);
        if (self->clip == NULL) {
            Py_CLEAR(self);
            PyErr_NoMemory();
        }
    }
    PyBuffer_Release(&view);
    return (PyObject *)self;
}

static void clip_py_dealloc(ClipObject *self)
{
    clip_unref(self->clip);
    free_object((PyObject *)self);
}

static PyType_Slot clip_slots[] = {
    {Py_tp_new, clip_py_new},
    {Py_tp_dealloc, clip_py_dealloc},
    {0, NULL},
};

static PyType_Spec clip_spec = {
    .name = "neon.media._engine.Clip",
    .basicsize = sizeof(ClipObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = clip_slots,
};

PyType_Spec *clip_type_spec(void)
{
    return &clip_spec;
}

/* -- Pipe -------------------------------------------------------------------------------------------------------- */

static PyObject *pipe_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"room", "rate", NULL};
    int room, rate;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "ii:Pipe", (char **)(uintptr_t)names, &room, &rate))
        return NULL;
    int wide = wide_of(rate);
    if (wide < 0)
        return NULL;
    if (room <= 0 || room > PIPE_LARGEST)
        return PyErr_Format(PyExc_ValueError, "a pipe has room for 1 to %d samples", PIPE_LARGEST);
    PipeObject *self = (PipeObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->pipe = pipe_new((uint32_t)room, wide);
    if (self->pipe == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void pipe_py_dealloc(PipeObject *self)
{
    pipe_unref(self->pipe);
    free_object((PyObject *)self);
}

static PyObject *pipe_py_write(PipeObject *self, PyObject *argument)
{
    Py_buffer view;
    uint32_t fitted = 0;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    bool whole = whole_samples(&view);
    const char *at = view.buf;
    /* By way of an aligned piece: a view may begin anywhere. */
    for (Py_ssize_t left = view.len / 2; whole && left > 0;) {
        int16_t piece[1024];
        Py_ssize_t count = left < 1024 ? left : 1024;
        memcpy(piece, at, (size_t)count * sizeof *piece);
        fitted += pipe_write(self->pipe, piece, (uint32_t)count);
        at += (size_t)count * sizeof *piece;
        left -= count;
    }
    PyBuffer_Release(&view);
    return whole ? PyLong_FromUnsignedLong(fitted) : NULL;
}

static PyObject *pipe_py_read(PipeObject *self, PyObject *argument)
{
    long most = PyLong_AsLong(argument);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    uint32_t count = pipe_waiting(self->pipe);
    if (most >= 0 && (unsigned long)most < count)
        count = (uint32_t)most;
    PyObject *samples = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count * 2);
    if (samples != NULL && pipe_read(self->pipe, (int16_t *)(void *)PyBytes_AS_STRING(samples), count) != count) {
        Py_CLEAR(samples); /* two readers, which there may not be */
        PyErr_SetString(PyExc_RuntimeError, "somebody else reads this pipe");
    }
    return samples;
}

static PyObject *pipe_py_forget(PipeObject *self, PyObject *unused)
{
    (void)unused;
    pipe_forget(self->pipe);
    Py_RETURN_NONE;
}

static PyObject *pipe_py_waiting(PipeObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(pipe_waiting(self->pipe));
}

static PyObject *pipe_py_lost(PipeObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(counter_get(&self->pipe->lost));
}

static PyMethodDef pipe_methods[] = {
    {"write", (PyCFunction)pipe_py_write, METH_O, "Put 16-bit samples in; how many fitted."},
    {"read", (PyCFunction)pipe_py_read, METH_O, "Take up to so many samples out."},
    {"forget", (PyCFunction)pipe_py_forget, METH_NOARGS, "For the writer: what waits is not wanted any more."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef pipe_members[] = {
    {"waiting", (getter)pipe_py_waiting, NULL, "Samples that wait to be read.", NULL},
    {"lost", (getter)pipe_py_lost, NULL, "Samples that found no room.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot pipe_slots[] = {
    {Py_tp_new, pipe_py_new},
    {Py_tp_dealloc, pipe_py_dealloc},
    {Py_tp_getset, pipe_members},
    {Py_tp_methods, pipe_methods},
    {0, NULL},
};

static PyType_Spec pipe_spec = {
    .name = "neon.media._engine.Pipe",
    .basicsize = sizeof(PipeObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = pipe_slots,
};

PyType_Spec *pipe_type_spec(void)
{
    return &pipe_spec;
}

/* -- Stream ------------------------------------------------------------------------------------------------------ */

static PyObject *give(StreamObject *self, struct order order)
{
    if (self->closed) {
        PyErr_SetString(PyExc_ValueError, "the stream is closed");
        return NULL;
    }
    return post_command(self->owner,
                        (struct command){.kind = COMMAND_SCRIPT, .stream = self->stream, .order = order});
}

static bool wants(PyObject *argument, PyTypeObject *type, const char *what)
{
    if (argument == Py_None || (type != NULL && Py_IS_TYPE(argument, type)))
        return true;
    PyErr_Format(PyExc_TypeError, "a %s is wanted, or None", what);
    return false;
}

static struct module_state *state_of(StreamObject *self)
{
    return PyType_GetModuleState(Py_TYPE(self->owner));
}

static struct clip *clip_of(PyObject *argument)
{
    return argument == Py_None ? NULL : ((ClipObject *)argument)->clip;
}

static struct pipe *pipe_of(PyObject *argument)
{
    return argument == Py_None ? NULL : ((PipeObject *)argument)->pipe;
}

PyObject *stream_py_play(StreamObject *self, PyObject *args)
{
    PyObject *clip;
    int loop, mix;
    unsigned number;
    struct module_state *state = state_of(self);
    if (!PyArg_ParseTuple(args, "OppI:play", &clip, &loop, &mix, &number))
        return NULL;
    if (!wants(clip, state ? state->clip_type : NULL, "Clip"))
        return NULL;
    return give(self, (struct order){
                          .kind = ORDER_PLAY, .clip = clip_of(clip), .loop = loop, .mix = mix, .number = number});
}

PyObject *stream_py_hold(StreamObject *self, PyObject *args)
{
    PyObject *music;
    int on;
    struct module_state *state = state_of(self);
    if (!PyArg_ParseTuple(args, "pO:hold", &on, &music))
        return NULL;
    if (!wants(music, state ? state->clip_type : NULL, "Clip"))
        return NULL;
    return give(self, (struct order){.kind = ORDER_HOLD, .on = on, .clip = clip_of(music)});
}

PyObject *stream_py_speak(StreamObject *self, PyObject *args)
{
    PyObject *pipe;
    int mix;
    struct module_state *state = state_of(self);
    if (!PyArg_ParseTuple(args, "Op:speak", &pipe, &mix))
        return NULL;
    if (!wants(pipe, state ? state->pipe_type : NULL, "Pipe"))
        return NULL;
    return give(self, (struct order){.kind = ORDER_SPEAK, .pipe = pipe_of(pipe), .mix = mix});
}

PyObject *stream_py_listen(StreamObject *self, PyObject *pipe)
{
    struct module_state *state = state_of(self);
    if (!wants(pipe, state ? state->pipe_type : NULL, "Pipe"))
        return NULL;
    return give(self, (struct order){.kind = ORDER_LISTEN, .pipe = pipe_of(pipe)});
}

static PyObject *switch_(StreamObject *self, PyObject *argument, enum order_kind kind)
{
    int on = PyObject_IsTrue(argument);
    return on < 0 ? NULL : give(self, (struct order){.kind = kind, .on = on});
}

PyObject *stream_py_quiet(StreamObject *self, PyObject *argument)
{
    return switch_(self, argument, ORDER_QUIET);
}

PyObject *stream_py_detect_speech(StreamObject *self, PyObject *argument)
{
    return switch_(self, argument, ORDER_DETECT);
}

/* -- resampling -------------------------------------------------------------------------------------------------- */

/* For a thread that reads a file: the samples are copied, and the lock is released while they are worked on. */
static PyObject *module_resample(PyObject *module, PyObject *args)
{
    Py_buffer view;
    int channels, rate, wanted;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*iii:resample", &view, &channels, &rate, &wanted))
        return NULL;
    PyObject *result = NULL;
    int16_t *mono = NULL;
    if (channels < 1 || channels > 8 || rate < 1000 || rate > 1000000 || wanted < 1000 || wanted > 1000000 ||
        view.len % (2 * channels) != 0) {
        PyErr_SetString(PyExc_ValueError, "whole blocks of 1 to 8 channels, and rates of 1000 to 1000000 Hz");
        goto done;
    }
    size_t count = (size_t)view.len / 2 / (size_t)channels;
    size_t length = resample_count(count, (unsigned)rate, (unsigned)wanted);
    result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(length * sizeof *mono));
    mono = malloc((count + 1) * sizeof *mono);
    if (result == NULL || mono == NULL) {
        Py_CLEAR(result);
        PyErr_NoMemory();
        goto done;
    }
    int16_t *samples = (int16_t *)(void *)PyBytes_AS_STRING(result);
    bool worked = true;
    Py_BEGIN_ALLOW_THREADS
    const char *at = view.buf;
    for (size_t i = 0; i < count; i++) {
        int sum = 0;
        for (int channel = 0; channel < channels; channel++, at += sizeof *mono) {
            int16_t sample;
            memcpy(&sample, at, sizeof sample);
            sum += sample;
        }
        mono[i] = (int16_t)(sum >= 0 ? sum / channels : -((channels - 1 - sum) / channels));
    }
    if (rate == wanted)
        memcpy(samples, mono, count * sizeof *mono);
    else
        worked = resample(samples, mono, count, (unsigned)rate, (unsigned)wanted);
    Py_END_ALLOW_THREADS
    if (!worked) {
        Py_CLEAR(result);
        PyErr_NoMemory();
    }
done:
    free(mono);
    PyBuffer_Release(&view);
    return result;
}

/* For the tests: when speech begins and ends in samples at 8 kHz, as milliseconds and whether it begins. */
static PyObject *module_speech(PyObject *module, PyObject *argument)
{
    Py_buffer view;
    struct speech speech = {0};
    (void)module;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *changes = PyList_New(0);
    const char *at = view.buf;
    for (Py_ssize_t left = view.len / 320, now = 20; changes != NULL && left > 0; left--, now += 20, at += 320) {
        int16_t frame[160];
        memcpy(frame, at, sizeof frame);
        if (!speech_hear(&speech, frame, 160, 20))
            continue;
        PyObject *change = Py_BuildValue("(nN)", now, PyBool_FromLong(speech.speaking));
        if (change == NULL || PyList_Append(changes, change) < 0)
            Py_CLEAR(changes);
        Py_XDECREF(change);
    }
    PyBuffer_Release(&view);
    return changes;
}

static PyMethodDef functions[] = {
    {"speech", module_speech, METH_O, "When speech begins and ends, for tests."},
    {"resample", module_resample, METH_VARARGS, "Samples of (channels, rate) as mono at another rate."},
    {NULL, NULL, 0, NULL},
};

int add_resampling(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
