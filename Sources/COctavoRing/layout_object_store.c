#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, object_name, STR(octavo_object_name, bucket), STR(octavo_object_name, key),
       STR(octavo_object_name, version));
LAYOUT(static, object_info, STR(octavo_object_info, key), STR(octavo_object_info, version),
       STR(octavo_object_info, etag), STR(octavo_object_info, content_type),
       LIST(octavo_object_info, metadata, pair));
LAYOUT(static, object_put_request, STRUCT(octavo_object_put_request, head, head),
       STRUCT(octavo_object_put_request, name, object_name), STR(octavo_object_put_request, etag),
       STR(octavo_object_put_request, content_type), STR(octavo_object_put_request, upload));
LAYOUT(static, object_put_reply, STR(octavo_object_put_reply, etag), STR(octavo_object_put_reply, version));
LAYOUT(static, object_get_request, STRUCT(octavo_object_get_request, head, head),
       STRUCT(octavo_object_get_request, name, object_name), STR(octavo_object_get_request, etag));
LAYOUT(static, object_info_reply, STRUCT(octavo_object_info_reply, info, object_info));
LAYOUT(static, object_request, STRUCT(octavo_object_request, head, head),
       STRUCT(octavo_object_request, name, object_name), STR(octavo_object_request, etag));
LAYOUT(static, object_list_request, STRUCT(octavo_object_list_request, head, head),
       STR(octavo_object_list_request, bucket), STR(octavo_object_list_request, prefix),
       STR(octavo_object_list_request, delimiter), STR(octavo_object_list_request, token),
       STR(octavo_object_list_request, upload));
LAYOUT(static, object_list_reply, LIST(octavo_object_list_reply, items, object_info),
       STR(octavo_object_list_reply, token));
LAYOUT(static, object_copy_request, STRUCT(octavo_object_copy_request, head, head),
       STRUCT(octavo_object_copy_request, from, object_name), STRUCT(octavo_object_copy_request, to, object_name),
       STR(octavo_object_copy_request, etag));
LAYOUT(static, object_sign_url_request, STRUCT(octavo_object_sign_url_request, head, head),
       STRUCT(octavo_object_sign_url_request, name, object_name), STR(octavo_object_sign_url_request, method));
LAYOUT(static, object_text_reply, STR(octavo_object_text_reply, text));
LAYOUT(static, object_change_request, STRUCT(octavo_object_change_request, head, head),
       STRUCT(octavo_object_change_request, name, object_name), LIST(octavo_object_change_request, tags, pair),
       STR(octavo_object_change_request, acl));
LAYOUT(static, object_tags_reply, LIST(octavo_object_tags_reply, tags, pair));
LAYOUT(static, object_part, STR(octavo_object_part, etag));
LAYOUT(static, object_upload_request, STRUCT(octavo_object_upload_request, head, head),
       STRUCT(octavo_object_upload_request, name, object_name), STR(octavo_object_upload_request, upload),
       STR(octavo_object_upload_request, content_type), LIST(octavo_object_upload_request, parts, object_part));

static const octavo_op ops[] = {
    OP("put", WRITE, 0, object_put_request, REPLY(object_put_reply)),
    OP("get", REPEATABLE, 0, object_get_request, REPLY(object_info_reply)),
    OP("stat", REPEATABLE, OCTAVO_OBJECT_STAT, object_request, REPLY(object_info_reply)),
    OP("list", REPEATABLE, OCTAVO_OBJECT_LIST, object_list_request, REPLY(object_list_reply)),
    OP("remove", WRITE, OCTAVO_OBJECT_REMOVE, object_request, REPLY(empty_reply)),
    OP("copy", WRITE, OCTAVO_OBJECT_COPY, object_copy_request, REPLY(object_put_reply)),
    OP("sign_url", REPEATABLE, OCTAVO_OBJECT_SIGN_URL, object_sign_url_request, REPLY(object_text_reply)),
    OP("tag_get", REPEATABLE, OCTAVO_OBJECT_TAGS, object_request, REPLY(object_tags_reply)),
    OP("tag_set", WRITE, OCTAVO_OBJECT_TAGS, object_change_request, REPLY(empty_reply)),
    OP("acl_get", REPEATABLE, OCTAVO_OBJECT_ACL, object_request, REPLY(object_text_reply)),
    OP("acl_set", WRITE, OCTAVO_OBJECT_ACL, object_change_request, REPLY(empty_reply)),
    OP("versions", REPEATABLE, OCTAVO_OBJECT_VERSIONS, object_list_request, REPLY(object_list_reply)),
    OP("restore", WRITE, OCTAVO_OBJECT_VERSIONS, object_request, REPLY(object_put_reply)),
    OP("upload_begin", WRITE, OCTAVO_OBJECT_MULTIPART, object_upload_request, REPLY(object_text_reply)),
    OP("upload_part", WRITE, OCTAVO_OBJECT_MULTIPART, object_put_request, REPLY(object_put_reply)),
    OP("upload_list", REPEATABLE, OCTAVO_OBJECT_MULTIPART, object_list_request, REPLY(object_list_reply)),
    OP("upload_end", WRITE, OCTAVO_OBJECT_MULTIPART, object_upload_request, REPLY(object_put_reply)),
    OP("upload_abort", WRITE, OCTAVO_OBJECT_MULTIPART, object_upload_request, REPLY(empty_reply)),
    OP("append", WRITE, OCTAVO_OBJECT_APPEND, object_put_request, REPLY(object_put_reply)),
    OP("on_chunk", WRITE, 0, chunk, NULL),
    OP("on_writable", REPEATABLE, 0, writable, NULL),
};

const octavo_kind octavo_kind_object_store = {
    "objectstore", "objectstores.", OCTAVO_KIND_OBJECT_STORE, sizeof ops / sizeof ops[0], sizeof(octavo_object_store_ops), 0, ops};
