/* The Python face: what its three files share. All of it runs with the GIL held unless said otherwise. */
#ifndef NEON_PYMODULE_H
#define NEON_PYMODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

struct module_state {
    PyTypeObject *engine_type, *stream_type, *device_type, *conference_type, *tap_type, *clip_type, *pipe_type;
};

/* Add their types and functions to the module; -1 with an exception set. */
int add_engine_types(PyObject *module, struct module_state *state);
int add_testing(PyObject *module);
int add_playout(PyObject *module);
int add_mixing(PyObject *module);
int add_secure(PyObject *module);
int add_resampling(PyObject *module);
int add_cadences(PyObject *module);

#endif
