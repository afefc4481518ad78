/* Cadences as Python sees them: the tones of a device, and a hook for the tests. */
#include "pyobjects.h"

enum { STEP_MS_MAX = 60000 };

/* ((hertz, hertz, milliseconds), ...) of one level; false with an exception set. */
static bool cadence_of(struct cadence *cadence, PyObject *steps, double dbm0, bool repeat)
{
    PyObject *sequence = PySequence_Fast(steps, "steps are a sequence");
    if (sequence == NULL)
        return false;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence);
    bool good = count <= CADENCE_STEPS && dbm0 <= 0;
    if (!good)
        PyErr_Format(PyExc_ValueError, "at most %d steps, of 0 dBm0 at most", CADENCE_STEPS);
    for (Py_ssize_t i = 0; good && i < count; i++) {
        double first, second;
        int milliseconds;
        good = PyArg_ParseTuple(PySequence_Fast_GET_ITEM(sequence, i), "ddi", &first, &second, &milliseconds);
        if (good && !(first >= 0 && first < 4000 && second >= 0 && second < 4000 && milliseconds > 0 &&
                      milliseconds <= STEP_MS_MAX)) {
            PyErr_SetString(PyExc_ValueError, "frequencies are below 4000 Hz, a step takes up to a minute");
            good = false;
        }
        if (good)
            cadence->steps[i] = (struct cadence_step){{tone_step(first), tone_step(second)},
                                                      (uint32_t)milliseconds * 8};
    }
    Py_DECREF(sequence);
    cadence->count = (unsigned)count;
    cadence->repeat = repeat;
    cadence->amplitude = sine_amplitude(dbm0);
    return good;
}

PyObject *device_py_tones(DeviceObject *self, PyObject *args)
{
    PyObject *steps;
    double dbm0;
    int layer, repeat;
    struct cadence cadence = {0};
    if (!PyArg_ParseTuple(args, "iOdp:tones", &layer, &steps, &dbm0, &repeat) ||
        !cadence_of(&cadence, steps, dbm0, repeat))
        return NULL;
    if (layer < 0 || layer >= DEVICE_LAYERS)
        return PyErr_Format(PyExc_ValueError, "there are %d layers of tones", DEVICE_LAYERS);
    struct cadence *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return PyErr_NoMemory();
    *copy = cadence;
    return post_command(self->owner, (struct command){.kind = COMMAND_TONES,
                                                      .device = self->device,
                                                      .cadence = copy,
                                                      .duration = (uint32_t)layer});
}

/* For the tests: the first samples at 8 kHz. */
static PyObject *module_cadence(PyObject *module, PyObject *args)
{
    PyObject *steps;
    double dbm0;
    int repeat, count;
    struct cadence cadence = {0};
    float sine[SINE_TABLE + 1];
    (void)module;
    if (!PyArg_ParseTuple(args, "Odpi:cadence", &steps, &dbm0, &repeat, &count) ||
        !cadence_of(&cadence, steps, dbm0, repeat))
        return NULL;
    PyObject *result = PyBytes_FromStringAndSize(NULL, 2 * (Py_ssize_t)count);
    if (result == NULL)
        return NULL;
    sine_fill(sine);
    int16_t *samples = (int16_t *)(void *)PyBytes_AS_STRING(result);
    for (int at = 0; at < count; at += DEVICE_FRAME) {
        int32_t sums[DEVICE_FRAME] = {0};
        cadence_add(&cadence, sine, sums, DEVICE_FRAME, false);
        for (int i = 0; i < DEVICE_FRAME && at + i < count; i++)
            samples[at + i] = (int16_t)sums[i];
    }
    return result;
}

static PyMethodDef functions[] = {
    {"cadence", module_cadence, METH_VARARGS, "Samples of (steps, dBm0, repeat, count), for tests."},
    {NULL, NULL, 0, NULL},
};

int add_cadences(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
