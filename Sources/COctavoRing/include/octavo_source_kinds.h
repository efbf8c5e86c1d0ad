/* Kinds of components that deliver: which operations open, end and steer a source, and what is delivered. */
#ifndef OCTAVO_SOURCE_KINDS_H
#define OCTAVO_SOURCE_KINDS_H

#include <octavo/octavo.h>

OCTAVO_BEGIN

/* The kind has no such operation. */
#define OCTAVO_NO_OP (-1)

typedef struct octavo_source_kind {
    int32_t kind; /* OCTAVO_KIND_* */
    int32_t open, close;     /* operation numbers; the source follows the head of their requests */
    int32_t credit, settle;  /* or OCTAVO_NO_OP: what is delivered is not settled, and needs no credit */
    uint32_t reserved;
    const octavo_layout *message;
} octavo_source_kind;

/* NULL: components of the kind don't deliver anything. */
const octavo_source_kind *OCTAVO_NULLABLE octavo_source_kind_at(int32_t kind);

/* The source that a request of one of those operations names. */
octavo_source octavo_request_source(const void *request);

OCTAVO_END

#endif
