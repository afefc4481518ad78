/* Resampler as Python sees it: for the worker of a sound card that has 48 kHz only. */
#include "pyobjects.h"

#include "third.h"

typedef struct {
    PyObject_HEAD
    struct third third;
    int up;
} ResamplerObject;

static PyObject *resampler_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"up", NULL};
    int up;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "p:Resampler", (char **)(uintptr_t)names, &up))
        return NULL;
    ResamplerObject *self = (ResamplerObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        third_init(&self->third);
        self->up = up;
    }
    return (PyObject *)self;
}

static PyObject *resampler_py_convert(ResamplerObject *self, PyObject *argument)
{
    int16_t slow[THIRD_FRAME], fast[3 * THIRD_FRAME];
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    const size_t in = self->up ? sizeof slow : sizeof fast, out = self->up ? sizeof fast : sizeof slow;
    const size_t frames = (size_t)view.len / in;
    PyObject *result = NULL;
    if ((size_t)view.len % in != 0)
        PyErr_Format(PyExc_ValueError, "%zd bytes are not whole frames of %zu", view.len, in);
    else
        result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(frames * out));
    for (size_t i = 0; result != NULL && i < frames; i++) {
        const char *from = (const char *)view.buf + i * in;
        char *to = PyBytes_AS_STRING(result) + i * out;
        if (self->up) {
            memcpy(slow, from, in);
            third_up(&self->third, fast, slow);
            memcpy(to, fast, out);
        } else {
            memcpy(fast, from, in);
            third_down(&self->third, slow, fast);
            memcpy(to, slow, out);
        }
    }
    PyBuffer_Release(&view);
    return result;
}

static PyMethodDef resampler_methods[] = {
    {"convert", (PyCFunction)resampler_py_convert, METH_O, "Whole frames of 20 ms at the other rate."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot resampler_slots[] = {
    {Py_tp_new, resampler_py_new},
    {Py_tp_dealloc, free_object},
    {Py_tp_methods, resampler_methods},
    {0, NULL},
};

static PyType_Spec resampler_spec = {
    .name = "neon.media._engine.Resampler",
    .basicsize = sizeof(ResamplerObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = resampler_slots,
};

PyType_Spec *resampler_type_spec(void)
{
    return &resampler_spec;
}
