/* The module neon.media._engine: multi-phase initialisation, the codec functions, and nothing static that changes. */
#include "pymodule.h"

#include <stdint.h>

#include "kernels.h"

typedef void (*encoder)(uint8_t *restrict, const int16_t *restrict, size_t);
typedef void (*decoder)(int16_t *restrict, const uint8_t *restrict, size_t);

static PyObject *encode_buffer(encoder encode, const void *data, Py_ssize_t length)
{
    if (length % 2 != 0) {
        PyErr_SetString(PyExc_ValueError, "16-bit samples take an even number of bytes");
        return NULL;
    }
    PyObject *codes = PyBytes_FromStringAndSize(NULL, length / 2);
    if (codes == NULL)
        return NULL;
    if ((uintptr_t)data % sizeof(int16_t) == 0) {
        encode((uint8_t *)PyBytes_AS_STRING(codes), data, (size_t)length / 2);
        return codes;
    }
    /* A view may begin at an odd address. */
    int16_t *aligned = PyMem_Malloc((size_t)length);
    if (aligned == NULL) {
        Py_DECREF(codes);
        return PyErr_NoMemory();
    }
    memcpy(aligned, data, (size_t)length);
    encode((uint8_t *)PyBytes_AS_STRING(codes), aligned, (size_t)length / 2);
    PyMem_Free(aligned);
    return codes;
}

static PyObject *decode_buffer(decoder decode, const void *data, Py_ssize_t length)
{
    PyObject *samples = length <= PY_SSIZE_T_MAX / 2 ? PyBytes_FromStringAndSize(NULL, 2 * length) : PyErr_NoMemory();
    if (samples != NULL)
        decode((int16_t *)PyBytes_AS_STRING(samples), data, (size_t)length);
    return samples;
}

static PyObject *encode_object(encoder encode, PyObject *argument)
{
    if (PyBytes_CheckExact(argument))
        return encode_buffer(encode, PyBytes_AS_STRING(argument), PyBytes_GET_SIZE(argument));
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *codes = encode_buffer(encode, view.buf, view.len);
    PyBuffer_Release(&view);
    return codes;
}

static PyObject *decode_object(decoder decode, PyObject *argument)
{
    if (PyBytes_CheckExact(argument))
        return decode_buffer(decode, PyBytes_AS_STRING(argument), PyBytes_GET_SIZE(argument));
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *samples = decode_buffer(decode, view.buf, view.len);
    PyBuffer_Release(&view);
    return samples;
}

#define CODEC_FUNCTION(name, convert)                                                                                  \
    static PyObject *module_##name(PyObject *module, PyObject *argument)                                               \
    {                                                                                                                  \
        (void)module;                                                                                                  \
        return convert(name, argument);                                                                                \
    }

CODEC_FUNCTION(ulaw_encode, encode_object)
CODEC_FUNCTION(alaw_encode, encode_object)
CODEC_FUNCTION(ulaw_decode, decode_object)
CODEC_FUNCTION(alaw_decode, decode_object)
CODEC_FUNCTION(ulaw_encode_scalar, encode_object)
CODEC_FUNCTION(alaw_encode_scalar, encode_object)
CODEC_FUNCTION(ulaw_decode_scalar, decode_object)
CODEC_FUNCTION(alaw_decode_scalar, decode_object)

static PyMethodDef functions[] = {
    {"ulaw_encode", module_ulaw_encode, METH_O, "16-bit samples to G.711 mu-law codes."},
    {"alaw_encode", module_alaw_encode, METH_O, "16-bit samples to G.711 A-law codes."},
    {"ulaw_decode", module_ulaw_decode, METH_O, "G.711 mu-law codes to 16-bit samples."},
    {"alaw_decode", module_alaw_decode, METH_O, "G.711 A-law codes to 16-bit samples."},
    {"_ulaw_encode_scalar", module_ulaw_encode_scalar, METH_O, "The portable version, for tests."},
    {"_alaw_encode_scalar", module_alaw_encode_scalar, METH_O, "The portable version, for tests."},
    {"_ulaw_decode_scalar", module_ulaw_decode_scalar, METH_O, "The portable version, for tests."},
    {"_alaw_decode_scalar", module_alaw_decode_scalar, METH_O, "The portable version, for tests."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module)
{
    if (add_engine_types(module, PyModule_GetState(module)) < 0)
        return -1;
    if (add_secure(module) < 0 || add_mixing(module) < 0 || add_resampling(module) < 0 ||
        add_cadences(module) < 0)
        return -1;
    return add_testing(module);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct module_state *state = PyModule_GetState(module);
    Py_VISIT(state->engine_type);
    Py_VISIT(state->stream_type);
    Py_VISIT(state->device_type);
    Py_VISIT(state->conference_type);
    Py_VISIT(state->tap_type);
    Py_VISIT(state->clip_type);
    Py_VISIT(state->pipe_type);
    return 0;
}

static int clear(PyObject *module)
{
    struct module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->engine_type);
    Py_CLEAR(state->stream_type);
    Py_CLEAR(state->device_type);
    Py_CLEAR(state->conference_type);
    Py_CLEAR(state->tap_type);
    Py_CLEAR(state->clip_type);
    Py_CLEAR(state->pipe_type);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "neon.media._engine",
    .m_doc = "The native media engine: RTP, G.711, jitter buffer and pacing in a thread of its own.",
    .m_size = sizeof(struct module_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
};

PyMODINIT_FUNC PyInit__engine(void)
{
    return PyModuleDef_Init(&definition);
}
