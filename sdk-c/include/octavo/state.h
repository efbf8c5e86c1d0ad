/* Kind `state`: a store of keys and values. */
#ifndef OCTAVO_STATE_H
#define OCTAVO_STATE_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

/* Features. What an instance lacks the runtime composes where the meaning allows it (bulk). */
#define OCTAVO_STATE_ETAG 0x1ull
#define OCTAVO_STATE_TTL 0x2ull
#define OCTAVO_STATE_BULK 0x4ull
#define OCTAVO_STATE_TRANSACTION 0x8ull
#define OCTAVO_STATE_QUERY 0x10ull
#define OCTAVO_STATE_KEYS_LIKE 0x20ull
#define OCTAVO_STATE_REMOVE_PREFIX 0x40ull

/* Consistency that the caller asks for. */
#define OCTAVO_CONSISTENCY_UNSPECIFIED 0
#define OCTAVO_CONSISTENCY_EVENTUAL 1
#define OCTAVO_CONSISTENCY_STRONG 2

/* What a write does when somebody else wrote meanwhile. */
#define OCTAVO_CONCURRENCY_UNSPECIFIED 0 /* last write, unless an etag is given */
#define OCTAVO_CONCURRENCY_FIRST_WRITE 1 /* without an etag: only if the key does not exist */
#define OCTAVO_CONCURRENCY_LAST_WRITE 2  /* without an etag: unconditional */

#define OCTAVO_STATE_SET 0
#define OCTAVO_STATE_REMOVE 1

#define OCTAVO_TTL_UNSPECIFIED 0 /* of octavo_state_write.ttl_ns: as the component's own setting says */
#define OCTAVO_TTL_NEVER (-1)    /* the value does not expire, also if it did before */

/* Operation numbers: positions in octavo_state_ops. */
#define OCTAVO_STATE_OP_GET 0
#define OCTAVO_STATE_OP_SET 1
#define OCTAVO_STATE_OP_REMOVE 2
#define OCTAVO_STATE_OP_BULK_GET 3
#define OCTAVO_STATE_OP_BULK_SET 4
#define OCTAVO_STATE_OP_BULK_REMOVE 5
#define OCTAVO_STATE_OP_TRANSACT 6
#define OCTAVO_STATE_OP_QUERY 7
#define OCTAVO_STATE_OP_KEYS 8
#define OCTAVO_STATE_OP_REMOVE_PREFIX 9

typedef struct octavo_state_get_request {
    octavo_head head;
    octavo_str key; /* with the component's prefix already in front */
    int32_t consistency;
    uint32_t reserved;
} octavo_state_get_request;

#define OCTAVO_STATE_FOUND 0x1u /* the key exists (its value may be empty) */

typedef struct octavo_state_get_reply {
    uint32_t size;
    uint32_t flags; /* OCTAVO_STATE_FOUND */
    octavo_bytes value;
    octavo_str etag;
    octavo_str content_type;
    octavo_list metadata; /* of octavo_pair, for example ("ttlExpireTime", RFC 3339) */
} octavo_state_get_reply;

/*
 * One write. An etag that is present (even empty) makes it conditional: it happens only if the
 * stored etag is the same, else the error has code ABORTED and reason ETAG_MISMATCH; an etag that
 * the store could never have given has INVALID_ARGUMENT and ETAG_INVALID. Removing a key that does
 * not exist succeeds without an etag and is a mismatch with one.
 */
typedef struct octavo_state_write {
    octavo_str key;
    octavo_bytes value;   /* absent when removing */
    octavo_str etag;
    octavo_str content_type;
    int64_t ttl_ns;       /* > 0, OCTAVO_TTL_UNSPECIFIED or OCTAVO_TTL_NEVER */
    int32_t concurrency;
    int32_t consistency;
    int32_t operation;    /* OCTAVO_STATE_SET or OCTAVO_STATE_REMOVE */
    uint32_t flags;
    octavo_list metadata; /* of octavo_pair: of this item */
} octavo_state_write;

typedef struct octavo_state_write_request {
    octavo_head head;
    octavo_state_write write;
} octavo_state_write_request;

typedef struct octavo_state_write_reply {
    uint32_t size;
    uint32_t flags;
    octavo_str etag; /* the new one; absent after a removal or when not known */
} octavo_state_write_reply;

typedef struct octavo_state_key {
    octavo_str key;
    int32_t consistency;
    uint32_t reserved;
} octavo_state_key;

typedef struct octavo_state_bulk_get_request {
    octavo_head head;
    octavo_list keys;     /* of octavo_state_key */
    uint32_t parallelism; /* a hint; 0 = the plugin's choice */
    uint32_t reserved;
} octavo_state_bulk_get_request;

/* One item of a bulk read or a query. */
typedef struct octavo_state_item {
    octavo_str key;
    octavo_bytes value;
    octavo_str etag;
    octavo_str content_type;
    octavo_list metadata; /* of octavo_pair */
    uint32_t flags;       /* OCTAVO_STATE_FOUND */
    uint32_t reserved;
    octavo_item_error error;
} octavo_state_item;

/* One item for each key, in their order. */
typedef struct octavo_state_bulk_get_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list items; /* of octavo_state_item */
} octavo_state_bulk_get_reply;

/* Of bulk_set, bulk_remove (each write on its own) and transact (in order, all or none). */
typedef struct octavo_state_writes_request {
    octavo_head head;
    octavo_list writes;   /* of octavo_state_write */
    uint32_t parallelism; /* of bulk writes; 0 = the plugin's choice */
    uint32_t reserved;
} octavo_state_writes_request;

typedef struct octavo_state_write_result {
    octavo_str key;
    octavo_str etag;
    octavo_item_error error;
} octavo_state_write_result;

/* One result for each write, in their order. */
typedef struct octavo_state_bulk_write_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list results; /* of octavo_state_write_result */
} octavo_state_bulk_write_reply;

#define OCTAVO_QUERY_AND 0
#define OCTAVO_QUERY_OR 1
#define OCTAVO_QUERY_EQ 2
#define OCTAVO_QUERY_NEQ 3
#define OCTAVO_QUERY_GT 4
#define OCTAVO_QUERY_GTE 5
#define OCTAVO_QUERY_LT 6
#define OCTAVO_QUERY_LTE 7
#define OCTAVO_QUERY_IN 8

#define OCTAVO_QUERY_NULL 0
#define OCTAVO_QUERY_BOOLEAN 1
#define OCTAVO_QUERY_NUMBER 2
#define OCTAVO_QUERY_TEXT 3

typedef struct octavo_query_value {
    int32_t type; /* OCTAVO_QUERY_NULL … */
    int32_t boolean;
    double number;
    octavo_str text; /* a text, or a number as it was written */
} octavo_query_value;

/* A filter as a flat tree: node 0 is the root, children follow each other. */
typedef struct octavo_query_node {
    int32_t operation; /* OCTAVO_QUERY_AND … */
    uint32_t first_child;
    uint32_t child_count;
    uint32_t reserved;
    octavo_str path;    /* "person.org": a member of the JSON value; absent for AND and OR */
    octavo_list values; /* of octavo_query_value: one, or several for IN */
} octavo_query_node;

typedef struct octavo_query_sort {
    octavo_str path;
    int32_t descending; /* 0 or 1 */
    uint32_t reserved;
} octavo_query_sort;

typedef struct octavo_state_query_request {
    octavo_head head;
    octavo_str key_prefix; /* only keys that start so */
    octavo_list nodes;     /* of octavo_query_node; empty = everything */
    octavo_list sort;      /* of octavo_query_sort */
    octavo_str token;      /* of the page before; absent for the first */
    uint32_t limit;        /* 0 = the plugin's choice */
    uint32_t reserved;
} octavo_state_query_request;

typedef struct octavo_state_query_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list items;    /* of octavo_state_item */
    octavo_str token;     /* for the next page; absent at the end */
    octavo_list metadata; /* of octavo_pair */
} octavo_state_query_reply;

#define OCTAVO_KEYS_PREFIX 0
#define OCTAVO_KEYS_LIKE 1 /* % any text, _ one character, \ quotes */

typedef struct octavo_state_keys_request {
    octavo_head head;
    octavo_str pattern;
    octavo_str token;
    int32_t style; /* OCTAVO_KEYS_PREFIX … */
    uint32_t limit;
} octavo_state_keys_request;

typedef struct octavo_state_keys_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list keys; /* of octavo_str */
    octavo_str token; /* for the next page; absent at the end */
} octavo_state_keys_reply;

typedef struct octavo_state_prefix_request {
    octavo_head head;
    octavo_str prefix;
} octavo_state_prefix_request;

typedef struct octavo_state_count_reply {
    uint32_t size;
    uint32_t flags;
    uint64_t count;
} octavo_state_count_reply;

/*
 * Operations of a state store. All [exec]; each ends its call with complete(), now or later. A null
 * member is not offered.
 */
typedef struct octavo_state_ops {
    uint32_t size;
    uint32_t reserved;
    /* The value of a key. A missing key is a reply without FOUND, not an error. Repeatable. */
    void (*OCTAVO_NULLABLE get)(void *self, octavo_call call, const octavo_state_get_request *request);
    /* Writes one value; when complete() says success, it is durable as far as the store ever makes it. */
    void (*OCTAVO_NULLABLE set)(void *self, octavo_call call, const octavo_state_write_request *request);
    /* Removes one key. */
    void (*OCTAVO_NULLABLE remove)(void *self, octavo_call call, const octavo_state_write_request *request);
    void (*OCTAVO_NULLABLE bulk_get)(void *self, octavo_call call, const octavo_state_bulk_get_request *request);
    /* Each write on its own: an error of one item does not stop the others. */
    void (*OCTAVO_NULLABLE bulk_set)(void *self, octavo_call call, const octavo_state_writes_request *request);
    void (*OCTAVO_NULLABLE bulk_remove)(void *self, octavo_call call, const octavo_state_writes_request *request);
    /* All writes in their order, or none: the first that fails decides the error, whose details
       carry its position as ("index", decimal). */
    void (*OCTAVO_NULLABLE transact)(void *self, octavo_call call, const octavo_state_writes_request *request);
    void (*OCTAVO_NULLABLE query)(void *self, octavo_call call, const octavo_state_query_request *request);
    void (*OCTAVO_NULLABLE keys)(void *self, octavo_call call, const octavo_state_keys_request *request);
    void (*OCTAVO_NULLABLE remove_prefix)(void *self, octavo_call call, const octavo_state_prefix_request *request);
} octavo_state_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_state_get_request, 88);
OCTAVO_ASSERT_OFFSET(octavo_state_get_request, key, 64);
OCTAVO_ASSERT_SIZE(octavo_state_get_reply, 72);
OCTAVO_ASSERT_OFFSET(octavo_state_get_reply, value, 8);
OCTAVO_ASSERT_OFFSET(octavo_state_get_reply, etag, 24);
OCTAVO_ASSERT_OFFSET(octavo_state_get_reply, content_type, 40);
OCTAVO_ASSERT_OFFSET(octavo_state_get_reply, metadata, 56);
OCTAVO_ASSERT_SIZE(octavo_state_write, 104);
OCTAVO_ASSERT_OFFSET(octavo_state_write, etag, 32);
OCTAVO_ASSERT_OFFSET(octavo_state_write, ttl_ns, 64);
OCTAVO_ASSERT_OFFSET(octavo_state_write, operation, 80);
OCTAVO_ASSERT_OFFSET(octavo_state_write, metadata, 88);
OCTAVO_ASSERT_SIZE(octavo_state_write_request, 168);
OCTAVO_ASSERT_SIZE(octavo_state_write_reply, 24);
OCTAVO_ASSERT_SIZE(octavo_state_key, 24);
OCTAVO_ASSERT_SIZE(octavo_state_bulk_get_request, 88);
OCTAVO_ASSERT_SIZE(octavo_state_item, 128);
OCTAVO_ASSERT_OFFSET(octavo_state_item, metadata, 64);
OCTAVO_ASSERT_OFFSET(octavo_state_item, error, 88);
OCTAVO_ASSERT_SIZE(octavo_state_bulk_get_reply, 24);
OCTAVO_ASSERT_SIZE(octavo_state_writes_request, 88);
OCTAVO_ASSERT_SIZE(octavo_state_write_result, 72);
OCTAVO_ASSERT_SIZE(octavo_state_bulk_write_reply, 24);
OCTAVO_ASSERT_SIZE(octavo_query_value, 32);
OCTAVO_ASSERT_SIZE(octavo_query_node, 48);
OCTAVO_ASSERT_SIZE(octavo_query_sort, 24);
OCTAVO_ASSERT_SIZE(octavo_state_query_request, 136);
OCTAVO_ASSERT_SIZE(octavo_state_query_reply, 56);
OCTAVO_ASSERT_SIZE(octavo_state_keys_request, 104);
OCTAVO_ASSERT_SIZE(octavo_state_keys_reply, 40);
OCTAVO_ASSERT_SIZE(octavo_state_prefix_request, 80);
OCTAVO_ASSERT_SIZE(octavo_state_count_reply, 16);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, get, 8 + 8 * OCTAVO_STATE_OP_GET);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, set, 8 + 8 * OCTAVO_STATE_OP_SET);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, remove, 8 + 8 * OCTAVO_STATE_OP_REMOVE);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, bulk_get, 8 + 8 * OCTAVO_STATE_OP_BULK_GET);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, bulk_set, 8 + 8 * OCTAVO_STATE_OP_BULK_SET);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, bulk_remove, 8 + 8 * OCTAVO_STATE_OP_BULK_REMOVE);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, transact, 8 + 8 * OCTAVO_STATE_OP_TRANSACT);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, query, 8 + 8 * OCTAVO_STATE_OP_QUERY);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, keys, 8 + 8 * OCTAVO_STATE_OP_KEYS);
OCTAVO_ASSERT_OFFSET(octavo_state_ops, remove_prefix, 8 + 8 * OCTAVO_STATE_OP_REMOVE_PREFIX);
OCTAVO_ASSERT_SIZE(octavo_state_ops, 88);

#endif
