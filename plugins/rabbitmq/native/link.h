/* What the sources of this plugin share. */
#ifndef OCTAVO_RABBITMQ_LINK_H
#define OCTAVO_RABBITMQ_LINK_H

#include "rabbitmq_native.h"

#include <amqp.h>

struct rabbit_link {
    amqp_connection_state_t state;
    int is_open;
};

struct rabbit_message {
    amqp_message_t raw;
    int redelivered;
};

amqp_bytes_t rabbit_bytes(octavo_str text);
/* 0 for a good reply or status, else -1 and the fault. */
int32_t rabbit_fail(rabbit_fault *fault, amqp_rpc_reply_t reply);
int32_t rabbit_status(rabbit_fault *fault, int status);
/* The same for the last request on a channel; of RABBIT_DECLARE a closed one is opened again. */
int32_t rabbit_answer(rabbit_link *link, uint16_t channel, rabbit_fault *fault);

#endif
