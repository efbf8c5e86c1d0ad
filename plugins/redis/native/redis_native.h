/* The C side of the redis plugin: TLS over a socket that doesn't block, with OpenSSL. */
#ifndef OCTAVO_REDIS_NATIVE_H
#define OCTAVO_REDIS_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/* What reading, writing and shaking hands answer when they have no bytes to tell of. */
#define REDIS_TLS_WANT_READ (-1)
#define REDIS_TLS_WANT_WRITE (-2)
#define REDIS_TLS_FAILED (-3)

typedef struct redis_tls redis_tls;
typedef struct redis_tls_session redis_tls_session;

/*
 * Settings of all connections. Certificates and keys are PEM text ("-----BEGIN …") or paths, NULL = none;
 * `authority` NULL = the system's. NULL on failure, with a sentence in `error`.
 */
redis_tls *_Nullable redis_tls_new(const char *_Nullable authority, const char *_Nullable certificate,
                                   const char *_Nullable key, int32_t verify, char *error, size_t error_size);
void redis_tls_free(redis_tls *_Nullable tls);

/* A client's session over `descriptor`, which stays the caller's. `host` is checked against the
   server's certificate when `verify` was given. */
redis_tls_session *_Nullable redis_tls_open(redis_tls *tls, int32_t descriptor, const char *host);
void redis_tls_close(redis_tls_session *_Nullable session);

/* 1 when the handshake is done, else one of the constants above. */
int32_t redis_tls_handshake(redis_tls_session *session);
/* Bytes moved, 0 at the end of the stream (reading), else one of the constants above. */
int64_t redis_tls_read(redis_tls_session *session, void *memory, size_t size);
int64_t redis_tls_write(redis_tls_session *session, const void *memory, size_t size);
/* Why the last function of this session failed. */
void redis_tls_error(redis_tls_session *session, char *error, size_t error_size);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
