/* What kinds share: sources that a plugin delivers to, and streams of chunks. */
#ifndef OCTAVO_STREAM_H
#define OCTAVO_STREAM_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

/*
 * Sources. The runtime makes a source and names it in the request that opens it. The plugin hands
 * messages over with host->deliver(source, token, message), as many as it has credit for; the runtime
 * settles each token once. When a source ends, tokens that were not settled are RETRY by definition.
 *
 * `credit` and `settle` have the shape of all operations, but no call: `call` is 0 and nothing is to be
 * completed.
 */
typedef struct octavo_credit_request {
    octavo_head head;
    octavo_source source;
    uint32_t messages; /* so many more may be delivered; 0 = stop until the next credit */
    uint32_t reserved;
} octavo_credit_request;

/* What became of a message. */
#define OCTAVO_SETTLE_ACK 0         /* done */
#define OCTAVO_SETTLE_RETRY 1       /* deliver it again, after delay_ns */
#define OCTAVO_SETTLE_DROP 2        /* done, without success */
#define OCTAVO_SETTLE_DEAD_LETTER 3 /* move it to `topic`, then done */

typedef struct octavo_settle_request {
    octavo_head head;
    octavo_source source;
    uint64_t token;
    int64_t delay_ns; /* of RETRY; 0 = at once */
    int32_t outcome;  /* OCTAVO_SETTLE_* */
    uint32_t flags;
    octavo_str topic; /* of DEAD_LETTER */
    octavo_bytes data; /* the app's answer, for bindings that send one back; else absent */
    octavo_str content_type;
    octavo_list metadata; /* of octavo_pair: of the answer */
} octavo_settle_request;

/*
 * Streams. A request whose body does not fit into one piece comes in chunks of at most 256 KiB, as many
 * as host->stream_credit allowed. `on_chunk` belongs to the call that it names; that call is completed,
 * not the chunk.
 */
#define OCTAVO_CHUNK_LAST 0x1u

typedef struct octavo_chunk {
    uint32_t size;
    uint32_t flags; /* OCTAVO_CHUNK_LAST */
    octavo_bytes data;
} octavo_chunk;

/* host->stream_write may be used again, after it had answered OCTAVO_WAIT. */
typedef struct octavo_writable {
    uint32_t size;
    uint32_t flags;
} octavo_writable;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_credit_request, 80);
OCTAVO_ASSERT_OFFSET(octavo_credit_request, source, 64);
OCTAVO_ASSERT_OFFSET(octavo_credit_request, messages, 72);
OCTAVO_ASSERT_SIZE(octavo_settle_request, 160);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, source, 64);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, token, 72);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, delay_ns, 80);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, outcome, 88);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, flags, 92);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, topic, 96);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, data, 112);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, content_type, 128);
OCTAVO_ASSERT_OFFSET(octavo_settle_request, metadata, 144);
OCTAVO_ASSERT_SIZE(octavo_chunk, 24);
OCTAVO_ASSERT_OFFSET(octavo_chunk, data, 8);
OCTAVO_ASSERT_SIZE(octavo_writable, 8);

#endif
