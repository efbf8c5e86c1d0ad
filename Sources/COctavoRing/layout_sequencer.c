#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, sequencer_next_request, STRUCT(octavo_sequencer_next_request, head, head),
       STR(octavo_sequencer_next_request, key));
LAYOUT_PLAIN(static, sequencer_next_reply);
LAYOUT(static, sequencer_segment_request, STRUCT(octavo_sequencer_segment_request, head, head),
       STR(octavo_sequencer_segment_request, key));
LAYOUT_PLAIN(static, sequencer_segment_reply);

static const octavo_op ops[] = {
    OP("next", REPEATABLE, 0, sequencer_next_request, REPLY(sequencer_next_reply)),
    OP("segment", REPEATABLE, OCTAVO_SEQUENCER_SEGMENT, sequencer_segment_request, REPLY(sequencer_segment_reply)),
};

const octavo_kind octavo_kind_sequencer = {
    "sequencer", "sequencer.", OCTAVO_KIND_SEQUENCER, sizeof ops / sizeof ops[0], sizeof(octavo_sequencer_ops), 0, ops};
