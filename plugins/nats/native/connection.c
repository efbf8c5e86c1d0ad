#define _GNU_SOURCE
#include "nats_native.h"

#include <dlfcn.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nats_link {
    natsConnection *connection;
    /* Read by libnats while it connects. */
    const nats_settings *settings;
};

/* Milliseconds. */
#define CONNECT_TIMEOUT 5000
#define WRITE_DEADLINE 2000
#define PING_INTERVAL 5000

static int is_text(const char *pem) { return strstr(pem, "-----BEGIN") != NULL; }

/*
 * libnats has threads of its own, one set for the whole process, which other plugins and other builds of this one use as well:
 * it may not go when this plugin goes.
 */
static void keep_library(void) {
    Dl_info found;
    void *handle;
    if (!dladdr((void *)(uintptr_t)nats_Open, &found) || !found.dli_fname) return;
    handle = dlopen(found.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    if (handle) dlclose(handle);
}

static char *copy(const char *text) { return text ? strdup(text) : NULL; }

static natsStatus give_jwt(char **jwt, char **error, void *closure) {
    (void)error;
    *jwt = copy(((const nats_settings *)closure)->jwt);
    return *jwt ? NATS_OK : NATS_NO_MEMORY;
}

static natsStatus sign(char **error, unsigned char **signature, int *length, const char *nonce, void *closure) {
    natsStatus status = nats_Sign(((const nats_settings *)closure)->seed, nonce, signature, length);
    if (status != NATS_OK) *error = copy("seedKey is no seed of an nkey");
    return status;
}

/* The text of the last failure of libnats on this thread, without the place in its source. */
static const char *reason(natsStatus status) {
    const char *text = nats_GetLastError(NULL), *end;
    if (!text || !*text) return natsStatus_GetText(status);
    if (*text == '(' && (end = strstr(text, "): "))) text = end + 3;
    return text;
}

static natsStatus set_servers(natsOptions *options, const char *servers) {
    char *text = copy(servers), *rest = NULL, *word;
    const char *list[64];
    int count = 0;
    natsStatus status = NATS_NO_MEMORY;
    if (!text) return status;
    for (word = strtok_r(text, ", \t", &rest); word && count < 64; word = strtok_r(NULL, ", \t", &rest)) list[count++] = word;
    status = count ? natsOptions_SetServers(options, list, count) : NATS_INVALID_ARG;
    free(text);
    return status;
}

static natsStatus set_login(natsOptions *options, const nats_settings *settings) {
    void *closure = (void *)(uintptr_t)settings;
    if (settings->credentials) return natsOptions_SetUserCredentialsFromFiles(options, settings->credentials, NULL);
    if (settings->jwt) return natsOptions_SetUserCredentialsCallbacks(options, give_jwt, closure, sign, closure);
    if (settings->nkey) return natsOptions_SetNKey(options, settings->nkey, sign, closure);
    if (settings->token) return natsOptions_SetToken(options, settings->token);
    if (settings->user) return natsOptions_SetUserInfo(options, settings->user, settings->password);
    return NATS_OK;
}

static natsStatus set_tls(natsOptions *options, const nats_settings *settings, const char **what) {
    natsStatus status = natsOptions_SetSecure(options, true);
    *what = "tls_ca_cert holds no certificate, or can't be read";
    if (status == NATS_OK && settings->authority)
        status = is_text(settings->authority) ? natsOptions_SetCATrustedCertificates(options, settings->authority)
                                              : natsOptions_LoadCATrustedCertificates(options, settings->authority);
    if (status != NATS_OK) return status;
    *what = "tls_client_cert or tls_client_key can't be read, or the two don't belong together";
    if (settings->certificate)
        status = is_text(settings->certificate)
                     ? natsOptions_SetCertificatesChain(options, settings->certificate, settings->key)
                     : natsOptions_LoadCertificatesChain(options, settings->certificate, settings->key);
    if (status != NATS_OK) return status;
    *what = "TLS can't be set up";
    return settings->verify ? NATS_OK : natsOptions_SkipServerVerification(options, true);
}

static natsStatus set_manners(natsOptions *options, const nats_settings *settings) {
    natsStatus status = natsOptions_SetAllowReconnect(options, false);
    if (status == NATS_OK) status = natsOptions_SetName(options, settings->name);
    if (status == NATS_OK) status = natsOptions_SetTimeout(options, CONNECT_TIMEOUT);
    if (status == NATS_OK) status = natsOptions_SetWriteDeadline(options, WRITE_DEADLINE);
    if (status == NATS_OK) status = natsOptions_SetPingInterval(options, PING_INTERVAL);
    if (status == NATS_OK) status = natsOptions_SetMaxPingsOut(options, 2);
    return status;
}

static natsStatus attempt(nats_link *link, int secure, const char **what, int32_t *failure) {
    const nats_settings *settings = link->settings;
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    *failure = NATS_FAILED_SETTINGS;
    *what = "there is no memory for a connection";
    if (status == NATS_OK) status = set_manners(options, settings);
    if (status == NATS_OK) {
        *what = "natsURL is no list of URLs such as nats://localhost:4222";
        status = set_servers(options, settings->servers);
    }
    if (status == NATS_OK) {
        *what = "the credentials, or jwt and seedKey, can't be used";
        status = set_login(options, settings);
    }
    if (status == NATS_OK && secure) status = set_tls(options, settings, what);
    if (status == NATS_OK) {
        *what = NULL;
        *failure = NATS_FAILED_AWAY;
        status = natsConnection_Connect(&link->connection, options);
    }
    natsOptions_Destroy(options);
    return status;
}

nats_link *nats_link_open(const nats_settings *settings, char *error, size_t error_size, int32_t *failure) {
    nats_link *link = calloc(1, sizeof *link);
    const char *what = NULL;
    natsStatus status;
    if (!link) return NULL;
    link->settings = settings;
    keep_library();
    status = attempt(link, settings->secure, &what, failure);
    if (status == NATS_SECURE_CONNECTION_REQUIRED && !settings->secure) status = attempt(link, 1, &what, failure);
    if (status == NATS_OK) return link;
    if (status == NATS_SSL_ERROR || status == NATS_SECURE_CONNECTION_WANTED || status == NATS_SECURE_CONNECTION_REQUIRED)
        *failure = what ? NATS_FAILED_SETTINGS : NATS_FAILED_TLS;
    else if (status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED) *failure = NATS_FAILED_REFUSED;
    if (what) snprintf(error, error_size, "%s (%s)", what, reason(status));
    else snprintf(error, error_size, "%s", reason(status));
    nats_ReleaseThreadMemory();
    free(link);
    return NULL;
}

void nats_link_close(nats_link *link) {
    if (natsConnection_Status(link->connection) == NATS_CONN_STATUS_CONNECTED) natsConnection_FlushTimeout(link->connection, 500);
    natsConnection_Close(link->connection);
    natsConnection_Destroy(link->connection);
    nats_ReleaseThreadMemory();
    free(link);
}

/* Also for mailbox.c. */
natsConnection *nats_link_connection(nats_link *link);
natsConnection *nats_link_connection(nats_link *link) { return link->connection; }

int64_t nats_link_max_payload(nats_link *link) { return natsConnection_GetMaxPayload(link->connection); }

void nats_link_complaint(nats_link *link, char *text, size_t size) {
    const char *last = NULL;
    natsStatus status = natsConnection_GetLastError(link->connection, &last);
    snprintf(text, size, "%s", status != NATS_OK && last ? last : "");
}

int32_t nats_link_send(nats_link *link, const char *subject, const char *reply, const void *data, size_t size, const char *message_id,
                       char *error, size_t error_size) {
    natsStatus status;
    natsMsg *message = NULL;
    if (!message_id) {
        status = reply ? natsConnection_PublishRequest(link->connection, subject, reply, data, (int)size)
                       : natsConnection_Publish(link->connection, subject, data, (int)size);
    } else {
        status = natsMsg_Create(&message, subject, reply, data, (int)size);
        if (status == NATS_OK) status = natsMsgHeader_Set(message, "Nats-Msg-Id", message_id);
        if (status == NATS_OK) status = natsConnection_PublishMsg(link->connection, message);
        natsMsg_Destroy(message);
    }
    if (status == NATS_OK) return 0;
    snprintf(error, error_size, "%s", reason(status));
    return -1;
}

void nats_new_inbox_name(char *text, size_t size) {
    natsInbox *name = NULL;
    text[0] = 0;
    if (natsInbox_Create(&name) == NATS_OK) snprintf(text, size, "%s", (const char *)name);
    natsInbox_Destroy(name);
}
