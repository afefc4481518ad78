#include "secure.h"

/* What a stream uses, by whoever made it: libsrtp2 is another module's (secure.h). */

void secure_free(struct secure *secure)
{
    if (secure != NULL)
        secure->library->free(secure);
}

void secure_continue(struct secure *secure, struct secure *before)
{
    if (before != NULL)
        secure->library->take_over(secure, before);
}

bool secure_protect(struct secure *secure, uint8_t *data, size_t *length)
{
    return secure->library->protect(secure, data, length);
}

bool secure_unprotect(struct secure *secure, uint8_t *data, size_t *length)
{
    return secure->library->unprotect(secure, data, length);
}

bool secure_protect_rtcp(struct secure *secure, uint8_t *data, size_t *length)
{
    return secure->library->protect_rtcp(secure, data, length);
}

bool secure_unprotect_rtcp(struct secure *secure, uint8_t *data, size_t *length)
{
    return secure->library->unprotect_rtcp(secure, data, length);
}
