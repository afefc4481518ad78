/* The methods of a stream that ask where its sockets are seen. */
#include "pyobjects.h"

#include "stun.h"

static int which_socket(const char *name)
{
    if (strcmp(name, "rtp") == 0)
        return 0;
    if (strcmp(name, "rtcp") == 0)
        return 1;
    PyErr_Format(PyExc_ValueError, "a stream has an rtp and an rtcp socket, and no %s", name);
    return -1;
}

static bool served(const StreamObject *self)
{
    if (!self->closed && !self->parked)
        return true;
    PyErr_SetString(PyExc_ValueError, self->closed ? "the stream is closed" : "the stream is not served yet");
    return false;
}

/* The thread does not look at `stun` before the first command that says so, and the list of commands has a lock. */
static bool make_room(struct stream *stream)
{
    if (stream->stun == NULL)
        stream->stun = calloc(1, sizeof *stream->stun);
    if (stream->stun == NULL)
        PyErr_NoMemory();
    return stream->stun != NULL;
}

PyObject *stream_py_ask(StreamObject *self, PyObject *args)
{
    const char *name, *host, *bytes;
    int port;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "ssiy#:ask", &name, &host, &port, &bytes, &length))
        return NULL;
    struct command command = {.kind = COMMAND_ASK, .stream = self->stream};
    int which = which_socket(name);
    if (which < 0 || !served(self))
        return NULL;
    /* Unlike audio, servers may be at any port. */
    if (!address_parse(&command.question.server, host, 1024) || !address_allowed(&command.question.server) ||
        port < 1 || !address_parse(&command.question.server, host, (unsigned)port))
        return PyErr_Format(PyExc_ValueError, "%s port %d is no address of a server", host, port);
    if (length != STUN_QUESTION)
        return PyErr_Format(PyExc_ValueError, "a question has %d bytes, not %zd", STUN_QUESTION, length);
    memcpy(command.question.bytes, bytes, STUN_QUESTION);
    command.duration = (uint32_t)which;
    return make_room(self->stream) ? post_command(self->owner, command) : NULL;
}

PyObject *stream_py_ask_no_more(StreamObject *self, PyObject *args)
{
    const char *name;
    if (!PyArg_ParseTuple(args, "s:ask_no_more", &name))
        return NULL;
    int which = which_socket(name);
    if (which < 0)
        return NULL;
    if (self->closed || self->stream->stun == NULL)
        Py_RETURN_NONE;
    return post_command(self->owner, (struct command){.kind = COMMAND_ASK_NO_MORE, .stream = self->stream,
                                                      .duration = (uint32_t)which});
}

PyObject *stream_py_take_answer(StreamObject *self, PyObject *args)
{
    const char *name;
    uint8_t answer[STUN_ANSWER_MAX];
    size_t length;
    if (!PyArg_ParseTuple(args, "s:take_answer", &name))
        return NULL;
    int which = which_socket(name);
    if (which < 0)
        return NULL;
    if (self->stream->stun == NULL || !stun_take(self->stream->stun, (unsigned)which, answer, &length))
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)answer, (Py_ssize_t)length);
}
