/* Base64 (RFC 4648, 4) with padding and without line breaks. */
#ifndef STEPWELL_HTTP_BASE64_H
#define STEPWELL_HTTP_BASE64_H

#include "base/buf.h"

/* Appends the encoded bytes. */
void base64_put(struct buf *out, const void *data, size_t n);

#endif
