#include "rabbitmq_native.h"

#include <amqp_ssl_socket.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* A reader of PEM text or of a file. */
static BIO *source(const char *pem) {
    return strncmp(pem, "-----BEGIN", 10) == 0 ? BIO_new_mem_buf(pem, -1) : BIO_new_file(pem, "r");
}

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

int32_t rabbit_secure(void *socket, const rabbit_options *options, rabbit_fault *fault) {
    SSL_CTX *context = amqp_ssl_socket_get_context(socket);
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(context);
    struct in6_addr address;
    const char *what = NULL;
    char reason[160] = "unknown reason";
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* The context checks the name: the library's own check knows no addresses. */
    amqp_ssl_socket_set_verify_hostname(socket, 0);
    amqp_ssl_socket_set_verify_peer(socket, options->verify ? 1 : 0);
    if (options->verify) {
        if (inet_pton(AF_INET, options->host, &address) == 1 || inet_pton(AF_INET6, options->host, &address) == 1)
            X509_VERIFY_PARAM_set1_ip_asc(rules, options->host);
        else X509_VERIFY_PARAM_set1_host(rules, options->host, 0);
    }
    if (options->authority ? !add_authority(context, options->authority) : !SSL_CTX_set_default_verify_paths(context))
        what = "caCert holds no certificate, or can't be read";
    else if (options->certificate && !use_certificate(context, options->certificate))
        what = "clientCert holds no certificate, or can't be read";
    else if (options->key && !use_key(context, options->key))
        what = "clientKey holds no private key of clientCert, or can't be read";
    if (!what) return 0;
    if (ERR_peek_last_error()) ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
    ERR_clear_error();
    /* It does not get better by itself. */
    *fault = (rabbit_fault){.code = -1, .lost = 1};
    snprintf(fault->text, sizeof fault->text, "%s (%s)", what, reason);
    return -1;
}
