/* Tap as Python sees it. */
#include "pyobjects.h"

#include "counters.h"

enum { TAP_LARGEST = 1 << 22 }; /* samples */

static PyObject *tap_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"samples", NULL};
    int samples;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "i:Tap", (char **)(uintptr_t)names, &samples))
        return NULL;
    if (samples <= 0 || samples > TAP_LARGEST) {
        PyErr_Format(PyExc_ValueError, "a tap has room for 1 to %d samples", TAP_LARGEST);
        return NULL;
    }
    TapObject *self = (TapObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->tap = tap_new((uint32_t)samples);
    if (self->tap == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static PyObject *tap_py_read(TapObject *self, PyObject *unused)
{
    (void)unused;
    uint32_t count = tap_waiting(self->tap);
    PyObject *samples = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * sizeof *self->tap->samples));
    if (samples != NULL)
        tap_read(self->tap, (int16_t *)(void *)PyBytes_AS_STRING(samples), count);
    return samples;
}

static PyObject *tap_py_pause(TapObject *self, PyObject *argument)
{
    int on = PyObject_IsTrue(argument);
    if (on < 0)
        return NULL;
    atomic_store(&self->tap->paused, on);
    Py_RETURN_NONE;
}

static PyObject *tap_py_done(TapObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(atomic_load_explicit(&self->tap->done, memory_order_acquire));
}

static PyObject *tap_py_lost(TapObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(counter_get(&self->tap->lost));
}

static void tap_py_dealloc(TapObject *self)
{
    tap_unref(self->tap);
    free_object((PyObject *)self);
}

static PyMethodDef tap_methods[] = {
    {"read", (PyCFunction)tap_py_read, METH_NOARGS, "What waits: 16-bit samples, ours and theirs by turns."},
    {"pause", (PyCFunction)tap_py_pause, METH_O, "Have silence from now on, or the call again."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef tap_members[] = {
    {"done", (getter)tap_py_done, NULL, "Whether nothing more will come than what waits.", NULL},
    {"lost", (getter)tap_py_lost, NULL, "Samples that nobody read in time: they became silence.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot tap_slots[] = {
    {Py_tp_new, tap_py_new},
    {Py_tp_dealloc, tap_py_dealloc},
    {Py_tp_getset, tap_members},
    {Py_tp_methods, tap_methods},
    {0, NULL},
};

static PyType_Spec tap_spec = {
    .name = "neon.media._engine.Tap",
    .basicsize = sizeof(TapObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = tap_slots,
};

PyType_Spec *tap_type_spec(void)
{
    return &tap_spec;
}
