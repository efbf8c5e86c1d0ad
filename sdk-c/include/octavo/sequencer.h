/* Kind `sequencer`: numbers that are given once. */
#ifndef OCTAVO_SEQUENCER_H
#define OCTAVO_SEQUENCER_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_SEQUENCER_SEGMENT 0x1ull   /* else the runtime asks one by one */
#define OCTAVO_SEQUENCER_MONOTONIC 0x2ull /* STRONG is kept */

#define OCTAVO_SEQUENCER_OP_NEXT 0
#define OCTAVO_SEQUENCER_OP_SEGMENT 1

#define OCTAVO_SEQUENCE_WEAK 0   /* unique; mostly growing */
#define OCTAVO_SEQUENCE_STRONG 1 /* each is bigger than all that were given before */

typedef struct octavo_sequencer_next_request {
    octavo_head head;
    octavo_str key;
    int32_t order; /* OCTAVO_SEQUENCE_* */
    uint32_t reserved;
} octavo_sequencer_next_request;

typedef struct octavo_sequencer_next_reply {
    uint32_t size;
    uint32_t flags;
    int64_t id;
} octavo_sequencer_next_reply;

typedef struct octavo_sequencer_segment_request {
    octavo_head head;
    octavo_str key;
    uint64_t count; /* numbers wanted, at least 1 */
    int32_t order;
    uint32_t reserved;
} octavo_sequencer_segment_request;

typedef struct octavo_sequencer_segment_reply {
    uint32_t size;
    uint32_t flags;
    int64_t from; /* the first and */
    int64_t to;   /* the last number of the segment */
} octavo_sequencer_segment_reply;

/* Operations of a sequencer. All [exec]. Numbers start at 1; gaps are allowed, so both are repeatable. */
typedef struct octavo_sequencer_ops {
    uint32_t size;
    uint32_t reserved;
    void (*OCTAVO_NULLABLE next)(void *self, octavo_call call, const octavo_sequencer_next_request *request);
    void (*OCTAVO_NULLABLE segment)(void *self, octavo_call call, const octavo_sequencer_segment_request *request);
} octavo_sequencer_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_sequencer_next_request, 88);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_next_request, key, 64);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_next_request, order, 80);
OCTAVO_ASSERT_SIZE(octavo_sequencer_next_reply, 16);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_next_reply, id, 8);
OCTAVO_ASSERT_SIZE(octavo_sequencer_segment_request, 96);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_segment_request, key, 64);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_segment_request, count, 80);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_segment_request, order, 88);
OCTAVO_ASSERT_SIZE(octavo_sequencer_segment_reply, 24);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_segment_reply, from, 8);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_segment_reply, to, 16);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_ops, next, 8 + 8 * OCTAVO_SEQUENCER_OP_NEXT);
OCTAVO_ASSERT_OFFSET(octavo_sequencer_ops, segment, 8 + 8 * OCTAVO_SEQUENCER_OP_SEGMENT);
OCTAVO_ASSERT_SIZE(octavo_sequencer_ops, 24);

#endif
