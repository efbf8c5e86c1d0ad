/*
 * The layout table: where each structure of the ABI holds slices and lists, so that one piece of code
 * can flatten, check, compare and print all of them. Plugins don't need it.
 */
#ifndef OCTAVO_LAYOUT_H
#define OCTAVO_LAYOUT_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

/* What a member is. Members that are not listed are plain numbers. */
#define OCTAVO_MEMBER_BYTES 0  /* octavo_bytes */
#define OCTAVO_MEMBER_STR 1    /* octavo_str */
#define OCTAVO_MEMBER_LIST 2   /* octavo_list of `element` */
#define OCTAVO_MEMBER_STRUCT 3 /* a structure in place, laid out as `element` */

typedef struct octavo_layout octavo_layout;

typedef struct octavo_member {
    const char *name;
    uint32_t offset;
    uint32_t kind; /* OCTAVO_MEMBER_* */
    const octavo_layout *OCTAVO_NULLABLE element;
} octavo_member;

struct octavo_layout {
    const char *name;
    uint32_t size;     /* as compiled */
    uint32_t min_size; /* of the first released version */
    uint32_t member_count;
    uint32_t reserved;
    const octavo_member *OCTAVO_NULLABLE members;
};

/* What may be done with a call of the operation after its helper died. */
#define OCTAVO_CLASS_REPEATABLE 0
#define OCTAVO_CLASS_WRITE 1
#define OCTAVO_CLASS_CONDITIONAL 2

typedef struct octavo_op {
    const char *name;
    int32_t op_class;  /* OCTAVO_CLASS_* */
    uint32_t reserved;
    uint64_t feature;  /* a bit that must be among the instance's features; 0 = none */
    const octavo_layout *request;
    const octavo_layout *OCTAVO_NULLABLE reply; /* null: belongs to no call, nothing is completed */
} octavo_op;

typedef struct octavo_kind {
    const char *name;   /* "state" */
    const char *prefix; /* of type names: "state." */
    int32_t kind;
    uint32_t op_count;
    uint32_t ops_min_size; /* of the table's first released version */
    uint32_t reserved;
    const octavo_op *ops;  /* in the order of the table's members */
} octavo_kind;

/* The description of a kind, or NULL for a number that is none. */
const octavo_kind *OCTAVO_NULLABLE octavo_kind_at(int32_t kind);

/* Layouts that are shared by all kinds. */
extern const octavo_layout octavo_layout_str;
extern const octavo_layout octavo_layout_pair;
extern const octavo_layout octavo_layout_error;
extern const octavo_layout octavo_layout_item_error;
extern const octavo_layout octavo_layout_head;
extern const octavo_layout octavo_layout_life_request;
extern const octavo_layout octavo_layout_source_request;
extern const octavo_layout octavo_layout_credit_request;
extern const octavo_layout octavo_layout_settle_request;
extern const octavo_layout octavo_layout_chunk;
extern const octavo_layout octavo_layout_writable;
extern const octavo_layout octavo_layout_empty_reply;

/* What is delivered to a source of each kind. */
extern const octavo_layout octavo_layout_pubsub_message;
extern const octavo_layout octavo_layout_configuration_change;
extern const octavo_layout octavo_layout_secret_rotation;
extern const octavo_layout octavo_layout_binding_event;
extern const octavo_layout octavo_layout_names_change;

OCTAVO_END

#endif
