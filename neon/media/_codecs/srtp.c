/* The module neon.media._srtp: libsrtp2 behind the table of secure.h, for the engine alone. */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "../_engine/library.h"
#include "../_engine/secure.h"

_Static_assert(SECURE_TRAILER >= SRTP_MAX_TRAILER_LEN + 4, "the room behind a packet");
_Static_assert(SECURE_MKI_MAX <= SRTP_MAX_MKI_LEN, "the longest MKI");

struct suite {
    const char *name;
    size_t key_length; /* with the salt */
    void (*rtp)(srtp_crypto_policy_t *), (*rtcp)(srtp_crypto_policy_t *);
};

/* The short tags of _32 are RTP's only: SRTCP always has 80 bits (RFC 4568, section 6.2.2). */
static const struct suite SUITES[] = {
    {"AEAD_AES_256_GCM", 44, srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth},
    {"AEAD_AES_128_GCM", 28, srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth},
    {"AES_256_CM_HMAC_SHA1_80", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
     srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    {"AES_256_CM_HMAC_SHA1_32", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
     srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    {"AES_CM_128_HMAC_SHA1_80", 30, srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtcp_default},
    {"AES_CM_128_HMAC_SHA1_32", 30, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
     srtp_crypto_policy_set_rtcp_default},
};

struct direction {
    srtp_t context;
    uint8_t key[SECURE_KEY_MAX];
    size_t mki_length;
    uint8_t mki[SECURE_MKI_MAX];
};

struct state {
    struct secure face; /* first: what the engine knows of it */
    const struct suite *suite;
    struct direction out, in;
    uint32_t ssrcs[SECURE_SSRCS]; /* of the far end, that were authentic */
    unsigned ssrc_count;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static srtp_err_status_t initialised = srtp_err_status_fail;

static void initialise(void)
{
    initialised = srtp_init();
}

static const struct secure_library LIBRARY;

static const struct suite *find_suite(const char *name)
{
    for (size_t i = 0; i < sizeof SUITES / sizeof *SUITES; i++)
        if (strcmp(SUITES[i].name, name) == 0)
            return &SUITES[i];
    return NULL;
}

static bool open_direction(struct direction *direction, const struct suite *suite, const struct secure_key *key,
                           srtp_ssrc_type_t kind)
{
    memcpy(direction->key, key->data, key->length);
    direction->mki_length = key->mki_length;
    if (key->mki_length > 0)
        memcpy(direction->mki, key->mki, key->mki_length);
    srtp_master_key_t master = {direction->key, direction->mki, (unsigned)direction->mki_length};
    srtp_master_key_t *masters[] = {&master};
    /* A window of 0 is the default, 128 packets; the same packet is never sent twice. */
    srtp_policy_t policy = {.ssrc = {.type = kind}};
    suite->rtp(&policy.rtp);
    suite->rtcp(&policy.rtcp);
    if (key->mki_length > 0) {
        policy.keys = masters;
        policy.num_master_keys = 1;
    } else {
        policy.key = direction->key;
    }
    return srtp_create(&direction->context, &policy) == srtp_err_status_ok;
}

static void close_direction(struct direction *direction)
{
    if (direction->context != NULL)
        srtp_dealloc(direction->context);
    explicit_bzero(direction, sizeof *direction);
}

static bool acceptable(const struct suite *suite, const struct secure_key *key)
{
    return key->length == suite->key_length && key->mki_length <= SECURE_MKI_MAX;
}

static void free_state(struct secure *secure)
{
    struct state *state = (struct state *)secure;
    close_direction(&state->out);
    close_direction(&state->in);
    explicit_bzero(state, sizeof *state);
    free(state);
}

static struct secure *make(const char *suite_name, const struct secure_key *send, const struct secure_key *receive)
{
    const struct suite *suite = find_suite(suite_name);
    if (suite == NULL || !acceptable(suite, send) || !acceptable(suite, receive)) {
        errno = EINVAL;
        return NULL;
    }
    pthread_once(&once, initialise);
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return NULL;
    state->face.library = &LIBRARY;
    state->suite = suite;
    if (initialised != srtp_err_status_ok || !open_direction(&state->out, suite, send, ssrc_any_outbound) ||
        !open_direction(&state->in, suite, receive, ssrc_any_inbound)) {
        free_state(&state->face);
        errno = ENOSYS; /* libsrtp fails its own tests, or was built without the suite */
        return NULL;
    }
    return &state->face;
}

static bool same(const struct direction *one, const struct direction *other)
{
    return memcmp(one->key, other->key, sizeof one->key) == 0 && one->mki_length == other->mki_length &&
           memcmp(one->mki, other->mki, one->mki_length) == 0;
}

static void exchange(struct direction *one, struct direction *other)
{
    srtp_t context = one->context;
    one->context = other->context;
    other->context = context;
}

static void take_over(struct secure *secure, struct secure *old)
{
    struct state *state = (struct state *)secure, *before = (struct state *)old;
    if (before->suite != state->suite)
        return;
    if (same(&state->out, &before->out))
        exchange(&state->out, &before->out);
    if (same(&state->in, &before->in)) {
        exchange(&state->in, &before->in);
        memcpy(state->ssrcs, before->ssrcs, sizeof state->ssrcs);
        state->ssrc_count = before->ssrc_count;
    }
}

/* True if the far end may use that SSRC. */
static bool admitted(const struct state *secure, uint32_t ssrc, bool *known)
{
    for (unsigned i = 0; i < secure->ssrc_count; i++)
        if (secure->ssrcs[i] == ssrc)
            return *known = true;
    *known = false;
    return secure->ssrc_count < SECURE_SSRCS;
}

typedef srtp_err_status_t (*outward)(srtp_t, void *, int *, unsigned, unsigned);
typedef srtp_err_status_t (*inward)(srtp_t, void *, int *, unsigned);

static bool outwards(struct secure *face, outward call, uint8_t *data, size_t *length)
{
    const struct state *secure = (const struct state *)face;
    int size = (int)*length;
    if (call(secure->out.context, data, &size, secure->out.mki_length > 0, 0) != srtp_err_status_ok)
        return false;
    *length = (size_t)size;
    return true;
}

static bool inwards(struct secure *face, inward call, uint8_t *data, size_t *length, size_t ssrc_at)
{
    struct state *secure = (struct state *)face;
    uint32_t ssrc;
    bool known;
    if (*length < ssrc_at + sizeof ssrc || *length > INT_MAX)
        return false;
    memcpy(&ssrc, data + ssrc_at, sizeof ssrc);
    int size = (int)*length;
    if (!admitted(secure, ssrc, &known) ||
        call(secure->in.context, data, &size, secure->in.mki_length > 0) != srtp_err_status_ok || size < 0)
        return false;
    if (!known)
        secure->ssrcs[secure->ssrc_count++] = ssrc;
    *length = (size_t)size;
    return true;
}

static bool protect(struct secure *secure, uint8_t *data, size_t *length)
{
    return outwards(secure, srtp_protect_mki, data, length);
}

static bool unprotect(struct secure *secure, uint8_t *data, size_t *length)
{
    return inwards(secure, srtp_unprotect_mki, data, length, 8);
}

static bool protect_rtcp(struct secure *secure, uint8_t *data, size_t *length)
{
    return outwards(secure, srtp_protect_rtcp_mki, data, length);
}

static bool unprotect_rtcp(struct secure *secure, uint8_t *data, size_t *length)
{
    return inwards(secure, srtp_unprotect_rtcp_mki, data, length, 4);
}

static const struct secure_library LIBRARY = {
    .make = make,
    .free = free_state,
    .take_over = take_over,
    .protect = protect,
    .unprotect = unprotect,
    .protect_rtcp = protect_rtcp,
    .unprotect_rtcp = unprotect_rtcp,
};

LIBRARY_INIT(srtp, LIBRARY, "SRTP for the native media engine.");
