// Messages through a Redis stream by hiredis: what a program gets that talks to the server itself.
//
//     redis_streams PORT SECONDS DEPTH    XADD with DEPTH commands under way on one connection; XREADGROUP for up to 256 entries, and an
//                                         XACK for each, pipelined, on another. At most 256 messages are under way.
//                                         Prints delivered and seconds.

#define _GNU_SOURCE
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAYLOAD = 64, WINDOW = 256 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static long published, delivered;
static bool is_over;
static int port;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *text)
{
    fprintf(stderr, "redis_streams: %s\n", text);
    exit(1);
}

static redisContext *open_connection(void)
{
    redisContext *context = redisConnect("127.0.0.1", port);
    if (!context || context->err) fail("the server can't be reached");
    redisEnableKeepAlive(context);
    return context;
}

static redisReply *take(redisContext *context)
{
    redisReply *reply;
    if (redisGetReply(context, (void **)&reply) != REDIS_OK) fail("the connection broke");
    if (reply->type == REDIS_REPLY_ERROR) fail(reply->str);
    return reply;
}

static void *consume(void *unused)
{
    (void)unused;
    redisContext *context = open_connection();
    freeReplyObject(redisCommand(context, "XGROUP CREATE peer peer 0 MKSTREAM"));
    for (;;) {
        redisAppendCommand(context, "XREADGROUP GROUP peer peer COUNT 256 BLOCK 100 STREAMS peer >");
        redisReply *reply = take(context);
        long count = 0;
        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1) {
            redisReply *entries = reply->element[0]->element[1];
            count = (long)entries->elements;
            for (long index = 0; index < count; index++) {
                redisReply *fields = entries->element[index]->element[1];
                if (fields->elements != 2 || fields->element[1]->len != PAYLOAD) fail("an entry is not what was added");
                redisAppendCommand(context, "XACK peer peer %s", entries->element[index]->element[0]->str);
            }
        }
        freeReplyObject(reply);
        for (long index = 0; index < count; index++) freeReplyObject(take(context));
        pthread_mutex_lock(&mutex);
        delivered += count;
        pthread_cond_signal(&moved);
        bool is_last = is_over && delivered == published;
        pthread_mutex_unlock(&mutex);
        if (is_last) return NULL;
    }
}

int main(int count, char **arguments)
{
    if (count != 4) fail("usage: redis_streams PORT SECONDS DEPTH");
    port = atoi(arguments[1]);
    double seconds = atof(arguments[2]);
    long depth = atol(arguments[3]), under_way = 0;
    redisContext *context = open_connection();
    freeReplyObject(redisCommand(context, "DEL peer"));
    pthread_t consumer;
    pthread_create(&consumer, NULL, consume, NULL);
    char payload[PAYLOAD];
    memset(payload, 'x', sizeof payload);
    double start = now(), end = start + seconds;
    while (now() < end) {
        pthread_mutex_lock(&mutex);
        while (under_way == 0 && published - delivered >= WINDOW) pthread_cond_wait(&moved, &mutex);
        long more = WINDOW - (published - delivered);
        if (more > depth - under_way) more = depth - under_way;
        if (more < 0) more = 0;
        published += more;
        pthread_mutex_unlock(&mutex);
        for (long index = 0; index < more; index++) redisAppendCommand(context, "XADD peer * data %b", payload, sizeof payload);
        under_way += more;
        if (under_way == 0) continue;
        freeReplyObject(take(context));
        under_way--;
        // What else has come is taken at once, so that commands go out in batches.
        void *reply = NULL;
        while (under_way > 0 && redisGetReplyFromReader(context, &reply) == REDIS_OK && reply) {
            freeReplyObject(reply);
            under_way--;
            reply = NULL;
        }
    }
    pthread_mutex_lock(&mutex);
    long counted = delivered;
    double took = now() - start;
    is_over = true;
    pthread_mutex_unlock(&mutex);
    while (under_way-- > 0) freeReplyObject(take(context));
    pthread_join(consumer, NULL);
    printf("{\"delivered\": %ld, \"seconds\": %.6f}\n", counted, took);
    return 0;
}
