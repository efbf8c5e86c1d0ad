#include "link.h"

#include <stdlib.h>
#include <string.h>

int32_t rabbit_declare_exchange(rabbit_link *link, octavo_str name, const char *kind, int32_t durable, int32_t auto_delete,
                                rabbit_fault *fault) {
    amqp_exchange_declare(link->state, RABBIT_DECLARE, rabbit_bytes(name), amqp_cstring_bytes(kind), 0, durable, auto_delete, 0,
                          amqp_empty_table);
    return rabbit_answer(link, RABBIT_DECLARE, fault);
}

/* Entries of a table, one after the other. */
typedef struct arguments {
    amqp_table_entry_t entries[8];
    int count;
} arguments;

static amqp_field_value_t *next(arguments *list, const char *name, uint8_t kind) {
    amqp_table_entry_t *entry = &list->entries[list->count++];
    entry->key = amqp_cstring_bytes(name);
    entry->value.kind = kind;
    return &entry->value;
}

static void number(arguments *list, const char *name, int64_t value) {
    if (value > 0) next(list, name, AMQP_FIELD_KIND_I64)->value.i64 = value;
}

static void text(arguments *list, const char *name, octavo_str value) {
    if (value.size > 0) next(list, name, AMQP_FIELD_KIND_UTF8)->value.bytes = rabbit_bytes(value);
}

int32_t rabbit_declare_queue(rabbit_link *link, octavo_str name, const rabbit_queue *queue, rabbit_fault *fault) {
    arguments list = {.count = 0};
    number(&list, "x-max-length", queue->max_length);
    number(&list, "x-max-length-bytes", queue->max_bytes);
    number(&list, "x-max-priority", queue->max_priority);
    number(&list, "x-message-ttl", queue->ttl);
    text(&list, "x-dead-letter-exchange", queue->dead_letter_exchange);
    text(&list, "x-queue-type", queue->type);
    if (queue->lazy) next(&list, "x-queue-mode", AMQP_FIELD_KIND_UTF8)->value.bytes = amqp_cstring_bytes("lazy");
    if (queue->single_active) next(&list, "x-single-active-consumer", AMQP_FIELD_KIND_BOOLEAN)->value.boolean = 1;
    amqp_queue_declare(link->state, RABBIT_DECLARE, rabbit_bytes(name), 0, queue->durable, queue->exclusive, queue->auto_delete,
                       (amqp_table_t){list.count, list.entries});
    return rabbit_answer(link, RABBIT_DECLARE, fault);
}

int32_t rabbit_bind(rabbit_link *link, octavo_str queue, octavo_str exchange, octavo_str key, rabbit_fault *fault) {
    amqp_queue_bind(link->state, RABBIT_DECLARE, rabbit_bytes(queue), rabbit_bytes(exchange), rabbit_bytes(key), amqp_empty_table);
    return rabbit_answer(link, RABBIT_DECLARE, fault);
}

int32_t rabbit_confirm(rabbit_link *link, rabbit_fault *fault) {
    amqp_confirm_select(link->state, RABBIT_WORK);
    return rabbit_answer(link, RABBIT_WORK, fault);
}

static void set(amqp_basic_properties_t *properties, amqp_flags_t flag, amqp_bytes_t *field, octavo_str value) {
    if (value.size == 0) return;
    properties->_flags |= flag;
    *field = rabbit_bytes(value);
}

int32_t rabbit_publish(rabbit_link *link, const rabbit_publication *publication, rabbit_fault *fault) {
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG};
    amqp_bytes_t body = {(size_t)publication->data.size, (void *)publication->data.data};
    amqp_table_entry_t *entries = NULL;
    uint32_t at;
    int status;
    properties.delivery_mode = publication->persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
    set(&properties, AMQP_BASIC_CONTENT_TYPE_FLAG, &properties.content_type, publication->content_type);
    set(&properties, AMQP_BASIC_MESSAGE_ID_FLAG, &properties.message_id, publication->message_id);
    set(&properties, AMQP_BASIC_CORRELATION_ID_FLAG, &properties.correlation_id, publication->correlation_id);
    set(&properties, AMQP_BASIC_TYPE_FLAG, &properties.type, publication->type);
    set(&properties, AMQP_BASIC_REPLY_TO_FLAG, &properties.reply_to, publication->reply_to);
    set(&properties, AMQP_BASIC_EXPIRATION_FLAG, &properties.expiration, publication->expiration);
    if (publication->priority >= 0) {
        properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
        properties.priority = (uint8_t)publication->priority;
    }
    if (publication->headers.count > 0) {
        entries = calloc(publication->headers.count, sizeof *entries);
        if (!entries) return rabbit_status(fault, AMQP_STATUS_NO_MEMORY);
        for (at = 0; at < publication->headers.count; at++) {
            const octavo_pair *pair = (const octavo_pair *)((const char *)publication->headers.items + (size_t)at * publication->headers.stride);
            entries[at].key = rabbit_bytes(pair->name);
            entries[at].value.kind = AMQP_FIELD_KIND_UTF8;
            entries[at].value.value.bytes = rabbit_bytes(pair->value);
        }
        properties._flags |= AMQP_BASIC_HEADERS_FLAG;
        properties.headers = (amqp_table_t){(int)publication->headers.count, entries};
    }
    status = amqp_basic_publish(link->state, RABBIT_WORK, rabbit_bytes(publication->exchange), rabbit_bytes(publication->key), 0, 0,
                                &properties, body);
    free(entries);
    return rabbit_status(fault, status);
}

int32_t rabbit_consume(rabbit_link *link, octavo_str queue, octavo_str tag, uint16_t prefetch, int32_t exclusive, rabbit_fault *fault) {
    amqp_basic_qos(link->state, RABBIT_WORK, 0, prefetch, 0);
    if (rabbit_answer(link, RABBIT_WORK, fault) < 0) return -1;
    amqp_basic_consume(link->state, RABBIT_WORK, rabbit_bytes(queue), rabbit_bytes(tag), 0, 0, exclusive, amqp_empty_table);
    return rabbit_answer(link, RABBIT_WORK, fault);
}

int32_t rabbit_cancel(rabbit_link *link, octavo_str tag, rabbit_fault *fault) {
    amqp_basic_cancel(link->state, RABBIT_WORK, rabbit_bytes(tag));
    return rabbit_answer(link, RABBIT_WORK, fault);
}

int32_t rabbit_ack(rabbit_link *link, uint64_t tag, rabbit_fault *fault) {
    return rabbit_status(fault, amqp_basic_ack(link->state, RABBIT_WORK, tag, 0));
}

int32_t rabbit_reject(rabbit_link *link, uint64_t tag, int32_t requeue, rabbit_fault *fault) {
    return rabbit_status(fault, amqp_basic_reject(link->state, RABBIT_WORK, tag, requeue));
}
