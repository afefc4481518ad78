/* Conference as Python sees it, and what the tests look at of the mixing: Mixer and Limiter. */
#include "pyobjects.h"

#include "conference.h"
#include "limit.h"

/* -- Conference ------------------------------------------------------------------------------------------------- */

PyObject *conference_open(EngineObject *owner)
{
    struct module_state *state = PyType_GetModuleState(Py_TYPE(owner));
    ConferenceObject *self =
        state ? (ConferenceObject *)state->conference_type->tp_alloc(state->conference_type, 0) : NULL;
    if (self == NULL)
        return NULL;
    self->owner = (EngineObject *)Py_NewRef(owner);
    self->conference = conference_new();
    if (self->conference == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

struct conference *conference_of(EngineObject *owner, PyObject *argument)
{
    struct module_state *state = PyType_GetModuleState(Py_TYPE(owner));
    ConferenceObject *conference = (ConferenceObject *)argument;
    if (state == NULL || !Py_IS_TYPE(argument, state->conference_type)) {
        PyErr_SetString(PyExc_TypeError, "a Conference is wanted");
        return NULL;
    }
    if (conference->owner != owner) {
        PyErr_SetString(PyExc_ValueError, "the conference belongs to another engine");
        return NULL;
    }
    return conference->conference;
}

static void conference_py_dealloc(ConferenceObject *self)
{
    conference_unref(self->conference);
    Py_XDECREF(self->owner);
    free_object((PyObject *)self);
}

static PyType_Slot conference_slots[] = {
    {Py_tp_dealloc, conference_py_dealloc},
    {0, NULL},
};

static PyType_Spec conference_spec = {
    .name = "neon.media._engine.Conference",
    .basicsize = sizeof(ConferenceObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = conference_slots,
};

PyType_Spec *conference_type_spec(void)
{
    return &conference_spec;
}

/* -- for the tests ---------------------------------------------------------------------------------------------- */

enum { PARTIES = 16 };

/* A conference without streams, whose members are numbers. */
typedef struct {
    PyObject_HEAD
    struct conference *conference;
    struct member *members[PARTIES];
} MixerObject;

static PyObject *mixer_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, ":Mixer", (char **)(uintptr_t)names))
        return NULL;
    MixerObject *self = (MixerObject *)type->tp_alloc(type, 0);
    if (self != NULL && (self->conference = conference_new()) == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void mixer_py_dealloc(MixerObject *self)
{
    for (int i = 0; i < PARTIES; i++)
        member_free(self->members[i]);
    conference_unref(self->conference);
    free_object((PyObject *)self);
}

static struct member *member_at(MixerObject *self, unsigned number)
{
    if (number >= PARTIES) {
        PyErr_SetString(PyExc_ValueError, "there are sixteen members");
        return NULL;
    }
    if (self->members[number] == NULL && (self->members[number] = member_new(self->conference)) == NULL)
        PyErr_NoMemory();
    return self->members[number];
}

static PyObject *mixer_py_scale(MixerObject *self, PyObject *args)
{
    unsigned number;
    int wide;
    if (!PyArg_ParseTuple(args, "Ip:scale", &number, &wide))
        return NULL;
    struct member *member = member_at(self, number);
    return member == NULL ? NULL : PyLong_FromUnsignedLong(member_scale(member, wide));
}

static PyObject *mixer_py_add(MixerObject *self, PyObject *args)
{
    unsigned number, at;
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "IIy*:add", &number, &at, &view))
        return NULL;
    struct member *member = member_at(self, number);
    int16_t samples[320];
    const size_t count = (size_t)view.len / 2 < 320 ? (size_t)view.len / 2 : 320;
    memcpy(samples, view.buf, 2 * count);
    PyBuffer_Release(&view);
    if (member == NULL)
        return NULL;
    member_add(member, at, samples, count);
    Py_RETURN_NONE;
}

static PyObject *mixer_py_take(MixerObject *self, PyObject *args)
{
    unsigned number, at, count;
    int32_t others[320];
    if (!PyArg_ParseTuple(args, "III:take", &number, &at, &count))
        return NULL;
    struct member *member = member_at(self, number);
    if (member == NULL || count > 320)
        return member == NULL ? NULL : PyErr_Format(PyExc_ValueError, "320 samples at most");
    member_take(member, at, others, count);
    return PyBytes_FromStringAndSize((const char *)others, (Py_ssize_t)(count * sizeof *others));
}

static PyObject *mixer_py_leave(MixerObject *self, PyObject *args)
{
    unsigned number;
    if (!PyArg_ParseTuple(args, "I:leave", &number))
        return NULL;
    struct member *member = member_at(self, number);
    if (member == NULL)
        return NULL;
    member_free(member);
    self->members[number] = NULL;
    Py_RETURN_NONE;
}

static PyMethodDef mixer_methods[] = {
    {"scale", (PyCFunction)mixer_py_scale, METH_VARARGS, "The rate in 8 kHz, with a member (number, wide)."},
    {"add", (PyCFunction)mixer_py_add, METH_VARARGS, "Have a member say (number, position, samples)."},
    {"take", (PyCFunction)mixer_py_take, METH_VARARGS, "What the others said before (number, position, count), 32 bits."},
    {"leave", (PyCFunction)mixer_py_leave, METH_VARARGS, "A member goes (number)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot mixer_slots[] = {
    {Py_tp_new, mixer_py_new},
    {Py_tp_dealloc, mixer_py_dealloc},
    {Py_tp_methods, mixer_methods},
    {0, NULL},
};

static PyType_Spec mixer_spec = {
    .name = "neon.media._engine.Mixer",
    .basicsize = sizeof(MixerObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = mixer_slots,
};

/* 32-bit sums to 16-bit samples, in frames of 20 ms at 8 kHz; what is not a whole frame is left out. */
static PyObject *py_limit(PyObject *module, PyObject *argument)
{
    (void)module;
    enum { FRAME = 160 };
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    const Py_ssize_t frames = view.len / (4 * FRAME);
    PyObject *result = PyBytes_FromStringAndSize(NULL, frames * 2 * FRAME);
    struct limiter limiter = {0};
    for (Py_ssize_t i = 0; result != NULL && i < frames; i++) {
        int32_t sums[FRAME];
        int16_t samples[FRAME];
        memcpy(sums, (const char *)view.buf + i * (Py_ssize_t)sizeof sums, sizeof sums);
        limit(&limiter, samples, sums, FRAME, 1);
        memcpy(PyBytes_AS_STRING(result) + i * (Py_ssize_t)sizeof samples, samples, sizeof samples);
    }
    PyBuffer_Release(&view);
    return result;
}

static PyMethodDef functions[] = {
    {"limit", py_limit, METH_O, "32-bit sums made to fit 16 bits, in whole frames of 20 ms at 8 kHz."},
    {NULL, NULL, 0, NULL},
};

int add_mixing(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &mixer_spec, NULL);
    if (type == NULL)
        return -1;
    int added = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return added < 0 ? -1 : PyModule_AddFunctions(module, functions);
}
