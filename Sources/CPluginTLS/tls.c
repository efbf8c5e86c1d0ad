#define _GNU_SOURCE
#include "plugin_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct plugin_tls {
    SSL_CTX *context;
    BIO_METHOD *socket; /* reads and writes a socket without SIGPIPE */
    int verify;
};

struct plugin_tls_session {
    SSL *ssl;
    int descriptor;
    int why; /* SSL_get_error of the last failure */
    int number; /* errno then */
};

static int socket_write(BIO *bio, const char *data, int size) {
    ssize_t moved = send((int)(intptr_t)BIO_get_data(bio), data, (size_t)size, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
    return (int)moved;
}

static int socket_read(BIO *bio, char *data, int size) {
    ssize_t moved = recv((int)(intptr_t)BIO_get_data(bio), data, (size_t)size, 0);
    BIO_clear_retry_flags(bio);
    if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
    return (int)moved;
}

static long socket_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int is_text(const char *pem) { return strncmp(pem, "-----BEGIN", 10) == 0; }

/* A reader of PEM text or of a file. */
static BIO *source(const char *pem) { return is_text(pem) ? BIO_new_mem_buf(pem, -1) : BIO_new_file(pem, "r"); }

static int add_authority(SSL_CTX *context, const char *pem) {
    BIO *bio = source(pem);
    X509 *certificate;
    int count = 0;
    if (!bio) return 0;
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        count += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
        X509_free(certificate);
    }
    ERR_clear_error();
    BIO_free(bio);
    return count > 0;
}

/* The first certificate is the client's, those after it lead to its authority. */
static int use_certificate(SSL_CTX *context, const char *pem) {
    BIO *bio = source(pem);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    int good = certificate && SSL_CTX_use_certificate(context, certificate) == 1;
    X509_free(certificate);
    while (good && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        if (SSL_CTX_add_extra_chain_cert(context, certificate) != 1) X509_free(certificate);
    if (good) ERR_clear_error();
    BIO_free(bio);
    return good;
}

static int use_key(SSL_CTX *context, const char *pem) {
    BIO *bio = source(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    int good = key && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return good;
}

static void say(char *error, size_t size, const char *what) {
    char reason[160] = "unknown reason";
    unsigned long code = ERR_peek_last_error();
    if (code) ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    snprintf(error, size, "%s (%s).", what, reason);
}

/* NULL, or what is wrong. */
static const char *load(SSL_CTX *context, const char *authority, const char *certificate, const char *key, int32_t verify) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (authority ? !add_authority(context, authority) : !SSL_CTX_set_default_verify_paths(context))
        return "caCert holds no certificate, or can't be read";
    if (certificate && !use_certificate(context, certificate)) return "clientCert holds no certificate, or can't be read";
    if (key && !use_key(context, key)) return "clientKey holds no private key of clientCert, or can't be read";
    return NULL;
}

static void expect(X509_VERIFY_PARAM *rules, const char *host) {
    struct in6_addr address;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1) X509_VERIFY_PARAM_set1_ip_asc(rules, host);
    else X509_VERIFY_PARAM_set1_host(rules, host, 0);
}

int32_t plugin_tls_prepare(void *context, const char *host, const char *authority, const char *certificate, const char *key, int32_t verify,
                           char *error, size_t error_size) {
    const char *what = load(context, authority, certificate, key, verify);
    if (verify) expect(SSL_CTX_get0_param(context), host);
    if (!what) return 0;
    say(error, error_size, what);
    return -1;
}

plugin_tls *plugin_tls_new(const char *authority, const char *certificate, const char *key, int32_t verify, char *error,
                         size_t error_size) {
    plugin_tls *tls = calloc(1, sizeof *tls);
    const char *what = "There is no memory for TLS";
    if (!tls) goto failed;
    tls->verify = verify;
    tls->context = SSL_CTX_new(TLS_client_method());
    tls->socket = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "plugin socket");
    if (!tls->context || !tls->socket) goto failed;
    BIO_meth_set_write(tls->socket, socket_write);
    BIO_meth_set_read(tls->socket, socket_read);
    BIO_meth_set_ctrl(tls->socket, socket_control);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    what = load(tls->context, authority, certificate, key, verify);
    if (what) goto failed;
    return tls;
failed:
    say(error, error_size, what);
    plugin_tls_free(tls);
    return NULL;
}

void plugin_tls_free(plugin_tls *tls) {
    if (!tls) return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    free(tls);
}

plugin_tls_session *plugin_tls_open(plugin_tls *tls, int32_t descriptor, const char *host) {
    plugin_tls_session *session = calloc(1, sizeof *session);
    struct in6_addr address;
    int is_address = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    BIO *bio = BIO_new(tls->socket);
    if (session) session->ssl = SSL_new(tls->context);
    if (!session || !session->ssl || !bio) {
        BIO_free(bio);
        plugin_tls_close(session);
        return NULL;
    }
    BIO_set_data(bio, (void *)(intptr_t)descriptor);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_connect_state(session->ssl);
    if (!is_address) SSL_set_tlsext_host_name(session->ssl, host);
    if (tls->verify) expect(SSL_get0_param(session->ssl), host);
    return session;
}

void plugin_tls_close(plugin_tls_session *session) {
    if (!session) return;
    SSL_free(session->ssl);
    free(session);
}

static int outcome(plugin_tls_session *session, int result) {
    int number = errno;
    switch (session->why = SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ: return PLUGIN_TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE: return PLUGIN_TLS_WANT_WRITE;
    default: session->number = number; return PLUGIN_TLS_FAILED;
    }
}

int32_t plugin_tls_handshake(plugin_tls_session *session) {
    int result;
    ERR_clear_error();
    result = SSL_do_handshake(session->ssl);
    return result == 1 ? 1 : outcome(session, result);
}

int64_t plugin_tls_read(plugin_tls_session *session, void *memory, size_t size) {
    int result;
    ERR_clear_error();
    result = SSL_read(session->ssl, memory, size > 1 << 20 ? 1 << 20 : (int)size);
    if (result > 0) return result;
    if (outcome(session, result) != PLUGIN_TLS_FAILED) return session->why == SSL_ERROR_WANT_READ ? PLUGIN_TLS_WANT_READ : PLUGIN_TLS_WANT_WRITE;
    return session->why == SSL_ERROR_ZERO_RETURN ? 0 : PLUGIN_TLS_FAILED;
}

int64_t plugin_tls_write(plugin_tls_session *session, const void *memory, size_t size) {
    int result;
    ERR_clear_error();
    result = SSL_write(session->ssl, memory, size > 1 << 20 ? 1 << 20 : (int)size);
    return result > 0 ? result : outcome(session, result);
}

void plugin_tls_error(plugin_tls_session *session, char *error, size_t error_size) {
    long verified = SSL_get_verify_result(session->ssl);
    unsigned long code = ERR_peek_last_error();
    if (verified != X509_V_OK) snprintf(error, error_size, "the server's certificate is refused: %s", X509_verify_cert_error_string(verified));
    else if (code) ERR_error_string_n(code, error, error_size);
    else if (session->why == SSL_ERROR_SYSCALL && session->number) snprintf(error, error_size, "%s", strerror(session->number));
    else snprintf(error, error_size, "the server ended the connection; does it speak TLS on this port?");
    ERR_clear_error();
}
