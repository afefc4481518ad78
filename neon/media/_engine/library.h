/* Modules beside this one that are linked with a library of others, each loaded with the first call that needs it.
 *
 * Such a module, neon.media._NAME, has a capsule `library` with a table of functions: opus.h, secure.h and wideband.h say
 * which. Whoever calls with G.711 in clear, as most do, never loads libopus, libsrtp2 with NSS, or spandsp with libtiff,
 * some 3 MB together; and Debian's shlibs see what each is linked with, which dlopen() would hide from them. */
#ifndef NEON_LIBRARY_H
#define NEON_LIBRARY_H

#define LIBRARY_MODULE(name) "neon.media._" name
#define LIBRARY_CAPSULE(name) LIBRARY_MODULE(name) ".library"

/* The whole of such a module but for its table; for the one source file of each, which has Python.h. */
#define LIBRARY_INIT(name, table, about)                                                                               \
    static int execute(PyObject *module)                                                                               \
    {                                                                                                                  \
        PyObject *capsule = PyCapsule_New((void *)(uintptr_t)&(table), LIBRARY_CAPSULE(#name), NULL);                  \
        if (capsule == NULL)                                                                                           \
            return -1;                                                                                                 \
        int added = PyModule_AddObjectRef(module, "library", capsule);                                                 \
        Py_DECREF(capsule);                                                                                            \
        return added;                                                                                                  \
    }                                                                                                                  \
    static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};                                             \
    static struct PyModuleDef definition = {                                                                           \
        PyModuleDef_HEAD_INIT, .m_name = LIBRARY_MODULE(#name), .m_doc = about, .m_slots = slots};                     \
    PyMODINIT_FUNC PyInit__##name(void)                                                                                \
    {                                                                                                                  \
        return PyModuleDef_Init(&definition);                                                                          \
    }                                                                                                                  \
    _Static_assert(1, "")

#endif
