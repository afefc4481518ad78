/* SRTP as Python sees it: the keys of a stream, and the packets themselves for the tests. */
#include "pyobjects.h"

#include <errno.h>

#include "rtp.h"
#include "secure.h"

struct secure *secure_of(PyObject *keys)
{
    const char *suite;
    Py_buffer send, receive, send_mki, receive_mki;
    if (!PyTuple_Check(keys)) {
        PyErr_SetString(PyExc_TypeError, "keys are a tuple");
        return NULL;
    }
    if (!PyArg_ParseTuple(keys, "sy*y*y*y*:keys", &suite, &send, &receive, &send_mki, &receive_mki))
        return NULL;
    struct secure_key out = {send.buf, (size_t)send.len, send_mki.buf, (size_t)send_mki.len};
    struct secure_key in = {receive.buf, (size_t)receive.len, receive_mki.buf, (size_t)receive_mki.len};
    const struct secure_library *library = library_of(LIBRARY_MODULE("srtp"), LIBRARY_CAPSULE("srtp"));
    struct secure *secure = library == NULL ? NULL : library->make(suite, &out, &in);
    if (library == NULL)
        ; /* the exception says why it cannot be loaded */
    else if (secure == NULL && errno == EINVAL)
        PyErr_Format(PyExc_ValueError, "no SRTP suite %s, or not with keys of %zu and %zu octets", suite, out.length,
                     in.length);
    else if (secure == NULL)
        PyErr_Format(PyExc_RuntimeError, "libsrtp offers no %s", suite);
    PyBuffer_Release(&send);
    PyBuffer_Release(&receive);
    PyBuffer_Release(&send_mki);
    PyBuffer_Release(&receive_mki);
    return secure;
}

/* -- Srtp, for the tests ---------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct secure *secure;
} SrtpObject;

static PyObject *srtp_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "Srtp takes no keywords");
        return NULL;
    }
    struct secure *secure = secure_of(args);
    if (secure == NULL)
        return NULL;
    SrtpObject *self = (SrtpObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        secure_free(secure);
    else
        self->secure = secure;
    return (PyObject *)self;
}

static void srtp_py_dealloc(SrtpObject *self)
{
    secure_free(self->secure);
    free_object((PyObject *)self);
}

/* The packet after `change`, None where that refuses it. */
static PyObject *changed(SrtpObject *self, PyObject *argument, bool (*change)(struct secure *, uint8_t *, size_t *))
{
    _Alignas(uint32_t) uint8_t data[RTP_PACKET_MAX + SECURE_TRAILER];
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    size_t length = (size_t)view.len;
    if (length > RTP_PACKET_MAX) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "longer than a packet");
        return NULL;
    }
    memcpy(data, view.buf, length);
    PyBuffer_Release(&view);
    if (!change(self->secure, data, &length))
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)length);
}

static PyObject *srtp_py_protect(SrtpObject *self, PyObject *packet)
{
    return changed(self, packet, secure_protect);
}

static PyObject *srtp_py_unprotect(SrtpObject *self, PyObject *packet)
{
    return changed(self, packet, secure_unprotect);
}

static PyObject *srtp_py_protect_rtcp(SrtpObject *self, PyObject *packet)
{
    return changed(self, packet, secure_protect_rtcp);
}

static PyObject *srtp_py_unprotect_rtcp(SrtpObject *self, PyObject *packet)
{
    return changed(self, packet, secure_unprotect_rtcp);
}

static PyObject *srtp_py_continue(SrtpObject *self, PyObject *before)
{
    if (!Py_IS_TYPE(before, Py_TYPE(self))) {
        PyErr_SetString(PyExc_TypeError, "an Srtp is wanted");
        return NULL;
    }
    secure_continue(self->secure, ((SrtpObject *)before)->secure);
    Py_RETURN_NONE;
}

static PyMethodDef srtp_methods[] = {
    {"protect", (PyCFunction)srtp_py_protect, METH_O, "An RTP packet as it is sent."},
    {"unprotect", (PyCFunction)srtp_py_unprotect, METH_O, "An RTP packet as it was meant, None if it is refused."},
    {"protect_rtcp", (PyCFunction)srtp_py_protect_rtcp, METH_O, "An RTCP packet as it is sent."},
    {"unprotect_rtcp", (PyCFunction)srtp_py_unprotect_rtcp, METH_O, "An RTCP packet as it was meant, or None."},
    {"take_over", (PyCFunction)srtp_py_continue, METH_O, "Go on where another one with the same keys was."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot srtp_slots[] = {
    {Py_tp_new, srtp_py_new},
    {Py_tp_dealloc, srtp_py_dealloc},
    {Py_tp_methods, srtp_methods},
    {0, NULL},
};

static PyType_Spec srtp_spec = {
    .name = "neon.media._engine.Srtp",
    .basicsize = sizeof(SrtpObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = srtp_slots,
};

int add_secure(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &srtp_spec, NULL);
    if (type == NULL)
        return -1;
    int added = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return added;
}
