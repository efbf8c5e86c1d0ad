#include "link.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <sys/time.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

amqp_bytes_t rabbit_bytes(octavo_str text) { return (amqp_bytes_t){(size_t)text.size, (void *)text.data}; }

int32_t rabbit_fail(rabbit_fault *fault, amqp_rpc_reply_t reply) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return 0;
    *fault = (rabbit_fault){.lost = 1};
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        amqp_channel_close_t *close = reply.reply.decoded;
        fault->code = close->reply_code;
        fault->lost = 0;
        snprintf(fault->text, sizeof fault->text, "%.*s", (int)close->reply_text.len, (char *)close->reply_text.bytes);
    } else if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        amqp_connection_close_t *close = reply.reply.decoded;
        fault->code = close->reply_code;
        snprintf(fault->text, sizeof fault->text, "%.*s", (int)close->reply_text.len, (char *)close->reply_text.bytes);
    } else if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) rabbit_status(fault, reply.library_error);
    else snprintf(fault->text, sizeof fault->text, "the server ended the connection");
    return -1;
}

int32_t rabbit_status(rabbit_fault *fault, int status) {
    int number = errno;
    if (status >= 0) return 0;
    *fault = (rabbit_fault){.lost = 1};
    if (status == AMQP_STATUS_SOCKET_ERROR && number)
        snprintf(fault->text, sizeof fault->text, "%s", strerror(number));
    else if (status == AMQP_STATUS_TIMEOUT) snprintf(fault->text, sizeof fault->text, "it does not answer in time");
    else if (status == AMQP_STATUS_HEARTBEAT_TIMEOUT) snprintf(fault->text, sizeof fault->text, "its heartbeats have stopped");
    else if (status == AMQP_STATUS_CONNECTION_CLOSED) snprintf(fault->text, sizeof fault->text, "it has closed the connection");
    else if (status == AMQP_STATUS_SSL_CONNECTION_FAILED)
        snprintf(fault->text, sizeof fault->text,
                 "the TLS handshake failed: its certificate is not of the authority in caCert or not for this host, or it refuses ours");
    else if (status == AMQP_STATUS_SSL_PEER_VERIFY_FAILED)
        snprintf(fault->text, sizeof fault->text, "its certificate is not of the authority in caCert, or not for this host");
    else snprintf(fault->text, sizeof fault->text, "%s", amqp_error_string2(status));
    return -1;
}

/* A channel that the server has closed is free again once it has been told so. */
int32_t rabbit_answer(rabbit_link *link, uint16_t channel, rabbit_fault *fault) {
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(link->state);
    if (rabbit_fail(fault, reply) == 0) return 0;
    if (!fault->lost) {
        amqp_channel_close_ok_t ok = {0};
        rabbit_fault again;
        if (amqp_send_method(link->state, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok) < 0) fault->lost = 1;
        else if (channel == RABBIT_DECLARE && rabbit_reopen(link, channel, &again) < 0) fault->lost = 1;
    }
    amqp_maybe_release_buffers_on_channel(link->state, channel);
    return -1;
}

static struct timeval milliseconds(int32_t count) { return (struct timeval){count / 1000, count % 1000 * 1000}; }

static int32_t login(rabbit_link *link, const rabbit_options *options, rabbit_fault *fault) {
    amqp_table_entry_t can[2], properties[2];
    const char *names[2] = {"connection.blocked", "consumer_cancel_notify"};
    amqp_table_t table = {2, properties};
    amqp_rpc_reply_t reply;
    for (int at = 0; at < 2; at++) {
        can[at] = (amqp_table_entry_t){.key = amqp_cstring_bytes(names[at])};
        can[at].value.kind = AMQP_FIELD_KIND_BOOLEAN;
        can[at].value.value.boolean = 1;
    }
    properties[0] = (amqp_table_entry_t){.key = amqp_cstring_bytes("capabilities")};
    properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
    properties[0].value.value.table = (amqp_table_t){2, can};
    properties[1] = (amqp_table_entry_t){.key = amqp_cstring_bytes("connection_name")};
    properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
    properties[1].value.value.bytes = amqp_cstring_bytes(options->name);
    reply = options->external ? amqp_login_with_properties(link->state, options->vhost, 0, AMQP_DEFAULT_FRAME_SIZE, options->heartbeat, &table,
                                                           AMQP_SASL_METHOD_EXTERNAL, options->user)
                              : amqp_login_with_properties(link->state, options->vhost, 0, AMQP_DEFAULT_FRAME_SIZE, options->heartbeat, &table,
                                                           AMQP_SASL_METHOD_PLAIN, options->user, options->password);
    return rabbit_fail(fault, reply);
}

rabbit_link *rabbit_open(const rabbit_options *options, rabbit_fault *fault) {
    rabbit_link *link = calloc(1, sizeof *link);
    struct timeval timeout = milliseconds(options->timeout);
    amqp_socket_t *socket;
    int status;
    *fault = (rabbit_fault){.lost = 1, .text = "there is no memory"};
    if (!link) return NULL;
    link->state = amqp_new_connection();
    if (!link->state) goto failed;
    socket = options->tls ? amqp_ssl_socket_new(link->state) : amqp_tcp_socket_new(link->state);
    if (!socket) goto failed;
    if (options->tls && rabbit_secure(socket, options, fault) < 0) goto failed;
    amqp_set_handshake_timeout(link->state, &timeout);
    amqp_set_rpc_timeout(link->state, &timeout);
    status = amqp_socket_open_noblock(socket, options->host, options->port, &timeout);
    if (rabbit_status(fault, status) < 0) {
        /* The library keeps the system's number to itself. */
        if (status == AMQP_STATUS_SOCKET_ERROR) snprintf(fault->text, sizeof fault->text, "nothing accepts the connection");
        goto failed;
    }
    if (login(link, options, fault) < 0) goto failed;
    link->is_open = 1;
    if (rabbit_reopen(link, RABBIT_WORK, fault) < 0 || rabbit_reopen(link, RABBIT_DECLARE, fault) < 0) goto failed;
    return link;
failed:
    rabbit_close(link, 0);
    return NULL;
}

void rabbit_close(rabbit_link *link, int32_t gently) {
    if (!link) return;
    if (gently && link->is_open) {
        /* It waits for the answer, so that what came before has been done; not for long. */
        struct timeval second = {1, 0};
        amqp_set_rpc_timeout(link->state, &second);
        amqp_connection_close(link->state, AMQP_REPLY_SUCCESS);
    }
    if (link->state) amqp_destroy_connection(link->state);
    free(link);
}

int32_t rabbit_descriptor(rabbit_link *link) { return amqp_get_sockfd(link->state); }

int32_t rabbit_reopen(rabbit_link *link, uint16_t channel, rabbit_fault *fault) {
    amqp_channel_open(link->state, channel);
    return rabbit_fail(fault, amqp_get_rpc_reply(link->state));
}

int32_t rabbit_ping(rabbit_link *link, rabbit_fault *fault) {
    /* Asking for what is granted already changes nothing and is answered. */
    amqp_basic_qos(link->state, RABBIT_DECLARE, 0, 0, 0);
    return rabbit_answer(link, RABBIT_DECLARE, fault);
}
