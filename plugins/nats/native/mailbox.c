#define _GNU_SOURCE
#include "nats_native.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Above this the threads of libnats wait, and what comes stays in its own, bounded queues. */
#define ROOM 65536u

/* Of connection.c. */
natsConnection *nats_link_connection(nats_link *link);

struct nats_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t taken;
    nats_letter *first, *last;
    size_t count;
    int is_told;
    int32_t (*wake)(void *);
    void *argument;
};

struct nats_inbox {
    nats_mailbox *mailbox;
    natsSubscription *subscription;
    uint64_t tag;
    pid_t thread;      /* that delivers; known when the last letter has been put in */
    nats_letter *last; /* made before it is needed */
};

nats_mailbox *nats_mailbox_new(int32_t (*wake)(void *), void *argument) {
    nats_mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox) return NULL;
    pthread_mutex_init(&mailbox->lock, NULL);
    pthread_cond_init(&mailbox->taken, NULL);
    mailbox->wake = wake;
    mailbox->argument = argument;
    return mailbox;
}

nats_letter *nats_mailbox_take(nats_mailbox *mailbox) {
    nats_letter *first;
    pthread_mutex_lock(&mailbox->lock);
    first = mailbox->first;
    mailbox->first = mailbox->last = NULL;
    mailbox->count = 0;
    mailbox->is_told = 0;
    pthread_cond_broadcast(&mailbox->taken);
    pthread_mutex_unlock(&mailbox->lock);
    return first;
}

/* Under the lock. When the runtime does not understand, the next letter says it again. */
static void append(nats_mailbox *mailbox, nats_letter *letter) {
    if (mailbox->last) mailbox->last->next = letter;
    else mailbox->first = letter;
    mailbox->last = letter;
    mailbox->count++;
    if (!mailbox->is_told) mailbox->is_told = mailbox->wake(mailbox->argument) == 0;
}

void nats_mailbox_put(nats_mailbox *mailbox, uint64_t tag, int32_t kind) {
    nats_letter *letter = calloc(1, sizeof *letter);
    if (!letter) return;
    letter->tag = tag;
    letter->kind = kind;
    pthread_mutex_lock(&mailbox->lock);
    append(mailbox, letter);
    pthread_mutex_unlock(&mailbox->lock);
}

void nats_letter_throw_away(nats_letter *letter) {
    natsMsg_Destroy(letter->message);
    free(letter);
}

void nats_mailbox_free(nats_mailbox *mailbox) {
    nats_letter *letter, *next;
    if (!mailbox) return;
    for (letter = mailbox->first; letter; letter = next) {
        next = letter->next;
        nats_letter_throw_away(letter);
    }
    pthread_cond_destroy(&mailbox->taken);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

static void came(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure) {
    nats_inbox *inbox = closure;
    nats_mailbox *mailbox = inbox->mailbox;
    nats_letter *letter = calloc(1, sizeof *letter);
    const char *status = NULL;
    (void)connection, (void)subscription;
    if (!letter) {
        natsMsg_Destroy(message);
        return;
    }
    letter->tag = inbox->tag;
    letter->message = message;
    letter->subject = natsMsg_GetSubject(message);
    letter->reply = natsMsg_GetReply(message);
    letter->data = natsMsg_GetData(message);
    letter->size = (size_t)natsMsg_GetDataLength(message);
    if (natsMsgHeader_Get(message, "Status", &status) == NATS_OK && status) {
        letter->status = atoi(status);
        if (natsMsgHeader_Get(message, "Description", &letter->description) != NATS_OK) letter->description = NULL;
    }
    pthread_mutex_lock(&mailbox->lock);
    while (mailbox->count >= ROOM) pthread_cond_wait(&mailbox->taken, &mailbox->lock);
    append(mailbox, letter);
    pthread_mutex_unlock(&mailbox->lock);
}

static void over(void *closure) {
    nats_inbox *inbox = closure;
    nats_mailbox *mailbox = inbox->mailbox;
    pthread_mutex_lock(&mailbox->lock);
    inbox->thread = (pid_t)syscall(SYS_gettid);
    append(mailbox, inbox->last);
    pthread_mutex_unlock(&mailbox->lock);
}

nats_inbox *nats_inbox_open(nats_link *link, nats_mailbox *mailbox, const char *subject, uint64_t tag) {
    nats_inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox || !(inbox->last = calloc(1, sizeof *inbox->last))) {
        free(inbox);
        return NULL;
    }
    inbox->mailbox = mailbox;
    inbox->tag = inbox->last->tag = tag;
    inbox->last->kind = NATS_LETTER_OVER;
    if (natsConnection_Subscribe(&inbox->subscription, nats_link_connection(link), subject, came, inbox) != NATS_OK) {
        free(inbox->last);
        free(inbox);
        return NULL;
    }
    /* As many as were asked for come, and no more: dropping one would only make it come again much later. */
    natsSubscription_SetPendingLimits(inbox->subscription, 4 * ROOM, -1);
    if (natsSubscription_SetOnCompleteCB(inbox->subscription, over, inbox) == NATS_OK) return inbox;
    /* The connection was lost in between. A thread may still be on its way out, so that the little that it reads stays. */
    natsSubscription_Destroy(inbox->subscription);
    return NULL;
}

void nats_inbox_drain(nats_inbox *inbox) {
    if (natsSubscription_Drain(inbox->subscription) != NATS_OK) natsSubscription_Unsubscribe(inbox->subscription);
}

void nats_inbox_free(nats_inbox *inbox) {
    struct timespec pause = {0, 100000};
    natsSubscription_Destroy(inbox->subscription);
    /* The thread that put the last letter in has still to return from this plugin's code. It is the subscription's own, and ends. */
    while (syscall(SYS_tgkill, getpid(), inbox->thread, 0) == 0) nanosleep(&pause, NULL);
    free(inbox);
}
