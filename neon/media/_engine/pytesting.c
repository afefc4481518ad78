/* Hooks for the tests: the parsers and the receiver's judgement, without sockets or time. */
#include "pyobjects.h"

#include "dtmf.h"
#include "rtcp.h"
#include "rtp.h"
#include "wideband.h"

/* -- RtpReceiver ------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    struct rtp_receiver receiver;
    struct rtcp_session rtcp;
} ReceiverObject;

static PyObject *receiver_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"ssrc", NULL};
    unsigned int ssrc = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|I:RtpReceiver", (char **)(uintptr_t)names, &ssrc))
        return NULL;
    ReceiverObject *self = (ReceiverObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        memset(self->rtcp.cname, 'x', sizeof self->rtcp.cname);
        rtcp_begin(&self->rtcp, ssrc, 0, 1);
    }
    return (PyObject *)self;
}

static PyObject *receiver_py_receive(ReceiverObject *self, PyObject *args)
{
    static const char *const verdicts[] = {"drop", "hold", "accept", "switch"};
    Py_buffer data;
    unsigned int arrival;
    int event = 0;
    if (!PyArg_ParseTuple(args, "y*I|p:receive", &data, &arrival, &event))
        return NULL;
    struct rtp_packet packet;
    const char *verdict = "malformed";
    if (rtp_parse(&packet, data.buf, (size_t)data.len) == RTP_OK)
        verdict = verdicts[rtp_receive(&self->receiver, &packet, arrival, event)];
    PyBuffer_Release(&data);
    return PyUnicode_FromString(verdict);
}

static PyObject *receiver_py_counters(ReceiverObject *self, PyObject *unused)
{
    (void)unused;
    return Py_BuildValue("{sIsIsIsI}", "expected", rtp_expected(&self->receiver), "received", self->receiver.received,
                         "lost", rtp_lost(&self->receiver), "jitter", self->receiver.jitter >> 4);
}

static PyObject *receiver_py_write_rtcp(ReceiverObject *self, PyObject *args)
{
    struct rtcp_sent sent;
    unsigned long long now, ntp;
    int bye;
    if (!PyArg_ParseTuple(args, "IIIKKp:write_rtcp", &sent.packets, &sent.octets, &sent.timestamp, &now, &ntp, &bye))
        return NULL;
    uint8_t data[RTCP_PACKET_MAX];
    size_t length = rtcp_write(&self->rtcp, data, &self->receiver, &sent, now, ntp, bye);
    return PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)length);
}

static PyObject *receiver_py_read_rtcp(ReceiverObject *self, PyObject *args)
{
    Py_buffer data;
    unsigned long long now, ntp;
    if (!PyArg_ParseTuple(args, "y*KK:read_rtcp", &data, &now, &ntp))
        return NULL;
    bool valid = rtcp_read(&self->rtcp, data.buf, (size_t)data.len, now, ntp);
    PyBuffer_Release(&data);
    if (!valid)
        Py_RETURN_NONE;
    const struct rtcp_session *rtcp = &self->rtcp;
    return Py_BuildValue("{sNsNsN}", "lost", rtcp->remote_known ? PyLong_FromLong(rtcp->remote_lost) : Py_NewRef(Py_None),
                         "jitter", rtcp->remote_known ? PyLong_FromUnsignedLong(rtcp->remote_jitter) : Py_NewRef(Py_None),
                         "round_trip_ms",
                         rtcp->round_trip_known ? PyFloat_FromDouble(rtcp->round_trip_ms) : Py_NewRef(Py_None));
}

static PyMethodDef receiver_methods[] = {
    {"receive", (PyCFunction)receiver_py_receive, METH_VARARGS, "Judge a packet (bytes, arrival in 1/8000 s, event)."},
    {"counters", (PyCFunction)receiver_py_counters, METH_NOARGS, "Expected, received, lost, jitter."},
    {"write_rtcp", (PyCFunction)receiver_py_write_rtcp, METH_VARARGS, "A compound packet."},
    {"read_rtcp", (PyCFunction)receiver_py_read_rtcp, METH_VARARGS, "What a compound packet says, None if invalid."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot receiver_slots[] = {
    {Py_tp_new, receiver_py_new},
    {Py_tp_dealloc, free_object},
    {Py_tp_methods, receiver_methods},
    {0, NULL},
};

static PyType_Spec receiver_spec = {
    .name = "neon.media._engine.RtpReceiver",
    .basicsize = sizeof(ReceiverObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = receiver_slots,
};

/* -- Digits ----------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct dtmf_out out;
    struct dtmf_in in;
} DigitsObject;

static PyObject *digits_py_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, ":Digits", (char **)(uintptr_t)names))
        return NULL;
    return type->tp_alloc(type, 0);
}

static PyObject *digits_py_push(DigitsObject *self, PyObject *args)
{
    int digit;
    unsigned int duration;
    if (!PyArg_ParseTuple(args, "CI:push", &digit, &duration))
        return NULL;
    int event = digit < 128 ? dtmf_event((char)digit) : -1;
    return PyBool_FromLong(event >= 0 && dtmf_push(&self->out, (uint8_t)event, duration));
}

static PyObject *digits_py_next(DigitsObject *self, PyObject *args)
{
    unsigned int timestamp, samples, clock = 1;
    if (!PyArg_ParseTuple(args, "II|I:next", &timestamp, &samples, &clock))
        return NULL;
    struct dtmf_packet packet;
    if (!dtmf_next(&self->out, timestamp, samples, clock, &packet))
        Py_RETURN_NONE;
    return Py_BuildValue("(y#IN)", (const char *)packet.payload, (Py_ssize_t)DTMF_PAYLOAD, packet.timestamp,
                         PyBool_FromLong(packet.marker));
}

static PyObject *digits_py_receive(DigitsObject *self, PyObject *args)
{
    unsigned int timestamp;
    int marker;
    Py_buffer payload;
    if (!PyArg_ParseTuple(args, "Ipy*:receive", &timestamp, &marker, &payload))
        return NULL;
    char digit;
    bool news = dtmf_receive(&self->in, timestamp, marker, payload.buf, (size_t)payload.len, &digit);
    PyBuffer_Release(&payload);
    if (!news)
        Py_RETURN_NONE;
    return PyUnicode_FromStringAndSize(&digit, 1);
}

static PyMethodDef digits_methods[] = {
    {"push", (PyCFunction)digits_py_push, METH_VARARGS, "Queue a digit (character, samples); False if there is no room."},
    {"next", (PyCFunction)digits_py_next, METH_VARARGS, "The packet of an interval: (payload, timestamp, marker)."},
    {"receive", (PyCFunction)digits_py_receive, METH_VARARGS, "The digit, if a packet is the first news of it."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot digits_slots[] = {
    {Py_tp_new, digits_py_new},
    {Py_tp_dealloc, free_object},
    {Py_tp_methods, digits_methods},
    {0, NULL},
};

static PyType_Spec digits_spec = {
    .name = "neon.media._engine.Digits",
    .basicsize = sizeof(DigitsObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = digits_slots,
};

/* -- functions -------------------------------------------------------------------------------------------------- */

static PyObject *py_rtp_parse(PyObject *module, PyObject *argument)
{
    static const char *const defects[] = {
        [RTP_TOO_SHORT] = "shorter than a header",
        [RTP_BAD_VERSION] = "not version 2",
        [RTP_TRUNCATED_CSRC] = "truncated in the CSRC list",
        [RTP_TRUNCATED_EXTENSION] = "truncated in the header extension",
        [RTP_BAD_PADDING] = "more padding than payload",
    };
    (void)module;
    Py_buffer data;
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) < 0)
        return NULL;
    struct rtp_packet packet;
    PyObject *result = NULL;
    enum rtp_parse parsed = rtp_parse(&packet, data.buf, (size_t)data.len);
    if (parsed != RTP_OK)
        PyErr_SetString(PyExc_ValueError, defects[parsed]);
    else
        result = Py_BuildValue("(iNiIIy#)", packet.payload_type, PyBool_FromLong(packet.marker), packet.sequence,
                               packet.timestamp, packet.ssrc, (const char *)packet.payload, (Py_ssize_t)packet.length);
    PyBuffer_Release(&data);
    return result;
}

/* 16-bit samples through one of the filters, in frames of 160 samples at 8 kHz; what is not a whole frame is left out. */
static PyObject *resampled(PyObject *argument, bool up)
{
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    const Py_ssize_t in = up ? 320 : 640, out = up ? 640 : 320, frames = view.len / in;
    PyObject *result = PyBytes_FromStringAndSize(NULL, frames * out);
    struct halfband halfband = {0};
    for (Py_ssize_t i = 0; result != NULL && i < frames; i++) {
        int16_t from[320], to[320];
        memcpy(from, (const char *)view.buf + i * in, (size_t)in);
        (up ? halfband_up : halfband_down)(&halfband, to, from, 160);
        memcpy(PyBytes_AS_STRING(result) + i * out, to, (size_t)out);
    }
    PyBuffer_Release(&view);
    return result;
}

static PyObject *py_upsample(PyObject *module, PyObject *argument)
{
    (void)module;
    return resampled(argument, true);
}

static PyObject *py_downsample(PyObject *module, PyObject *argument)
{
    (void)module;
    return resampled(argument, false);
}

/* 16-bit samples at 16 kHz to G.722, from the coder's beginning. */
static PyObject *py_g722_encode(PyObject *module, PyObject *argument)
{
    (void)module;
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    const size_t count = (size_t)view.len / 4;
    int16_t *samples = PyMem_Malloc(count * 4 + 1);
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count);
    struct g722 *g722 = g722_of_library();
    if (samples == NULL || result == NULL || g722 == NULL) {
        Py_CLEAR(result);
        if (!PyErr_Occurred())
            PyErr_NoMemory();
    } else {
        memcpy(samples, view.buf, count * 4);
        g722_write(g722, (uint8_t *)PyBytes_AS_STRING(result), samples, count);
    }
    g722_close(g722);
    PyMem_Free(samples);
    PyBuffer_Release(&view);
    return result;
}

static PyMethodDef functions[] = {
    {"upsample", py_upsample, METH_O, "8 kHz to 16 kHz, in whole frames of 20 ms."},
    {"downsample", py_downsample, METH_O, "16 kHz to 8 kHz, in whole frames of 20 ms."},
    {"g722_encode", py_g722_encode, METH_O, "Samples at 16 kHz to G.722."},
    {"rtp_parse", py_rtp_parse, METH_O,
     "(payload type, marker, sequence, timestamp, SSRC, payload) of a packet; ValueError names the defect."},
    {NULL, NULL, 0, NULL},
};

int add_testing(PyObject *module)
{
    PyType_Spec *specs[] = {&receiver_spec, &digits_spec, coder_type_spec(), resampler_type_spec()};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL)
            return -1;
        int added = PyModule_AddType(module, (PyTypeObject *)type);
        Py_DECREF(type);
        if (added < 0)
            return -1;
    }
    return add_playout(module) < 0 ? -1 : PyModule_AddFunctions(module, functions);
}
