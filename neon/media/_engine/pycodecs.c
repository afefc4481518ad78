/* The coders of other libraries, loaded when they are needed; and Coder, for the tests and the bench: what a stream does
 * to audio, without a stream. */
#include "pyobjects.h"

#include "kernels.h"
#include "wideband.h"

/* -- what is loaded when it is needed --------------------------------------------------------------------------- */

const void *library_of(const char *name, const char *capsule)
{
    PyObject *module = PyImport_ImportModule(name);
    if (module == NULL)
        return NULL;
    const void *library = PyCapsule_Import(capsule, 0);
    Py_DECREF(module); /* sys.modules keeps it, and what it is linked with is never unloaded */
    return library;
}

struct packets *packets_of(const struct opus_wishes *wishes)
{
    const struct opus_library *library = library_of(LIBRARY_MODULE("opus"), LIBRARY_CAPSULE("opus"));
    struct packets *packets = library == NULL ? NULL : packets_new(library, wishes);
    if (library != NULL && packets == NULL)
        PyErr_NoMemory();
    return packets;
}

struct g722 *g722_of_library(void)
{
    const struct g722_library *library = library_of(LIBRARY_MODULE("g722"), LIBRARY_CAPSULE("g722"));
    struct g722 *g722 = library == NULL ? NULL : library->open();
    if (library != NULL && g722 == NULL)
        PyErr_NoMemory();
    return g722;
}

/* -- Coder ------------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    enum codec codec;
    struct g722 *g722;
    struct packets *packets;
    uint32_t position; /* of what is decoded */
} CoderObject;

static PyObject *coder_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"codec", "fec", "dtx", "constant", "bitrate", "playback", NULL};
    static const char *const codecs[] = {
        [CODEC_ULAW] = "PCMU", [CODEC_ALAW] = "PCMA", [CODEC_G722] = "G722", [CODEC_OPUS] = "opus"};
    const char *name;
    int fec = 0, dtx = 0, constant = 0;
    struct opus_wishes wishes = {.bitrate = 24000, .playback = 16000};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|pppII:Coder", (char **)(uintptr_t)names, &name, &fec, &dtx,
                                     &constant, &wishes.bitrate, &wishes.playback))
        return NULL;
    size_t number = 0;
    while (number < sizeof codecs / sizeof *codecs && strcmp(name, codecs[number]) != 0)
        number++;
    if (number == sizeof codecs / sizeof *codecs)
        return PyErr_Format(PyExc_ValueError, "unknown codec %s", name);
    CoderObject *self = (CoderObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->codec = (enum codec)number;
    wishes.fec = fec;
    wishes.dtx = dtx;
    wishes.constant = constant;
    if (self->codec == CODEC_G722)
        self->g722 = g722_of_library();
    if (self->codec == CODEC_OPUS)
        self->packets = packets_of(&wishes);
    if (PyErr_Occurred())
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void coder_py_dealloc(CoderObject *self)
{
    g722_close(self->g722);
    packets_free(self->packets);
    free_object((PyObject *)self);
}

/* 10, 20, 40 or 60 ms, at 8 or 16 kHz as the codec has it. */
static PyObject *coder_py_encode(CoderObject *self, PyObject *argument)
{
    Py_buffer view;
    int16_t samples[2 * JITTER_PACKET_MAX];
    uint8_t codes[JITTER_PACKET_MAX];
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    const size_t wide = self->codec >= CODEC_G722 ? 2 : 1;
    size_t count = (size_t)view.len / sizeof *samples / wide;
    bool fits = count <= JITTER_PACKET_MAX && count % 80 == 0 && count > 0;
    if (fits)
        memcpy(samples, view.buf, count * wide * sizeof *samples);
    PyBuffer_Release(&view);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "a packet is 10 to 60 ms");
        return NULL;
    }
    switch (self->codec) {
    case CODEC_ULAW:
        ulaw_encode(codes, samples, count);
        break;
    case CODEC_ALAW:
        alaw_encode(codes, samples, count);
        break;
    case CODEC_G722:
        g722_write(self->g722, codes, samples, count);
        break;
    case CODEC_OPUS:
        count = packets_write(self->packets, codes, sizeof codes, samples, (uint32_t)count);
        break;
    }
    return PyBytes_FromStringAndSize((const char *)codes, (Py_ssize_t)count);
}

/* The packet behind the one before; b"" is a lost one of 20 ms. */
static PyObject *coder_py_decode(CoderObject *self, PyObject *argument)
{
    Py_buffer view;
    int16_t samples[2 * OPUS_TICKS_MAX];
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    size_t count = (size_t)view.len;
    if (self->codec == CODEC_OPUS)
        count = view.len == 0 ? 160 : packets_ticks(self->packets, view.buf, count);
    bool fits = count > 0 && count <= (self->codec == CODEC_OPUS ? (size_t)OPUS_TICKS_MAX : JITTER_PACKET_MAX);
    if (!fits)
        PyErr_SetString(PyExc_ValueError, "not a packet");
    else if (self->codec == CODEC_ULAW)
        ulaw_decode(samples, view.buf, count);
    else if (self->codec == CODEC_ALAW)
        alaw_decode(samples, view.buf, count);
    else if (self->codec == CODEC_G722)
        g722_read(self->g722, samples, view.buf, count);
    else if (view.len == 0)
        packets_conceal(self->packets, self->position, samples, (uint32_t)count);
    else
        packets_store(self->packets, self->position, (uint32_t)count, view.buf, (size_t)view.len);
    if (fits && self->codec == CODEC_OPUS && view.len > 0)
        packets_read(self->packets, self->position, samples, (uint32_t)count);
    self->position += (uint32_t)count;
    PyBuffer_Release(&view);
    const size_t wide = self->codec >= CODEC_G722 ? 2 : 1;
    return fits ? PyBytes_FromStringAndSize((const char *)samples, (Py_ssize_t)(count * wide * sizeof *samples)) : NULL;
}

static PyMethodDef coder_methods[] = {
    {"encode", (PyCFunction)coder_py_encode, METH_O, "Samples to a packet; empty if none need be sent."},
    {"decode", (PyCFunction)coder_py_decode, METH_O, "The next packet to samples."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot coder_slots[] = {
    {Py_tp_new, coder_py_new},
    {Py_tp_dealloc, coder_py_dealloc},
    {Py_tp_methods, coder_methods},
    {0, NULL},
};

static PyType_Spec coder_spec = {
    .name = "neon.media._engine.Coder",
    .basicsize = sizeof(CoderObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = coder_slots,
};

PyType_Spec *coder_type_spec(void)
{
    return &coder_spec;
}
