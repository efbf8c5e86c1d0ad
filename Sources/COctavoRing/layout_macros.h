/* How layout tables are written down: one line a structure, one a member. */
#ifndef OCTAVO_LAYOUT_MACROS_H
#define OCTAVO_LAYOUT_MACROS_H

#include <octavo/octavo.h>

#define BYTES(type, member) {#member, offsetof(type, member), OCTAVO_MEMBER_BYTES, NULL}
#define STR(type, member) {#member, offsetof(type, member), OCTAVO_MEMBER_STR, NULL}
#define LIST(type, member, element) {#member, offsetof(type, member), OCTAVO_MEMBER_LIST, &octavo_layout_##element}
#define STRUCT(type, member, element) {#member, offsetof(type, member), OCTAVO_MEMBER_STRUCT, &octavo_layout_##element}

/* A structure without slices. */
#define LAYOUT_PLAIN(linkage, name) \
    linkage const octavo_layout octavo_layout_##name = {#name, sizeof(octavo_##name), sizeof(octavo_##name), 0, 0, NULL}

#define LAYOUT(linkage, name, ...)                                                                \
    static const octavo_member name##_members[] = {__VA_ARGS__};                                  \
    linkage const octavo_layout octavo_layout_##name = {                                          \
        #name, sizeof(octavo_##name), sizeof(octavo_##name),                                      \
        sizeof name##_members / sizeof name##_members[0], 0, name##_members}

#define OP(name, class, feature, request, reply) \
    {name, OCTAVO_CLASS_##class, 0, feature, &octavo_layout_##request, reply}
#define REPLY(name) &octavo_layout_##name

#endif
