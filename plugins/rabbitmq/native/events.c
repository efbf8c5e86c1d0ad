#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static octavo_str str(amqp_bytes_t bytes) { return (octavo_str){bytes.bytes, bytes.len}; }

static void say(rabbit_fault *fault, int32_t code, amqp_bytes_t text) {
    *fault = (rabbit_fault){.code = code};
    snprintf(fault->text, sizeof fault->text, "%.*s", (int)text.len, text.len ? (char *)text.bytes : "");
}

/* The rest of a message whose first frame has come. */
static int32_t read_message(rabbit_link *link, uint16_t channel, const amqp_basic_deliver_t *deliver, rabbit_event *event) {
    rabbit_message *message = calloc(1, sizeof *message);
    event->tag = deliver->delivery_tag;
    if (!message) {
        say(&event->fault, 0, amqp_cstring_bytes("there is no memory for a message"));
        event->fault.lost = 1;
        return -1;
    }
    message->redelivered = deliver->redelivered;
    if (rabbit_fail(&event->fault, amqp_read_message(link->state, channel, &message->raw, 0)) < 0) {
        /* What it had allocated it has freed. */
        free(message);
        event->fault.lost = 1;
        return -1;
    }
    event->kind = RABBIT_MESSAGE;
    event->message = message;
    return 0;
}

static int32_t take(rabbit_link *link, const amqp_frame_t *frame, rabbit_event *event) {
    const amqp_method_t *method = &frame->payload.method;
    event->channel = frame->channel;
    switch (method->id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = method->decoded;
        event->kind = RABBIT_CONFIRMED;
        event->tag = ack->delivery_tag;
        event->multiple = ack->multiple;
        return 0;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = method->decoded;
        event->kind = RABBIT_REFUSED;
        event->tag = nack->delivery_tag;
        event->multiple = nack->multiple;
        return 0;
    }
    case AMQP_BASIC_DELIVER_METHOD: return read_message(link, frame->channel, method->decoded, event);
    case AMQP_BASIC_CANCEL_METHOD: event->kind = RABBIT_CANCELLED; return 0;
    case AMQP_CONNECTION_BLOCKED_METHOD: {
        const amqp_connection_blocked_t *blocked = method->decoded;
        event->kind = RABBIT_BLOCKED;
        say(&event->fault, 0, blocked->reason);
        return 0;
    }
    case AMQP_CONNECTION_UNBLOCKED_METHOD: event->kind = RABBIT_UNBLOCKED; return 0;
    case AMQP_CHANNEL_CLOSE_METHOD: {
        const amqp_channel_close_t *close = method->decoded;
        amqp_channel_close_ok_t ok = {0};
        event->kind = RABBIT_CLOSED;
        say(&event->fault, close->reply_code, close->reply_text);
        return rabbit_status(&event->fault, amqp_send_method(link->state, frame->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok));
    }
    case AMQP_CONNECTION_CLOSE_METHOD: {
        const amqp_connection_close_t *close = method->decoded;
        amqp_connection_close_ok_t ok = {0};
        say(&event->fault, close->reply_code, close->reply_text);
        event->fault.lost = 1;
        amqp_send_method(link->state, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
        return -1;
    }
    default: event->kind = RABBIT_NOTHING; return 1;
    }
}

int32_t rabbit_next(rabbit_link *link, rabbit_event *event) {
    while (1) {
        struct timeval now = {0, 0};
        amqp_frame_t frame;
        int status, taken;
        memset(event, 0, offsetof(rabbit_event, fault));
        event->fault.text[0] = 0;
        /* Frames that wait in the library are part of them. */
        amqp_maybe_release_buffers(link->state);
        status = amqp_simple_wait_frame_noblock(link->state, &frame, &now);
        if (status == AMQP_STATUS_TIMEOUT) return 0;
        if (rabbit_status(&event->fault, status) < 0) return -1;
        /* Bodies and headers without a method before them are nobody's. */
        if (frame.frame_type != AMQP_FRAME_METHOD) continue;
        taken = take(link, &frame, event);
        if (taken <= 0) return taken;
    }
}

void rabbit_properties_of(rabbit_message *message, rabbit_properties *out) {
    const amqp_basic_properties_t *from = &message->raw.properties;
    memset(out, 0, sizeof *out);
    out->data = (octavo_bytes){message->raw.body.bytes, message->raw.body.len};
    if (from->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG) out->content_type = str(from->content_type);
    if (from->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) out->message_id = str(from->message_id);
    if (from->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) out->correlation_id = str(from->correlation_id);
    if (from->_flags & AMQP_BASIC_TYPE_FLAG) out->type = str(from->type);
    if (from->_flags & AMQP_BASIC_TIMESTAMP_FLAG) out->timestamp = (int64_t)from->timestamp;
    if (from->_flags & AMQP_BASIC_HEADERS_FLAG) out->headers = from->headers.num_entries;
    out->redelivered = message->redelivered;
}

void rabbit_header(rabbit_message *message, int32_t index, octavo_str *name, octavo_str *value) {
    const amqp_table_entry_t *entry = &message->raw.properties.headers.entries[index];
    *name = str(entry->key);
    *value = (octavo_str){NULL, 0};
    if (entry->value.kind == AMQP_FIELD_KIND_UTF8 || entry->value.kind == AMQP_FIELD_KIND_BYTES) *value = str(entry->value.value.bytes);
}

void rabbit_free(rabbit_message *message) {
    amqp_destroy_message(&message->raw);
    free(message);
}
