/* The C side of the rabbitmq plugin: one connection to a server over librabbitmq, used by one thread. */
#ifndef OCTAVO_RABBITMQ_NATIVE_H
#define OCTAVO_RABBITMQ_NATIVE_H

#include <octavo/octavo_types.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

typedef struct rabbit_link rabbit_link;
typedef struct rabbit_message rabbit_message;

/* How to get a connection. Texts end with a NUL and outlive the call that takes them; NULL where there is none. */
typedef struct rabbit_options {
    const char *host;
    int32_t port;
    const char *vhost;
    const char *user;
    const char *password;
    const char *name; /* shown by the server's lists of connections */
    int32_t heartbeat; /* seconds */
    int32_t timeout;   /* milliseconds; for connecting, and for each answer of the server */
    int32_t tls;
    int32_t external; /* who it is the certificate says (SASL EXTERNAL) */
    int32_t verify;
    const char *_Nullable authority; /* PEM text or a path; NULL: the system's */
    const char *_Nullable certificate;
    const char *_Nullable key;
} rabbit_options;

/* Why something failed. */
typedef struct rabbit_fault {
    int32_t code;  /* AMQP's reply code, 0 when the server gave none */
    int32_t lost;  /* the connection is of no use any more */
    char text[512]; /* a phrase for a person */
} rabbit_fault;

/* Channels: what fails on one leaves the other one alone. */
#define RABBIT_WORK 1
#define RABBIT_DECLARE 2

/* Connects, logs in and opens both channels. NULL on failure. */
rabbit_link *_Nullable rabbit_open(const rabbit_options *options, rabbit_fault *fault);
/* Says goodbye when `gently`, closes and frees. */
void rabbit_close(rabbit_link *_Nullable link, int32_t gently);
int32_t rabbit_descriptor(rabbit_link *link);
/* Opens a channel again that the server has closed. These and all below: 0, or -1 and a fault. */
int32_t rabbit_reopen(rabbit_link *link, uint16_t channel, rabbit_fault *fault);
/* A round trip. */
int32_t rabbit_ping(rabbit_link *link, rabbit_fault *fault);

int32_t rabbit_declare_exchange(rabbit_link *link, octavo_str name, const char *kind, int32_t durable, int32_t auto_delete,
                                rabbit_fault *fault);

/* Arguments of a queue; those that are 0 or NULL are not given. */
typedef struct rabbit_queue {
    int32_t durable;
    int32_t auto_delete;
    int32_t exclusive;
    int32_t lazy;
    int32_t single_active;
    int64_t max_length;
    int64_t max_bytes;
    int64_t max_priority;
    int64_t ttl; /* of its messages, milliseconds */
    octavo_str dead_letter_exchange;
    octavo_str type;
} rabbit_queue;

int32_t rabbit_declare_queue(rabbit_link *link, octavo_str name, const rabbit_queue *queue, rabbit_fault *fault);
int32_t rabbit_bind(rabbit_link *link, octavo_str queue, octavo_str exchange, octavo_str key, rabbit_fault *fault);

/* Has the server confirm what is published on RABBIT_WORK. */
int32_t rabbit_confirm(rabbit_link *link, rabbit_fault *fault);

typedef struct rabbit_publication {
    octavo_str exchange;
    octavo_str key;
    octavo_bytes data;
    octavo_str content_type;
    octavo_str message_id;
    octavo_str correlation_id;
    octavo_str type;
    octavo_str reply_to;
    octavo_str expiration; /* milliseconds as digits */
    octavo_list headers;   /* of octavo_pair */
    int32_t priority;      /* -1: none */
    int32_t persistent;
} rabbit_publication;

int32_t rabbit_publish(rabbit_link *link, const rabbit_publication *publication, rabbit_fault *fault);

/* Has the server send messages of a queue, at most `prefetch` that are not acknowledged. */
int32_t rabbit_consume(rabbit_link *link, octavo_str queue, octavo_str tag, uint16_t prefetch, int32_t exclusive, rabbit_fault *fault);
int32_t rabbit_cancel(rabbit_link *link, octavo_str tag, rabbit_fault *fault);
int32_t rabbit_ack(rabbit_link *link, uint64_t tag, rabbit_fault *fault);
int32_t rabbit_reject(rabbit_link *link, uint64_t tag, int32_t requeue, rabbit_fault *fault);

/* What the server says unasked. */
typedef enum rabbit_kind {
    RABBIT_NOTHING = 0,   /* until now */
    RABBIT_CONFIRMED = 1, /* `tag`, and all before it if `multiple` */
    RABBIT_REFUSED = 2,   /* the same, and they are lost */
    RABBIT_MESSAGE = 3,   /* `message`, to be freed */
    RABBIT_CLOSED = 4,    /* `channel` is closed, for `fault` */
    RABBIT_CANCELLED = 5, /* the queue has gone */
    RABBIT_BLOCKED = 6,   /* the server takes no messages now, for `fault.text` */
    RABBIT_UNBLOCKED = 7,
} rabbit_kind;

typedef struct rabbit_event {
    rabbit_kind kind;
    int32_t multiple;
    uint64_t tag;
    rabbit_message *_Nullable message;
    uint16_t channel;
    rabbit_fault fault;
} rabbit_event;

/* The next of what has come; -1 when the connection is lost, for `fault`. Keeps up heartbeats. */
int32_t rabbit_next(rabbit_link *link, rabbit_event *event);

/* A message that was delivered. */
typedef struct rabbit_properties {
    octavo_bytes data;
    octavo_str content_type;
    octavo_str message_id;
    octavo_str correlation_id;
    octavo_str type;
    int64_t timestamp; /* seconds, 0 = none */
    int32_t redelivered;
    int32_t headers;
} rabbit_properties;

void rabbit_properties_of(rabbit_message *message, rabbit_properties *properties);
/* Header `index`: its name and, of a text, its value; of others the value is absent. */
void rabbit_header(rabbit_message *message, int32_t index, octavo_str *name, octavo_str *value);
void rabbit_free(rabbit_message *message);

/* Readies the TLS of a socket of librabbitmq (an `amqp_socket_t *`); 0, or -1 and a fault. */
int32_t rabbit_secure(void *socket, const rabbit_options *options, rabbit_fault *fault);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
