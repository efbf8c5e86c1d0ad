#include "kinds.h"
#include "layout_macros.h"

LAYOUT(, credit_request, STRUCT(octavo_credit_request, head, head));
LAYOUT(, settle_request, STRUCT(octavo_settle_request, head, head), STR(octavo_settle_request, topic),
       BYTES(octavo_settle_request, data), STR(octavo_settle_request, content_type),
       LIST(octavo_settle_request, metadata, pair));
LAYOUT(, chunk, BYTES(octavo_chunk, data));
LAYOUT_PLAIN(, writable);
