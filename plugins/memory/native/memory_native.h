/* The C side of the memory plugin: the node of its table, whose members Swift needs addresses of. */
#ifndef OCTAVO_MEMORY_NATIVE_H
#define OCTAVO_MEMORY_NATIVE_H

#include <stdint.h>
#include <string.h>

/*
 * One version of a key. Never changed after it was put in the table, and freed by the last who uses
 * it, so that a reader can answer after it has let go of the lock. Key and value follow the head.
 */
typedef struct memory_node {
    uint64_t hash;
    uint32_t references;
    uint32_t key_size;
    uint64_t value_size;
    int64_t expires; /* wall time in nanoseconds; 0 = never */
    char etag[16];   /* hexadecimal digits */
} memory_node;

static inline uint32_t *_Nonnull memory_node_references(memory_node *_Nonnull node) { return &node->references; }
static inline const char *_Nonnull memory_node_etag(const memory_node *_Nonnull node) { return node->etag; }

/* Gives the node an etag that it had before. */
static inline void memory_node_set_etag(memory_node *_Nonnull node, const void *_Nonnull etag) {
    memcpy(node->etag, etag, sizeof node->etag);
}

/* Writes `version` as the node's etag. */
static inline void memory_node_stamp(memory_node *_Nonnull node, uint64_t version) {
    for (int digit = 15; digit >= 0; digit--, version >>= 4) node->etag[digit] = "0123456789abcdef"[version & 15];
}

#endif
