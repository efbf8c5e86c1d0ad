/* Kind `object store`: files and objects, streamed. */
#ifndef OCTAVO_OBJECT_STORE_H
#define OCTAVO_OBJECT_STORE_H

#include "octavo/octavo_stream.h"
#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_OBJECT_RANGE 0x1ull /* get of a part */
#define OCTAVO_OBJECT_FD 0x2ull    /* get may answer with host->reply_fd */
#define OCTAVO_OBJECT_STAT 0x4ull
#define OCTAVO_OBJECT_LIST 0x8ull
#define OCTAVO_OBJECT_REMOVE 0x10ull
#define OCTAVO_OBJECT_COPY 0x20ull
#define OCTAVO_OBJECT_SIGN_URL 0x40ull
#define OCTAVO_OBJECT_TAGS 0x80ull
#define OCTAVO_OBJECT_ACL 0x100ull
#define OCTAVO_OBJECT_VERSIONS 0x200ull
#define OCTAVO_OBJECT_MULTIPART 0x400ull
#define OCTAVO_OBJECT_APPEND 0x800ull

#define OCTAVO_OBJECT_OP_PUT 0
#define OCTAVO_OBJECT_OP_GET 1
#define OCTAVO_OBJECT_OP_STAT 2
#define OCTAVO_OBJECT_OP_LIST 3
#define OCTAVO_OBJECT_OP_REMOVE 4
#define OCTAVO_OBJECT_OP_COPY 5
#define OCTAVO_OBJECT_OP_SIGN_URL 6
#define OCTAVO_OBJECT_OP_TAG_GET 7
#define OCTAVO_OBJECT_OP_TAG_SET 8
#define OCTAVO_OBJECT_OP_ACL_GET 9
#define OCTAVO_OBJECT_OP_ACL_SET 10
#define OCTAVO_OBJECT_OP_VERSIONS 11
#define OCTAVO_OBJECT_OP_RESTORE 12
#define OCTAVO_OBJECT_OP_UPLOAD_BEGIN 13
#define OCTAVO_OBJECT_OP_UPLOAD_PART 14
#define OCTAVO_OBJECT_OP_UPLOAD_LIST 15
#define OCTAVO_OBJECT_OP_UPLOAD_END 16
#define OCTAVO_OBJECT_OP_UPLOAD_ABORT 17
#define OCTAVO_OBJECT_OP_APPEND 18
#define OCTAVO_OBJECT_OP_ON_CHUNK 19
#define OCTAVO_OBJECT_OP_ON_WRITABLE 20

/* Names an object. */
typedef struct octavo_object_name {
    octavo_str bucket; /* absent = the component's own */
    octavo_str key;
    octavo_str version; /* absent = the newest */
} octavo_object_name;

/* What is known of an object. */
typedef struct octavo_object_info {
    octavo_str key;
    octavo_str version;
    octavo_str etag;
    octavo_str content_type;
    uint64_t length;     /* bytes */
    int64_t modified_ns; /* wall time; 0 = not known */
    uint32_t flags;      /* OCTAVO_OBJECT_IS_* */
    uint32_t reserved;
    octavo_list metadata; /* of octavo_pair */
} octavo_object_info;

#define OCTAVO_OBJECT_IS_FOLDER 0x1u
#define OCTAVO_OBJECT_IS_REMOVED 0x2u /* a version that says that the object was removed */

/* Of put, append and upload_part. The bytes follow as chunks; ask for them with stream_credit. */
typedef struct octavo_object_put_request {
    octavo_head head; /* its metadata are kept with the object */
    octavo_object_name name;
    octavo_str etag;  /* present: only if the object has this one; "*" = only if it does not exist */
    octavo_str content_type;
    octavo_str upload; /* of upload_part */
    uint64_t length;  /* bytes; UINT64_MAX = not known yet */
    uint64_t offset;  /* of append: where the object must end now */
    uint32_t part;    /* of upload_part: from 1 */
    uint32_t reserved;
} octavo_object_put_request;

typedef struct octavo_object_put_reply {
    uint32_t size;
    uint32_t flags;
    octavo_str etag;
    octavo_str version;
    uint64_t length; /* of the whole object now */
} octavo_object_put_reply;

/* The bytes are written with stream_write before the call is completed, or given by reply_fd. */
typedef struct octavo_object_get_request {
    octavo_head head;
    octavo_object_name name;
    octavo_str etag;  /* present: only if the object has this one */
    uint64_t offset;  /* with RANGE: the first byte */
    uint64_t length;  /* bytes; 0 = to the end */
} octavo_object_get_request;

/* Of get and stat. */
typedef struct octavo_object_info_reply {
    uint32_t size;
    uint32_t flags;
    octavo_object_info info;
} octavo_object_info_reply;

/* Of stat, remove, tag_get, acl_get and restore. */
typedef struct octavo_object_request {
    octavo_head head;
    octavo_object_name name;
    octavo_str etag; /* present: only if the object has this one */
} octavo_object_request;

/* Of list, versions and upload_list. */
typedef struct octavo_object_list_request {
    octavo_head head;
    octavo_str bucket;
    octavo_str prefix;
    octavo_str delimiter; /* present: what follows it becomes one folder */
    octavo_str token;     /* of the page before */
    octavo_str upload;    /* of upload_list: the parts of this upload; absent: the uploads */
    uint32_t limit;       /* 0 = the plugin's choice */
    uint32_t reserved;
} octavo_object_list_request;

typedef struct octavo_object_list_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list items; /* of octavo_object_info */
    octavo_str token;  /* for the next page; absent at the end */
} octavo_object_list_reply;

typedef struct octavo_object_copy_request {
    octavo_head head;
    octavo_object_name from;
    octavo_object_name to;
    octavo_str etag; /* present: only if `from` has this one */
} octavo_object_copy_request;

typedef struct octavo_object_sign_url_request {
    octavo_head head;
    octavo_object_name name;
    octavo_str method; /* "GET", "PUT", … */
    int64_t expiry_ns;
} octavo_object_sign_url_request;

typedef struct octavo_object_text_reply {
    uint32_t size;
    uint32_t flags;
    octavo_str text; /* sign_url: the address; upload_begin: the upload's name; acl_get: the word or document */
} octavo_object_text_reply;

/* Of tag_set and acl_set. */
typedef struct octavo_object_change_request {
    octavo_head head;
    octavo_object_name name;
    octavo_list tags; /* of octavo_pair: all tags from now on */
    octavo_str acl;   /* a word ("private") or a document of the store */
} octavo_object_change_request;

typedef struct octavo_object_tags_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list tags; /* of octavo_pair */
} octavo_object_tags_reply;

typedef struct octavo_object_part {
    octavo_str etag;
    uint32_t part;
    uint32_t reserved;
} octavo_object_part;

/* Of upload_begin, upload_end and upload_abort. */
typedef struct octavo_object_upload_request {
    octavo_head head;
    octavo_object_name name;
    octavo_str upload; /* not of upload_begin */
    octavo_str content_type;
    octavo_list parts; /* of octavo_object_part: of upload_end, in their order */
} octavo_object_upload_request;

/* Operations of an object store. All [exec]; a null member is not offered. */
typedef struct octavo_object_store_ops {
    uint32_t size;
    uint32_t reserved;
    /* Writes an object from chunks; completed when all of them are safe. */
    void (*OCTAVO_NULLABLE put)(void *self, octavo_call call, const octavo_object_put_request *request);
    /* NOT_FOUND without such an object. Repeatable. */
    void (*OCTAVO_NULLABLE get)(void *self, octavo_call call, const octavo_object_get_request *request);
    void (*OCTAVO_NULLABLE stat)(void *self, octavo_call call, const octavo_object_request *request);
    void (*OCTAVO_NULLABLE list)(void *self, octavo_call call, const octavo_object_list_request *request);
    /* Removing what does not exist succeeds without an etag. */
    void (*OCTAVO_NULLABLE remove)(void *self, octavo_call call, const octavo_object_request *request);
    void (*OCTAVO_NULLABLE copy)(void *self, octavo_call call, const octavo_object_copy_request *request);
    void (*OCTAVO_NULLABLE sign_url)(void *self, octavo_call call, const octavo_object_sign_url_request *request);
    void (*OCTAVO_NULLABLE tag_get)(void *self, octavo_call call, const octavo_object_request *request);
    void (*OCTAVO_NULLABLE tag_set)(void *self, octavo_call call, const octavo_object_change_request *request);
    void (*OCTAVO_NULLABLE acl_get)(void *self, octavo_call call, const octavo_object_request *request);
    void (*OCTAVO_NULLABLE acl_set)(void *self, octavo_call call, const octavo_object_change_request *request);
    void (*OCTAVO_NULLABLE versions)(void *self, octavo_call call, const octavo_object_list_request *request);
    /* Makes the named version the newest one. */
    void (*OCTAVO_NULLABLE restore)(void *self, octavo_call call, const octavo_object_request *request);
    void (*OCTAVO_NULLABLE upload_begin)(void *self, octavo_call call, const octavo_object_upload_request *request);
    void (*OCTAVO_NULLABLE upload_part)(void *self, octavo_call call, const octavo_object_put_request *request);
    void (*OCTAVO_NULLABLE upload_list)(void *self, octavo_call call, const octavo_object_list_request *request);
    void (*OCTAVO_NULLABLE upload_end)(void *self, octavo_call call, const octavo_object_upload_request *request);
    void (*OCTAVO_NULLABLE upload_abort)(void *self, octavo_call call, const octavo_object_upload_request *request);
    void (*OCTAVO_NULLABLE append)(void *self, octavo_call call, const octavo_object_put_request *request);
    /* The next bytes of put, append or upload_part. */
    void (*OCTAVO_NULLABLE on_chunk)(void *self, octavo_call call, const octavo_chunk *chunk);
    /* Go on with get. */
    void (*OCTAVO_NULLABLE on_writable)(void *self, octavo_call call, const octavo_writable *writable);
} octavo_object_store_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_object_name, 48);
OCTAVO_ASSERT_OFFSET(octavo_object_name, key, 16);
OCTAVO_ASSERT_OFFSET(octavo_object_name, version, 32);
OCTAVO_ASSERT_SIZE(octavo_object_info, 104);
OCTAVO_ASSERT_OFFSET(octavo_object_info, version, 16);
OCTAVO_ASSERT_OFFSET(octavo_object_info, etag, 32);
OCTAVO_ASSERT_OFFSET(octavo_object_info, content_type, 48);
OCTAVO_ASSERT_OFFSET(octavo_object_info, length, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_info, modified_ns, 72);
OCTAVO_ASSERT_OFFSET(octavo_object_info, flags, 80);
OCTAVO_ASSERT_OFFSET(octavo_object_info, metadata, 88);
OCTAVO_ASSERT_SIZE(octavo_object_put_request, 184);
OCTAVO_ASSERT_OFFSET(octavo_object_put_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_put_request, etag, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_put_request, content_type, 128);
OCTAVO_ASSERT_OFFSET(octavo_object_put_request, upload, 144);
OCTAVO_ASSERT_OFFSET(octavo_object_put_request, length, 160);
OCTAVO_ASSERT_OFFSET(octavo_object_put_request, offset, 168);
OCTAVO_ASSERT_OFFSET(octavo_object_put_request, part, 176);
OCTAVO_ASSERT_SIZE(octavo_object_put_reply, 48);
OCTAVO_ASSERT_OFFSET(octavo_object_put_reply, etag, 8);
OCTAVO_ASSERT_OFFSET(octavo_object_put_reply, version, 24);
OCTAVO_ASSERT_OFFSET(octavo_object_put_reply, length, 40);
OCTAVO_ASSERT_SIZE(octavo_object_get_request, 144);
OCTAVO_ASSERT_OFFSET(octavo_object_get_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_get_request, etag, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_get_request, offset, 128);
OCTAVO_ASSERT_OFFSET(octavo_object_get_request, length, 136);
OCTAVO_ASSERT_SIZE(octavo_object_info_reply, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_info_reply, info, 8);
OCTAVO_ASSERT_SIZE(octavo_object_request, 128);
OCTAVO_ASSERT_OFFSET(octavo_object_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_request, etag, 112);
OCTAVO_ASSERT_SIZE(octavo_object_list_request, 152);
OCTAVO_ASSERT_OFFSET(octavo_object_list_request, bucket, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_list_request, prefix, 80);
OCTAVO_ASSERT_OFFSET(octavo_object_list_request, delimiter, 96);
OCTAVO_ASSERT_OFFSET(octavo_object_list_request, token, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_list_request, upload, 128);
OCTAVO_ASSERT_OFFSET(octavo_object_list_request, limit, 144);
OCTAVO_ASSERT_SIZE(octavo_object_list_reply, 40);
OCTAVO_ASSERT_OFFSET(octavo_object_list_reply, items, 8);
OCTAVO_ASSERT_OFFSET(octavo_object_list_reply, token, 24);
OCTAVO_ASSERT_SIZE(octavo_object_copy_request, 176);
OCTAVO_ASSERT_OFFSET(octavo_object_copy_request, from, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_copy_request, to, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_copy_request, etag, 160);
OCTAVO_ASSERT_SIZE(octavo_object_sign_url_request, 136);
OCTAVO_ASSERT_OFFSET(octavo_object_sign_url_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_sign_url_request, method, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_sign_url_request, expiry_ns, 128);
OCTAVO_ASSERT_SIZE(octavo_object_text_reply, 24);
OCTAVO_ASSERT_OFFSET(octavo_object_text_reply, text, 8);
OCTAVO_ASSERT_SIZE(octavo_object_change_request, 144);
OCTAVO_ASSERT_OFFSET(octavo_object_change_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_change_request, tags, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_change_request, acl, 128);
OCTAVO_ASSERT_SIZE(octavo_object_tags_reply, 24);
OCTAVO_ASSERT_OFFSET(octavo_object_tags_reply, tags, 8);
OCTAVO_ASSERT_SIZE(octavo_object_part, 24);
OCTAVO_ASSERT_OFFSET(octavo_object_part, part, 16);
OCTAVO_ASSERT_SIZE(octavo_object_upload_request, 160);
OCTAVO_ASSERT_OFFSET(octavo_object_upload_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_object_upload_request, upload, 112);
OCTAVO_ASSERT_OFFSET(octavo_object_upload_request, content_type, 128);
OCTAVO_ASSERT_OFFSET(octavo_object_upload_request, parts, 144);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, put, 8 + 8 * OCTAVO_OBJECT_OP_PUT);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, get, 8 + 8 * OCTAVO_OBJECT_OP_GET);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, stat, 8 + 8 * OCTAVO_OBJECT_OP_STAT);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, list, 8 + 8 * OCTAVO_OBJECT_OP_LIST);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, remove, 8 + 8 * OCTAVO_OBJECT_OP_REMOVE);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, copy, 8 + 8 * OCTAVO_OBJECT_OP_COPY);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, sign_url, 8 + 8 * OCTAVO_OBJECT_OP_SIGN_URL);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, tag_get, 8 + 8 * OCTAVO_OBJECT_OP_TAG_GET);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, tag_set, 8 + 8 * OCTAVO_OBJECT_OP_TAG_SET);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, acl_get, 8 + 8 * OCTAVO_OBJECT_OP_ACL_GET);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, acl_set, 8 + 8 * OCTAVO_OBJECT_OP_ACL_SET);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, versions, 8 + 8 * OCTAVO_OBJECT_OP_VERSIONS);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, restore, 8 + 8 * OCTAVO_OBJECT_OP_RESTORE);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, upload_begin, 8 + 8 * OCTAVO_OBJECT_OP_UPLOAD_BEGIN);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, upload_part, 8 + 8 * OCTAVO_OBJECT_OP_UPLOAD_PART);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, upload_list, 8 + 8 * OCTAVO_OBJECT_OP_UPLOAD_LIST);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, upload_end, 8 + 8 * OCTAVO_OBJECT_OP_UPLOAD_END);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, upload_abort, 8 + 8 * OCTAVO_OBJECT_OP_UPLOAD_ABORT);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, append, 8 + 8 * OCTAVO_OBJECT_OP_APPEND);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, on_chunk, 8 + 8 * OCTAVO_OBJECT_OP_ON_CHUNK);
OCTAVO_ASSERT_OFFSET(octavo_object_store_ops, on_writable, 8 + 8 * OCTAVO_OBJECT_OP_ON_WRITABLE);
OCTAVO_ASSERT_SIZE(octavo_object_store_ops, 176);

#endif
