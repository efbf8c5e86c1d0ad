/* octavo.handoff/1 of an isolated instance: its state goes through the control socket, piece by piece. */
#include <stdlib.h>
#include <string.h>

#include "isolated.h"

/* Calls wait meanwhile, for a second at most; a helper that hangs is noticed later than that. */
#define PATIENCE_NS 2000000000ll

/* A piece that comes in parts. */
typedef struct assembly {
    uint8_t *data;
    uint64_t size, room;
} assembly;

static int append(assembly *it, const void *data, uint64_t size) {
    if (it->size + size > OCTAVO_PIECE_MAX) return -1;
    if (it->size + size > it->room) {
        uint64_t room = (it->size + size) * 2;
        uint8_t *grown = realloc(it->data, room);
        if (!grown) return -1;
        it->data = grown;
        it->room = room;
    }
    if (size) memcpy(it->data + it->size, data, size);
    it->size += size;
    return 0;
}

/* What the sink says of a part; OK while the piece is not whole. */
static int32_t take_part(assembly *it, const octavo_message *part, const void *body, octavo_handoff_sink sink, void *argument) {
    int32_t answer;
    if (!it->size && !part->deadline_ns) return sink(argument, (octavo_bytes){body, part->length});
    if (append(it, body, part->length)) return OCTAVO_TOO_LARGE;
    if (part->deadline_ns) return OCTAVO_OK;
    answer = sink(argument, (octavo_bytes){it->data, it->size});
    it->size = 0;
    return answer;
}

static int32_t export_from(octavo_helper *helper, const proxy *from, octavo_handoff_sink sink, void *argument) {
    octavo_message message = {.type = OCTAVO_MESSAGE_EXPORT, .instance = from->id}, answer;
    question asked;
    assembly piece = {0};
    void *body = NULL;
    int got;
    if (helper_pose(helper, &asked, message, NULL, NULL)) return OCTAVO_FAILED;
    while ((got = helper_piece(helper, &asked, PATIENCE_NS, &answer, &body)) == 1) {
        octavo_message taken = {.type = OCTAVO_MESSAGE_TAKEN, .instance = from->id, .token = answer.token};
        taken.number = take_part(&piece, &answer, body, sink, argument);
        free(body);
        body = NULL;
        /* If it is gone, the next wait tells. */
        helper_say(helper, taken);
    }
    free(piece.data);
    free(body);
    return got ? OCTAVO_FAILED : (int32_t)answer.deadline_ns;
}

static int32_t proxy_export(void *self, octavo_handoff_sink sink, void *argument) {
    proxy *it = self;
    octavo_helper *helper = isolated_current(it->isolated);
    int32_t answer = helper ? export_from(helper, it, sink, argument) : OCTAVO_FAILED;
    if (helper) octavo_helper_release(helper);
    return answer;
}

static int32_t import_into(octavo_helper *helper, const proxy *to, octavo_bytes piece) {
    octavo_message message = {.type = OCTAVO_MESSAGE_IMPORT, .instance = to->id}, answer;
    question asked;
    void *body = NULL;
    if (piece.size > OCTAVO_PIECE_MAX) return OCTAVO_TOO_LARGE;
    while (piece.size > OCTAVO_PART_MAX) {
        message.deadline_ns = 1;
        if (helper_say_bytes(helper, message, (octavo_bytes){piece.data, OCTAVO_PART_MAX})) return OCTAVO_FAILED;
        piece.data += OCTAVO_PART_MAX;
        piece.size -= OCTAVO_PART_MAX;
    }
    message.deadline_ns = 0;
    if (helper_pose(helper, &asked, message, NULL, &piece) || helper_answer(helper, &asked, PATIENCE_NS, &answer, &body))
        return OCTAVO_FAILED;
    free(body);
    return answer.number ? OCTAVO_FAILED : (int32_t)answer.deadline_ns;
}

static int32_t proxy_import(void *self, octavo_bytes piece) {
    proxy *it = self;
    octavo_helper *helper = isolated_current(it->isolated);
    int32_t answer = helper ? import_into(helper, it, piece) : OCTAVO_FAILED;
    if (helper) octavo_helper_release(helper);
    return answer;
}

const void *proxy_get_extension(void *self, octavo_str id) {
    proxy *it = self;
    octavo_message message = {.type = OCTAVO_MESSAGE_HANDOFF, .instance = it->id}, answer = {0};
    octavo_helper *helper;
    void *body = NULL;
    int failed;
    if (id.size != sizeof OCTAVO_EXTENSION_HANDOFF - 1 || memcmp(id.data, OCTAVO_EXTENSION_HANDOFF, id.size)) return NULL;
    helper = isolated_current(it->isolated);
    if (!helper) return NULL;
    failed = helper_ask(helper, message, NULL, NULL, PATIENCE_NS, &answer, &body);
    free(failed ? NULL : body);
    octavo_helper_release(helper);
    if (failed || answer.number || !answer.deadline_ns) return NULL;
    it->handoff = (octavo_handoff){.size = sizeof it->handoff, .format = answer.instance, .export_state = proxy_export, .import_state = proxy_import};
    return &it->handoff;
}
