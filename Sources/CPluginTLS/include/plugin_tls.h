/* TLS of plugins, over sockets that don't block or for a library's own context, with OpenSSL. */
#ifndef OCTAVO_PLUGIN_TLS_H
#define OCTAVO_PLUGIN_TLS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/* What reading, writing and shaking hands answer when they have no bytes to tell of. */
#define PLUGIN_TLS_WANT_READ (-1)
#define PLUGIN_TLS_WANT_WRITE (-2)
#define PLUGIN_TLS_FAILED (-3)

typedef struct plugin_tls plugin_tls;
typedef struct plugin_tls_session plugin_tls_session;

/*
 * Settings of all connections. Certificates and keys are PEM text ("-----BEGIN …") or paths, NULL = none;
 * `authority` NULL = the system's. NULL on failure, with a sentence in `error`.
 */
plugin_tls *_Nullable plugin_tls_new(const char *_Nullable authority, const char *_Nullable certificate,
                                   const char *_Nullable key, int32_t verify, char *error, size_t error_size);
void plugin_tls_free(plugin_tls *_Nullable tls);

/* A client's session over `descriptor`, which stays the caller's. `host` is checked against the
   server's certificate when `verify` was given. */
plugin_tls_session *_Nullable plugin_tls_open(plugin_tls *tls, int32_t descriptor, const char *host);
void plugin_tls_close(plugin_tls_session *_Nullable session);

/* 1 when the handshake is done, else one of the constants above. */
int32_t plugin_tls_handshake(plugin_tls_session *session);
/* Bytes moved, 0 at the end of the stream (reading), else one of the constants above. */
int64_t plugin_tls_read(plugin_tls_session *session, void *memory, size_t size);
int64_t plugin_tls_write(plugin_tls_session *session, const void *memory, size_t size);
/* Why the last function of this session failed. */
void plugin_tls_error(plugin_tls_session *session, char *error, size_t error_size);

/*
 * Gives a context (an `SSL_CTX *`) certificates as `plugin_tls_new` does, and has it check the server's certificate against
 * `host` when `verify` is not 0. 0, or -1 and a sentence in `error`.
 */
int32_t plugin_tls_prepare(void *context, const char *host, const char *_Nullable authority, const char *_Nullable certificate,
                           const char *_Nullable key, int32_t verify, char *error, size_t error_size);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
