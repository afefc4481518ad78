/* Stream as Python sees it: checks arguments, hands commands over, reads counters. */
#include "pyobjects.h"

#include <structmember.h>

#include "counters.h"
#include "packets.h"

PyObject *post_command(EngineObject *owner, struct command command)
{
    struct command *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        if (command.source != NULL) {
            device_unref(command.source->device);
            free(command.source->samples);
            free(command.source);
        }
        secure_free(command.secure);
        g722_close(command.g722);
        member_free(command.member);
        packets_free(command.packets);
        free(command.cadence);
        return PyErr_NoMemory();
    }
    if (command.stream != NULL)
        stream_ref(command.stream);
    if (command.device != NULL)
        device_ref(command.device);
    if (command.tap != NULL)
        tap_ref(command.tap);
    clip_ref(command.order.clip);
    pipe_ref(command.order.pipe);
    *copy = command;
    engine_post(owner->engine, copy);
    Py_RETURN_NONE;
}

static int check_open(bool closed, const char *what)
{
    if (closed)
        PyErr_Format(PyExc_ValueError, "the %s is closed", what);
    return closed ? -1 : 0;
}

static struct packets *packets_wanted(PyObject *argument)
{
    struct opus_wishes wishes;
    int fec, dtx, constant;
    if (!PyTuple_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "what Opus is to do is a tuple");
        return NULL;
    }
    if (!PyArg_ParseTuple(argument, "pppII:opus", &fec, &dtx, &constant, &wishes.bitrate, &wishes.playback))
        return NULL;
    if (wishes.bitrate < 6000 || wishes.bitrate > 510000) {
        PyErr_SetString(PyExc_ValueError, "the bitrate of Opus is from 6000 to 510000");
        return NULL;
    }
    wishes.fec = fec;
    wishes.dtx = dtx;
    wishes.constant = constant;
    return packets_of(&wishes);
}

static PyObject *stream_py_start(StreamObject *self, PyObject *args)
{
    const char *host, *rtcp_host, *codec;
    int port, rtcp_port, payload_type, receive_payload_type, sends, receives, event, receive_event, ptime;
    int event_rate = 8000;
    PyObject *security = Py_None, *wishes = Py_None;
    if (!PyArg_ParseTuple(args, "sisisiippiii|OiO:start", &host, &port, &rtcp_host, &rtcp_port, &codec, &payload_type,
                          &receive_payload_type, &sends, &receives, &event, &receive_event, &ptime, &security,
                          &event_rate, &wishes))
        return NULL;
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    struct command command = {.kind = COMMAND_START_STREAM, .stream = self->stream};
    struct agreement *agreement = &command.agreement;
    if (port < 0 || rtcp_port < 0 || !address_parse(&agreement->remote, host, (unsigned)port) ||
        !address_parse(&agreement->rtcp, rtcp_host, (unsigned)rtcp_port))
        return PyErr_Format(PyExc_ValueError, "%s port %d or %s port %d is not a numeric address", host, port,
                            rtcp_host, rtcp_port);
    if (ptime < 10 || ptime > 60 || ptime % 10 != 0)
        return PyErr_Format(PyExc_ValueError, "a packet time of %d ms is not 10, 20, 30, 40, 50 or 60", ptime);
    if ((payload_type | receive_payload_type) & ~127 || event < -1 || event > 127 || receive_event < -1 ||
        receive_event > 127) {
        PyErr_SetString(PyExc_ValueError, "a payload type is not from 0 to 127");
        return NULL;
    }
    static const char *const codecs[] = {
        [CODEC_ULAW] = "PCMU", [CODEC_ALAW] = "PCMA", [CODEC_G722] = "G722", [CODEC_OPUS] = "opus"};
    size_t number = 0;
    while (number < sizeof codecs / sizeof *codecs && strcmp(codec, codecs[number]) != 0)
        number++;
    if (number == sizeof codecs / sizeof *codecs)
        return PyErr_Format(PyExc_ValueError, "unknown codec %s", codec);
    if (event_rate != 8000 && event_rate != 8000 * OPUS_CLOCK) {
        PyErr_SetString(PyExc_ValueError, "the clock of telephone events is 8000 or 48000 Hz");
        return NULL;
    }
    agreement->codec = (enum codec)number;
    agreement->event_clock = (unsigned)event_rate / 8000;
    agreement->reachable = address_allowed(&agreement->remote);
    agreement->payload_type = (uint8_t)payload_type;
    agreement->receive_payload_type = (uint8_t)receive_payload_type;
    agreement->sends = sends;
    agreement->receives = receives;
    agreement->telephone_event = event;
    agreement->receive_telephone_event = receive_event;
    agreement->packet_samples = (uint32_t)ptime * 8;
    if (agreement->codec == CODEC_OPUS && ptime != 10 && ptime % 20 != 0)
        return PyErr_Format(PyExc_ValueError, "Opus has no frames of %d ms", ptime);
    if (agreement->codec == CODEC_OPUS && (command.packets = packets_wanted(wishes)) == NULL)
        return NULL;
    if (agreement->codec == CODEC_G722 && (command.g722 = g722_of_library()) == NULL)
        return NULL;
    if (security != Py_None && (command.secure = secure_of(security)) == NULL) {
        packets_free(command.packets);
        g722_close(command.g722);
        return NULL;
    }
    return post_command(self->owner, command);
}

static PyObject *stream_py_source(StreamObject *self, struct source source)
{
    if (check_open(self->closed, "stream") < 0)
        goto fail;
    struct source *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        PyErr_NoMemory();
        goto fail;
    }
    *copy = source;
    if (copy->device != NULL)
        device_ref(copy->device);
    return post_command(self->owner, (struct command){.kind = COMMAND_SOURCE, .stream = self->stream, .source = copy});
fail:
    free(source.samples);
    return NULL;
}

static PyObject *stream_py_source_silence(StreamObject *self, PyObject *unused)
{
    (void)unused;
    return stream_py_source(self, (struct source){.kind = SOURCE_SILENCE});
}

static PyObject *stream_py_source_echo(StreamObject *self, PyObject *unused)
{
    (void)unused;
    return stream_py_source(self, (struct source){.kind = SOURCE_ECHO});
}

static PyObject *stream_py_source_tone(StreamObject *self, PyObject *args)
{
    double hertz, dbm0;
    if (!PyArg_ParseTuple(args, "dd:source_tone", &hertz, &dbm0))
        return NULL;
    if (!(hertz > 0 && hertz < 8000) || !(dbm0 <= 3.14)) {
        PyErr_SetString(PyExc_ValueError, "a tone lies between 0 and 8000 Hz, and not above 3.14 dBm0");
        return NULL;
    }
    return stream_py_source(self, (struct source){.kind = SOURCE_TONE,
                                                  .step = tone_step(hertz),
                                                  .amplitude = sine_amplitude(dbm0)});
}

static PyObject *stream_py_source_samples(StreamObject *self, PyObject *args)
{
    Py_buffer view;
    int loop;
    if (!PyArg_ParseTuple(args, "y*p:source_samples", &view, &loop))
        return NULL;
    struct source source = {.kind = SOURCE_SAMPLES, .count = (size_t)view.len / 2, .loop = loop};
    PyObject *result = NULL;
    if (view.len % 2 != 0) {
        PyErr_SetString(PyExc_ValueError, "16-bit samples take an even number of bytes");
    } else if ((source.samples = malloc((size_t)view.len + 1)) == NULL) {
        PyErr_NoMemory();
    } else {
        memcpy(source.samples, view.buf, (size_t)view.len);
        result = stream_py_source(self, source);
    }
    PyBuffer_Release(&view);
    return result;
}

static DeviceObject *device_of(EngineObject *owner, PyObject *argument)
{
    struct module_state *state = PyType_GetModuleState(Py_TYPE(owner));
    DeviceObject *device = (DeviceObject *)argument;
    if (state == NULL || !Py_IS_TYPE(argument, state->device_type)) {
        PyErr_SetString(PyExc_TypeError, "a Device is wanted");
        return NULL;
    }
    if (device->owner != owner) {
        PyErr_SetString(PyExc_ValueError, "the device belongs to another engine");
        return NULL;
    }
    return device;
}

static PyObject *stream_py_source_device(StreamObject *self, PyObject *argument)
{
    DeviceObject *device = device_of(self->owner, argument);
    if (device == NULL)
        return NULL;
    return stream_py_source(self, (struct source){.kind = SOURCE_DEVICE, .device = device->device});
}

static PyObject *stream_py_sink(StreamObject *self, PyObject *argument)
{
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    struct command command = {.kind = COMMAND_SINK, .stream = self->stream};
    if (argument != Py_None) {
        DeviceObject *device = device_of(self->owner, argument);
        if (device == NULL)
            return NULL;
        command.device = device->device;
    }
    return post_command(self->owner, command);
}

static PyObject *stream_py_tap(StreamObject *self, PyObject *argument)
{
    struct module_state *state = PyType_GetModuleState(Py_TYPE(self->owner));
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    struct command command = {.kind = COMMAND_TAP, .stream = self->stream};
    if (argument != Py_None) {
        if (state == NULL || !Py_IS_TYPE(argument, state->tap_type)) {
            PyErr_SetString(PyExc_TypeError, "a Tap is wanted");
            return NULL;
        }
        command.tap = ((TapObject *)argument)->tap;
    }
    return post_command(self->owner, command);
}

static PyObject *stream_py_join(StreamObject *self, PyObject *argument)
{
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    struct command command = {.kind = COMMAND_JOIN, .stream = self->stream};
    if (argument != Py_None) {
        struct conference *conference = conference_of(self->owner, argument);
        if (conference == NULL)
            return NULL;
        command.member = member_new(conference);
        if (command.member == NULL)
            return PyErr_NoMemory();
    }
    return post_command(self->owner, command);
}

static PyObject *stream_py_volume(StreamObject *self, PyObject *argument)
{
    double volume = PyFloat_AsDouble(argument);
    if (volume == -1 && PyErr_Occurred())
        return NULL;
    if (!(volume >= 0 && volume <= 2)) {
        PyErr_SetString(PyExc_ValueError, "a volume is from 0 to 2");
        return NULL;
    }
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    return post_command(self->owner,
                        (struct command){.kind = COMMAND_VOLUME, .stream = self->stream, .volume = (float)volume});
}

static PyObject *stream_py_send_digit(StreamObject *self, PyObject *args)
{
    int digit, duration;
    if (!PyArg_ParseTuple(args, "Ci:send_digit", &digit, &duration))
        return NULL;
    int event = digit < 128 ? dtmf_event((char)digit) : -1;
    if (event < 0 || duration <= 0 || duration > 6000) {
        PyErr_SetString(PyExc_ValueError, "a digit is one of 0-9 * # A-D and lasts up to 6000 ms");
        return NULL;
    }
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    return post_command(self->owner, (struct command){.kind = COMMAND_DIGIT,
                                              .stream = self->stream,
                                              .digit = (uint8_t)event,
                                              .duration = (uint32_t)duration * 8});
}

static PyObject *stream_py_beep(StreamObject *self, PyObject *argument)
{
    long duration = PyLong_AsLong(argument);
    if (duration == -1 && PyErr_Occurred())
        return NULL;
    if (duration <= 0 || duration > 6000) {
        PyErr_SetString(PyExc_ValueError, "a beep lasts up to 6000 ms");
        return NULL;
    }
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    return post_command(
        self->owner,
        (struct command){.kind = COMMAND_BEEP, .stream = self->stream, .duration = (uint32_t)duration * 8});
}

static PyObject *stream_py_reroute(StreamObject *self, PyObject *unused)
{
    (void)unused;
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    return post_command(self->owner, (struct command){.kind = COMMAND_REROUTE, .stream = self->stream});
}

/* Hands a parked stream to the thread, for good; what has arrived so far was meant for others. */
static PyObject *stream_py_unpark(StreamObject *self, PyObject *unused)
{
    (void)unused;
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    if (!self->parked)
        Py_RETURN_NONE;
    self->parked = false;
    stream_drain(self->stream);
    return post_command(self->owner, (struct command){.kind = COMMAND_ADD_STREAM, .stream = self->stream});
}

/* The descriptors stay the stream's; the thread does not touch them while it is parked. */
static PyObject *stream_py_filenos(StreamObject *self, PyObject *unused)
{
    (void)unused;
    if (check_open(self->closed, "stream") < 0)
        return NULL;
    if (!self->parked) {
        PyErr_SetString(PyExc_ValueError, "the stream is served already");
        return NULL;
    }
    return Py_BuildValue("(ii)", self->stream->rtp_fd, self->stream->rtcp_fd);
}

static PyObject *optional(bool known, double value)
{
    return known ? PyFloat_FromDouble(value) : Py_NewRef(Py_None);
}

static PyObject *stream_py_statistics(StreamObject *self, PyObject *unused)
{
    (void)unused;
    const struct stream_counters *counters = &self->stream->counters;
    bool remote = atomic_load(&counters->remote_known);
    return Py_BuildValue(
        "(KKKKKKKdNNNKKKKKKKKd)", counter_get(&counters->packets_sent), counter_get(&counters->octets_sent),
        counter_get(&counters->packets_received), counter_get(&counters->octets_received),
        counter_get(&counters->packets_lost), counter_get(&counters->packets_discarded),
        counter_get(&counters->frames_concealed), (double)counter_get(&counters->jitter) / 8.0,
        optional(atomic_load(&counters->round_trip_known), (double)counter_get(&counters->round_trip_us) / 1000.0),
        remote ? PyLong_FromUnsignedLongLong(counter_get(&counters->remote_lost)) : Py_NewRef(Py_None),
        optional(remote, (double)counter_get(&counters->remote_jitter) / 8.0), counter_get(&counters->sent.energy),
        counter_get(&counters->sent.samples), counter_get(&counters->heard.energy),
        counter_get(&counters->heard.samples), counter_get(&counters->srtp_failures),
        counter_get(&counters->packets_late), counter_get(&counters->gaps),
        counter_get(&counters->packets_recovered), (double)counter_get(&counters->playout_delay) / 8.0);
}

static PyObject *stream_py_close(StreamObject *self, PyObject *unused)
{
    (void)unused;
    if (self->closed)
        Py_RETURN_NONE;
    self->closed = true;
    if (self->parked) {
        stream_close_sockets(self->stream);
        Py_RETURN_NONE;
    }
    return post_command(self->owner, (struct command){.kind = COMMAND_CLOSE_STREAM, .stream = self->stream});
}

static void stream_py_dealloc(StreamObject *self)
{
    if (self->stream != NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        Py_XDECREF(stream_py_close(self, NULL));
        PyErr_Restore(type, value, traceback);
        stream_unref(self->stream);
    }
    Py_XDECREF(self->owner);
    free_object((PyObject *)self);
}

static PyMemberDef stream_members[] = {
    {"local_port", T_UINT, offsetof(StreamObject, port), READONLY, "The RTP port; RTCP is on the next."},
    {"id", T_UINT, offsetof(StreamObject, id), READONLY, "What events call the stream."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef stream_methods[] = {
    {"start", (PyCFunction)stream_py_start, METH_VARARGS, "Send and receive as agreed."},
    {"source_silence", (PyCFunction)stream_py_source_silence, METH_NOARGS, "Send silence."},
    {"source_echo", (PyCFunction)stream_py_source_echo, METH_NOARGS, "Send what is received."},
    {"source_tone", (PyCFunction)stream_py_source_tone, METH_VARARGS, "Send a tone (hertz, dBm0)."},
    {"source_samples", (PyCFunction)stream_py_source_samples, METH_VARARGS, "Send 16-bit samples, once or in a loop."},
    {"source_device", (PyCFunction)stream_py_source_device, METH_O, "Send what a device captures."},
    {"sink", (PyCFunction)stream_py_sink, METH_O, "Play what is received on a device, or nowhere (None)."},
    {"tap", (PyCFunction)stream_py_tap, METH_O, "Have a Tap hear both sides, or nobody (None)."},
    {"join", (PyCFunction)stream_py_join, METH_O, "Hear and be heard by the others of a Conference, or nobody (None)."},
    {"volume", (PyCFunction)stream_py_volume, METH_O, "Play what is received so loud (1: as it came)."},
    {"play", (PyCFunction)stream_py_play, METH_VARARGS, "Say a Clip (in a loop, mixed, number), or no more (None)."},
    {"hold", (PyCFunction)stream_py_hold, METH_VARARGS, "Say nothing but a Clip, or silence (None), until told again."},
    {"speak", (PyCFunction)stream_py_speak, METH_VARARGS, "Say what comes by a Pipe (mixed), or no more (None)."},
    {"quiet", (PyCFunction)stream_py_quiet, METH_O, "Whether what comes by the pipe is not said."},
    {"listen", (PyCFunction)stream_py_listen, METH_O, "Have a Pipe hear the far end, or nobody (None)."},
    {"detect_speech", (PyCFunction)stream_py_detect_speech, METH_O, "Whether to tell when the far end speaks."},
    {"send_digit", (PyCFunction)stream_py_send_digit, METH_VARARGS, "Queue a digit (character, milliseconds)."},
    {"beep", (PyCFunction)stream_py_beep, METH_O, "Let this end hear a tone (milliseconds)."},
    {"reroute", (PyCFunction)stream_py_reroute, METH_NOARGS, "The machine's addresses have changed."},
    {"ask", (PyCFunction)stream_py_ask, METH_VARARGS, "Ask a server (socket, host, port, question) where we are."},
    {"ask_no_more", (PyCFunction)stream_py_ask_no_more, METH_VARARGS, "Wait for no answer (socket)."},
    {"take_answer", (PyCFunction)stream_py_take_answer, METH_VARARGS, "What a server said to a socket, or None."},
    {"unpark", (PyCFunction)stream_py_unpark, METH_NOARGS, "Let the thread serve a stream that was opened parked."},
    {"filenos", (PyCFunction)stream_py_filenos, METH_NOARGS, "The sockets of a parked stream: RTP, RTCP."},
    {"statistics", (PyCFunction)stream_py_statistics, METH_NOARGS, "The counters, in MediaStatistics' order."},
    {"close", (PyCFunction)stream_py_close, METH_NOARGS, "End the stream; may be called twice."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, stream_py_dealloc},
    {Py_tp_members, stream_members},
    {Py_tp_methods, stream_methods},
    {0, NULL},
};

static PyType_Spec stream_spec = {
    .name = "neon.media._engine.Stream",
    .basicsize = sizeof(StreamObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stream_slots,
};

PyType_Spec *stream_type_spec(void)
{
    return &stream_spec;
}
