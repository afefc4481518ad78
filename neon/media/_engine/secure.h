/* SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714) of one stream, by libsrtp2, which neon.media._srtp is linked with.
 *
 * Made by Python with both keys, then handed to the engine's thread, which alone uses it from then on. */
#ifndef NEON_SECURE_H
#define NEON_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECURE_TRAILER = 160, /* octets that protecting may add: SRTP_MAX_TRAILER_LEN, and 4 for SRTCP's index */
    SECURE_KEY_MAX = 46,  /* master key and salt of AES-256 */
    SECURE_MKI_MAX = 128,
    SECURE_SSRCS = 64,    /* that one far end may use under one key: each costs libsrtp memory */
};

struct secure { /* the module's own begins with it */
    const struct secure_library *library;
};

struct secure_key {
    const uint8_t *data; /* master key, then master salt */
    size_t length;
    const uint8_t *mki;  /* what the sender puts behind each packet to name the key; may be empty */
    size_t mki_length;
};

struct secure_library {
    /* `suite` is RFC 4568's name. NULL with errno: EINVAL for a suite or a length that does not exist. The first one of
     * a process takes some milliseconds, in which libsrtp tests itself. */
    struct secure *(*make)(const char *suite, const struct secure_key *send, const struct secure_key *receive);
    void (*free)(struct secure *secure);
    void (*take_over)(struct secure *secure, struct secure *before);
    bool (*protect)(struct secure *secure, uint8_t *data, size_t *length);
    bool (*unprotect)(struct secure *secure, uint8_t *data, size_t *length);
    bool (*protect_rtcp)(struct secure *secure, uint8_t *data, size_t *length);
    bool (*unprotect_rtcp)(struct secure *secure, uint8_t *data, size_t *length);
};

void secure_free(struct secure *secure); /* NULL is none */

/* Takes over from what was used before whatever has the same key: its rollover counter and its replay list go on
 * (RFC 4568, section 7.1.4: the same key twice would otherwise be the same keystream twice). */
void secure_continue(struct secure *secure, struct secure *before);

/* In place; `data` is aligned to 4 octets and has room for SECURE_TRAILER more. False: the packet must not be sent,
 * or not be believed. */
bool secure_protect(struct secure *secure, uint8_t *data, size_t *length);
bool secure_unprotect(struct secure *secure, uint8_t *data, size_t *length);
bool secure_protect_rtcp(struct secure *secure, uint8_t *data, size_t *length);
bool secure_unprotect_rtcp(struct secure *secure, uint8_t *data, size_t *length);

#endif
