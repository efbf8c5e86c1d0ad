#include "rabbitmq_native.h"

#include <amqp_ssl_socket.h>
#include <plugin_tls.h>

int32_t rabbit_secure(void *socket, const rabbit_options *options, rabbit_fault *fault) {
    /* The context checks the name: the library's own check knows no addresses. */
    amqp_ssl_socket_set_verify_hostname(socket, 0);
    amqp_ssl_socket_set_verify_peer(socket, options->verify ? 1 : 0);
    /* It does not get better by itself. */
    *fault = (rabbit_fault){.code = -1, .lost = 1};
    return plugin_tls_prepare(amqp_ssl_socket_get_context(socket), options->host, options->authority, options->certificate, options->key,
                              options->verify, fault->text, sizeof fault->text);
}
