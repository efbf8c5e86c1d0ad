/*
 * The C side of the nats plugin: a connection by libnats, and the mailbox that its threads put into what comes. Nothing of
 * libnats is seen outside.
 */
#ifndef OCTAVO_NATS_NATIVE_H
#define OCTAVO_NATS_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/* What a letter tells of. */
#define NATS_LETTER_MESSAGE 0
#define NATS_LETTER_OVER 1   /* the inbox has ended: nothing more comes of it */
#define NATS_LETTER_STATE 2  /* the owner's own word, by nats_mailbox_put */

typedef struct nats_mailbox nats_mailbox;
typedef struct nats_link nats_link;
typedef struct nats_inbox nats_inbox;

/* A message or an event. Its pointers are valid until it is thrown away. */
typedef struct nats_letter {
    struct nats_letter *_Nullable next;
    void *_Nullable message; /* of libnats */
    uint64_t tag;            /* of the inbox */
    int32_t kind;            /* NATS_LETTER_* */
    int32_t status;          /* the server's word about a request (503, 408, …); 0 for what is a message */
    const char *_Nullable subject;
    const char *_Nullable reply;
    const char *_Nullable data;
    const char *_Nullable description; /* of the status */
    size_t size;
} nats_letter;

/* `wake` is called on threads of libnats when there is something in it that was not told of; 0 = it was understood. */
nats_mailbox *_Nullable nats_mailbox_new(int32_t (*wake)(void *_Nullable), void *_Nullable argument);
/* Everything that is in it, the first one first; NULL when it is empty. The caller throws each away. */
nats_letter *_Nullable nats_mailbox_take(nats_mailbox *mailbox);
/* Puts a letter without a message in. */
void nats_mailbox_put(nats_mailbox *mailbox, uint64_t tag, int32_t kind);
void nats_letter_throw_away(nats_letter *letter);
/* After all inboxes have been freed. */
void nats_mailbox_free(nats_mailbox *_Nullable mailbox);

/* Texts are UTF-8, NULL = none. Certificates and their key are text ("-----BEGIN …") or paths. They stay as long as the link. */
typedef struct nats_settings {
    const char *servers; /* URLs with commas between them */
    const char *name;
    const char *_Nullable user;
    const char *_Nullable password;
    const char *_Nullable token;
    const char *_Nullable jwt;
    const char *_Nullable seed;
    const char *_Nullable nkey; /* the public key */
    const char *_Nullable credentials; /* the path of a file */
    const char *_Nullable authority;
    const char *_Nullable certificate;
    const char *_Nullable key;
    int32_t secure; /* TLS without being asked by the server or the URL */
    int32_t verify;
} nats_settings;

/* Kinds of failures. */
#define NATS_FAILED_AWAY 0     /* nobody there, or it went away */
#define NATS_FAILED_REFUSED 1  /* wrong user, password, token, key */
#define NATS_FAILED_TLS 2
#define NATS_FAILED_SETTINGS 3 /* a file that can't be read, a text that is no URL */

/*
 * Connects; blocks. It does not connect again by itself: the inboxes end with the connection. NULL on failure, with a
 * sentence in `error` and its kind in `failure`.
 */
nats_link *_Nullable nats_link_open(const nats_settings *settings, char *error, size_t error_size, int32_t *failure);
/* Blocks until the socket is closed, half a second at most for what was sent last. Its inboxes end. */
void nats_link_close(nats_link *link);
/* The biggest payload that the server takes. */
int64_t nats_link_max_payload(nats_link *link);
/* What the server has last complained of, for a person; empty when it was nothing. */
void nats_link_complaint(nats_link *link, char *text, size_t size);
/*
 * Sends a message: 0, or -1 with a sentence in `error`. Blocks at most for the write deadline, two seconds, when the server
 * does not read; the connection ends then. `message_id` becomes the header Nats-Msg-Id.
 */
int32_t nats_link_send(nats_link *link, const char *subject, const char *_Nullable reply, const void *_Nullable data, size_t size,
                       const char *_Nullable message_id, char *error, size_t error_size);

/* Subscribes: what comes is put into the mailbox with `tag`. NULL on failure. */
nats_inbox *_Nullable nats_inbox_open(nats_link *link, nats_mailbox *mailbox, const char *subject, uint64_t tag);
/* Lets what is on its way come, then ends. */
void nats_inbox_drain(nats_inbox *inbox);
/* Once NATS_LETTER_OVER of it was taken. No thread of libnats is in this plugin's code for it after this. */
void nats_inbox_free(nats_inbox *inbox);

/* A new name below _INBOX, which nobody else has. */
void nats_new_inbox_name(char *text, size_t size);

/* The member `id` of the outermost object of a JSON text when it is a plain text without escapes; its length, 0 without one. */
size_t nats_event_id(const char *json, size_t size, const char *_Nullable *_Nonnull id);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
