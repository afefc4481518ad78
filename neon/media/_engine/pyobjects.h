/* Engine, Stream and Device as Python objects. Streams and devices hold their engine, so that it outlives them. */
#ifndef NEON_PYOBJECTS_H
#define NEON_PYOBJECTS_H

#include "pymodule.h"

#include "engine.h"
#include "library.h"
#include "packets.h"

typedef struct {
    PyObject_HEAD
    struct engine *engine;
    uint32_t last_id;
} EngineObject;

typedef struct {
    PyObject_HEAD
    EngineObject *owner;
    struct stream *stream;
    unsigned port;
    uint32_t id;
    bool parked; /* the thread does not know it yet */
    bool closed;
} StreamObject;

typedef struct {
    PyObject_HEAD
    EngineObject *owner;
    struct device *device;
    uint32_t id;
    bool closed;
} DeviceObject;

typedef struct {
    PyObject_HEAD
    struct tap *tap;
} TapObject;

typedef struct {
    PyObject_HEAD
    EngineObject *owner;
    struct conference *conference;
} ConferenceObject;

typedef struct {
    PyObject_HEAD
    struct clip *clip;
} ClipObject;

typedef struct {
    PyObject_HEAD
    struct pipe *pipe;
} PipeObject;

/* Hands a copy of the command over, with references of its own to whatever is counted in it; what else it
 * holds is freed if there is no memory. None, or NULL with an exception set. */
PyObject *post_command(EngineObject *owner, struct command command);

/* What (suite, send key, receive key, send MKI, receive MKI) says; NULL with an exception set. */
struct secure *secure_of(PyObject *keys);

/* What a Conference of this engine stands for; NULL with an exception set. */
struct conference *conference_of(EngineObject *owner, PyObject *argument);
PyObject *conference_open(EngineObject *owner);

/* The table of a module, which is loaded if it was not; NULL with an exception set. */
const void *library_of(const char *module, const char *capsule);

/* A coder for Opus, and one for G.722; NULL with an exception set. */
struct packets *packets_of(const struct opus_wishes *wishes);
struct g722 *g722_of_library(void);

/* The types of pystream.c, pyconference.c, pytap.c, pyscript.c, pycodecs.c and pythird.c. */
PyType_Spec *stream_type_spec(void);
PyType_Spec *conference_type_spec(void);
PyType_Spec *tap_type_spec(void);
PyType_Spec *clip_type_spec(void);
PyType_Spec *pipe_type_spec(void);
PyType_Spec *coder_type_spec(void);
PyType_Spec *resampler_type_spec(void);

/* The method of a device that pycadence.c has. */
PyObject *device_py_tones(DeviceObject *self, PyObject *args);

/* The methods of a stream that pyscript.c has. */
PyObject *stream_py_play(StreamObject *self, PyObject *args);
PyObject *stream_py_hold(StreamObject *self, PyObject *args);
PyObject *stream_py_speak(StreamObject *self, PyObject *args);
PyObject *stream_py_listen(StreamObject *self, PyObject *pipe);
PyObject *stream_py_quiet(StreamObject *self, PyObject *argument);
PyObject *stream_py_detect_speech(StreamObject *self, PyObject *argument);

/* And those that pystun.c has. */
PyObject *stream_py_ask(StreamObject *self, PyObject *args);
PyObject *stream_py_ask_no_more(StreamObject *self, PyObject *args);
PyObject *stream_py_take_answer(StreamObject *self, PyObject *args);

/* The end of every tp_dealloc of a heap type. */
static inline void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

#endif
