/* What a component type says of its metadata, and what an instance is given of it. */
#ifndef OCTAVO_SCHEMA_H
#define OCTAVO_SCHEMA_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

/* Types of metadata fields. In brackets: what octavo_value.integer or .number holds. */
#define OCTAVO_FIELD_STRING 0
#define OCTAVO_FIELD_INTEGER 1
#define OCTAVO_FIELD_NUMBER 2    /* number: the double */
#define OCTAVO_FIELD_BOOLEAN 3   /* integer: 0 or 1 */
#define OCTAVO_FIELD_DURATION 4  /* integer: nanoseconds. Go syntax ("1m30s"); a bare integer is in
                                    the field's `unit_ns`, seconds when that is 0 */
#define OCTAVO_FIELD_BYTE_SIZE 5 /* integer: bytes ("4Mi", "512k") */
#define OCTAVO_FIELD_URL 6
#define OCTAVO_FIELD_ENUM 7      /* integer: index in `allowed` */
#define OCTAVO_FIELD_LIST 8      /* comma-separated */

#define OCTAVO_FIELD_REQUIRED 0x1u    /* within its profile, if it has one */
#define OCTAVO_FIELD_SENSITIVE 0x2u   /* never shown in a log, a list or a report */
#define OCTAVO_FIELD_HOT 0x4u         /* reconfigure() takes a new value without a new instance */
#define OCTAVO_FIELD_INPUT_ONLY 0x8u  /* of bindings */
#define OCTAVO_FIELD_OUTPUT_ONLY 0x10u
#define OCTAVO_FIELD_HAS_MINIMUM 0x20u
#define OCTAVO_FIELD_HAS_MAXIMUM 0x40u

/* One setting of a component. Names are matched without regard to case. */
typedef struct octavo_field {
    octavo_str name;
    octavo_list aliases;       /* of octavo_str */
    int32_t type;              /* OCTAVO_FIELD_STRING … */
    uint32_t flags;            /* OCTAVO_FIELD_REQUIRED … */
    octavo_str default_text;   /* as it would be written; absent = none */
    octavo_list allowed;       /* of octavo_str: the words of an enum */
    double minimum;            /* with HAS_MINIMUM; of the parsed value */
    double maximum;            /* with HAS_MAXIMUM */
    int64_t unit_ns;           /* of a duration written as a bare integer */
    octavo_str profile;        /* name of the authentication profile it belongs to */
    octavo_str deprecated_by;  /* name of its successor; absent = not deprecated */
    octavo_str since;          /* version of the plugin that brought it */
    octavo_str description;
    octavo_str example;
    octavo_str link;
} octavo_field;

/* A named group of fields, for example a way to authenticate. One of the groups must be complete
   when any field of a group is REQUIRED. */
typedef struct octavo_profile {
    octavo_str name;
    octavo_str title;
    octavo_str description;
} octavo_profile;

#define OCTAVO_OPERATION_REPEATABLE 0x1u /* may be sent again after a fault */

/* An operation of a binding. */
typedef struct octavo_operation {
    octavo_str name;
    octavo_str description;
    uint32_t flags; /* OCTAVO_OPERATION_* */
    uint32_t reserved;
} octavo_operation;

/* Metadata that the runtime itself reads (`keyPrefix`, …) is allowed beside the fields. */
typedef struct octavo_schema {
    uint32_t size;
    uint32_t flags;
    octavo_str title;
    octavo_str description;
    octavo_str maturity;     /* "alpha", "beta" or "stable" */
    octavo_list links;       /* of octavo_str */
    octavo_list fields;      /* of octavo_field */
    octavo_list profiles;    /* of octavo_profile */
    octavo_list operations;  /* of octavo_operation */
} octavo_schema;

#define OCTAVO_VALUE_DEFAULTED 0x1u /* not written: the field's default */
#define OCTAVO_VALUE_UNKNOWN 0x2u   /* the schema has no such field; only `text` is filled in */
#define OCTAVO_VALUE_SENSITIVE 0x4u

/* One setting of an instance, as written and parsed. */
typedef struct octavo_value {
    octavo_str name; /* the field's own name, whatever alias or case was written */
    octavo_str text; /* as written, secrets resolved */
    int64_t integer; /* see the field types */
    double number;
    int32_t type;    /* OCTAVO_FIELD_STRING … */
    uint32_t flags;  /* OCTAVO_VALUE_* */
} octavo_value;

/* What an instance is made from. Valid during create or reconfigure: copy what is kept. */
typedef struct octavo_config {
    uint32_t size;
    uint32_t flags;
    octavo_str component; /* the component's name */
    octavo_str type;      /* for example "state.redis" */
    octavo_str version;   /* for example "v1" */
    octavo_str app_id;
    octavo_str name_space;
    octavo_str data_dir;  /* a folder that the plugin may write in; it exists */
    octavo_list values;   /* of octavo_value */
} octavo_config;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_field, 192);
OCTAVO_ASSERT_OFFSET(octavo_field, type, 32);
OCTAVO_ASSERT_OFFSET(octavo_field, default_text, 40);
OCTAVO_ASSERT_OFFSET(octavo_field, allowed, 56);
OCTAVO_ASSERT_OFFSET(octavo_field, minimum, 72);
OCTAVO_ASSERT_OFFSET(octavo_field, unit_ns, 88);
OCTAVO_ASSERT_OFFSET(octavo_field, profile, 96);
OCTAVO_ASSERT_OFFSET(octavo_field, deprecated_by, 112);
OCTAVO_ASSERT_OFFSET(octavo_field, description, 144);
OCTAVO_ASSERT_OFFSET(octavo_field, link, 176);
OCTAVO_ASSERT_SIZE(octavo_profile, 48);
OCTAVO_ASSERT_SIZE(octavo_operation, 40);
OCTAVO_ASSERT_SIZE(octavo_schema, 120);
OCTAVO_ASSERT_OFFSET(octavo_schema, links, 56);
OCTAVO_ASSERT_OFFSET(octavo_schema, operations, 104);
OCTAVO_ASSERT_SIZE(octavo_value, 56);
OCTAVO_ASSERT_OFFSET(octavo_value, integer, 32);
OCTAVO_ASSERT_OFFSET(octavo_value, flags, 52);
OCTAVO_ASSERT_SIZE(octavo_config, 120);
OCTAVO_ASSERT_OFFSET(octavo_config, values, 104);

#endif
