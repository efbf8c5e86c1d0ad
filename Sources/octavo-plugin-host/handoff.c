/* octavo.handoff/1 of an instance here: its state goes through the control socket, a part at a time. */
#define _GNU_SOURCE
#include <errno.h>
#include <octavo/octavo.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve.h"

/* The runtime answers at once, unless it has given the hand-over up. */
#define PATIENCE_S 3

static const octavo_handoff *table_of(const served *it) {
    const octavo_life *life = it->type->life;
    const octavo_handoff *table;
    if (!it->created || life->size < offsetof(octavo_life, get_extension) + sizeof life->get_extension || !life->get_extension) return NULL;
    table = life->get_extension(octavo_instance_self(it->raw), octavo_text(OCTAVO_EXTENSION_HANDOFF));
    return table && table->size >= sizeof *table ? table : NULL;
}

static void answer(const octavo_message *to, uint32_t format, int64_t said) {
    tell((octavo_message){.type = OCTAVO_MESSAGE_ANSWER, .token = to->token, .instance = format, .deadline_ns = said}, NULL, NULL);
}

void handoff_describe(served *it, const octavo_message *message) {
    const octavo_handoff *table = table_of(it);
    answer(message, table ? table->format : 0, table != NULL);
}

void handoff_taken(served *it, const octavo_message *message) {
    pthread_mutex_lock(&it->lock);
    if (it->handing.token == message->token) {
        it->handing.answer = message->number;
        sem_post(&it->handing.taken);
    }
    pthread_mutex_unlock(&it->lock);
}

static int32_t wait_for_taken(served *it) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    while (sem_clockwait(&it->handing.taken, CLOCK_MONOTONIC, &until))
        if (errno != EINTR) return OCTAVO_FAILED;
    return it->handing.answer;
}

static int32_t send_part(served *it, octavo_bytes part, int64_t more) {
    tell_bytes((octavo_message){.type = OCTAVO_MESSAGE_PIECE, .token = it->handing.token, .deadline_ns = more}, part);
    return wait_for_taken(it);
}

static int32_t send_piece(void *argument, octavo_bytes piece) {
    served *it = argument;
    if (piece.size > OCTAVO_PIECE_MAX) return OCTAVO_TOO_LARGE;
    while (piece.size > OCTAVO_PART_MAX) {
        int32_t said = send_part(it, (octavo_bytes){piece.data, OCTAVO_PART_MAX}, 1);
        if (said != OCTAVO_OK) return said;
        piece.data += OCTAVO_PART_MAX;
        piece.size -= OCTAVO_PART_MAX;
    }
    return send_part(it, piece, 0);
}

typedef struct run {
    served *it;
    const octavo_handoff *table;
    octavo_bytes piece;
    int32_t said;
} run;

static void export_here(void *argument) {
    run *it = argument;
    it->said = it->table->export_state(octavo_instance_self(it->it->raw), send_piece, it->it);
}

static void set_token(served *it, uint64_t token) {
    pthread_mutex_lock(&it->lock);
    it->handing.token = token;
    pthread_mutex_unlock(&it->lock);
}

void handoff_export(served *it, const octavo_message *message) {
    run export = {it, table_of(it), {NULL, 0}, OCTAVO_FAILED};
    if (export.table) {
        /* What an export that was given up has left. */
        while (sem_trywait(&it->handing.taken) == 0) {}
        set_token(it, message->token);
        octavo_instance_control(it->raw, export_here, &export);
        set_token(it, 0);
    }
    answer(message, 0, export.said);
}

static void import_here(void *argument) {
    run *it = argument;
    it->said = it->table->import_state(octavo_instance_self(it->it->raw), it->piece);
}

static int keep(handing *it, const void *part, uint64_t size) {
    if (it->size + size > OCTAVO_PIECE_MAX) return -1;
    if (it->size + size > it->room) {
        uint64_t room = (it->size + size) * 2;
        uint8_t *grown = realloc(it->piece, room);
        if (!grown) return -1;
        it->piece = grown;
        it->room = room;
    }
    if (size) memcpy(it->piece + it->size, part, size);
    it->size += size;
    return 0;
}

void handoff_import(served *it, const octavo_message *message, const void *part) {
    run import = {it, table_of(it), {part, message->length}, OCTAVO_FAILED};
    if (message->deadline_ns || it->handing.size) {
        if (keep(&it->handing, part, message->length)) import.table = NULL;
        import.piece = (octavo_bytes){it->handing.piece, it->handing.size};
    }
    if (message->deadline_ns) return;
    if (import.table) octavo_instance_control(it->raw, import_here, &import);
    it->handing.size = 0;
    answer(message, 0, import.said);
}
