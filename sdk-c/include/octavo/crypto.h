/* Kind `crypto`: keys that don't leave their vault, or are read from it. */
#ifndef OCTAVO_CRYPTO_H
#define OCTAVO_CRYPTO_H

#include "octavo/octavo_types.h"

OCTAVO_BEGIN

#define OCTAVO_CRYPTO_PUBLIC_KEY 0x1ull
#define OCTAVO_CRYPTO_ENCRYPT 0x2ull /* encrypt and decrypt */
#define OCTAVO_CRYPTO_WRAP 0x4ull    /* wrap and unwrap */
#define OCTAVO_CRYPTO_SIGN 0x8ull    /* sign and verify */

#define OCTAVO_CRYPTO_OP_PUBLIC_KEY 0
#define OCTAVO_CRYPTO_OP_ENCRYPT 1
#define OCTAVO_CRYPTO_OP_DECRYPT 2
#define OCTAVO_CRYPTO_OP_WRAP 3
#define OCTAVO_CRYPTO_OP_UNWRAP 4
#define OCTAVO_CRYPTO_OP_SIGN 5
#define OCTAVO_CRYPTO_OP_VERIFY 6
#define OCTAVO_CRYPTO_OP_ALGORITHMS 7

#define OCTAVO_KEY_PEM 0 /* PKIX, PEM */
#define OCTAVO_KEY_JWK 1 /* JSON */

typedef struct octavo_crypto_key_request {
    octavo_head head;
    octavo_str name;
    octavo_str version; /* absent = the newest */
    int32_t format;     /* OCTAVO_KEY_* */
    uint32_t reserved;
} octavo_crypto_key_request;

typedef struct octavo_crypto_key_reply {
    uint32_t size;
    uint32_t flags;
    octavo_str name; /* with its version */
    octavo_bytes key;
} octavo_crypto_key_reply;

/* Of encrypt, decrypt, wrap (`data` is the key to wrap), unwrap, sign and verify (`data` is the digest). */
typedef struct octavo_crypto_request {
    octavo_head head;
    octavo_str name;
    octavo_str version;   /* absent = the newest */
    octavo_str algorithm; /* names of JWA (RFC 7518), for example "RSA-OAEP-256" */
    octavo_bytes data;
    octavo_bytes nonce;
    octavo_bytes tag;             /* decrypt, unwrap */
    octavo_bytes associated_data;
    octavo_bytes signature;       /* verify */
} octavo_crypto_request;

typedef struct octavo_crypto_reply {
    uint32_t size;
    uint32_t flags;
    octavo_bytes data; /* ciphertext, plaintext, wrapped key, key or signature */
    octavo_bytes tag;  /* encrypt, wrap */
} octavo_crypto_reply;

typedef struct octavo_crypto_verify_reply {
    uint32_t size;
    int32_t valid; /* 1 or 0 */
} octavo_crypto_verify_reply;

typedef struct octavo_crypto_algorithms_request {
    octavo_head head;
} octavo_crypto_algorithms_request;

typedef struct octavo_crypto_algorithms_reply {
    uint32_t size;
    uint32_t flags;
    octavo_list encryption; /* of octavo_str */
    octavo_list wrapping;
    octavo_list signing;
} octavo_crypto_algorithms_reply;

/* Operations of a crypto component. All [exec], all repeatable; a null member is not offered. */
typedef struct octavo_crypto_ops {
    uint32_t size;
    uint32_t reserved;
    void (*OCTAVO_NULLABLE public_key)(void *self, octavo_call call, const octavo_crypto_key_request *request);
    void (*OCTAVO_NULLABLE encrypt)(void *self, octavo_call call, const octavo_crypto_request *request);
    /* A tag or ciphertext that does not fit is INVALID_ARGUMENT. */
    void (*OCTAVO_NULLABLE decrypt)(void *self, octavo_call call, const octavo_crypto_request *request);
    void (*OCTAVO_NULLABLE wrap)(void *self, octavo_call call, const octavo_crypto_request *request);
    void (*OCTAVO_NULLABLE unwrap)(void *self, octavo_call call, const octavo_crypto_request *request);
    void (*OCTAVO_NULLABLE sign)(void *self, octavo_call call, const octavo_crypto_request *request);
    /* A signature that does not fit is an answer, not an error. */
    void (*OCTAVO_NULLABLE verify)(void *self, octavo_call call, const octavo_crypto_request *request);
    /* What this instance can do. */
    void (*OCTAVO_NULLABLE algorithms)(void *self, octavo_call call, const octavo_crypto_algorithms_request *request);
} octavo_crypto_ops;

OCTAVO_END

OCTAVO_ASSERT_SIZE(octavo_crypto_key_request, 104);
OCTAVO_ASSERT_OFFSET(octavo_crypto_key_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_crypto_key_request, version, 80);
OCTAVO_ASSERT_OFFSET(octavo_crypto_key_request, format, 96);
OCTAVO_ASSERT_SIZE(octavo_crypto_key_reply, 40);
OCTAVO_ASSERT_OFFSET(octavo_crypto_key_reply, name, 8);
OCTAVO_ASSERT_OFFSET(octavo_crypto_key_reply, key, 24);
OCTAVO_ASSERT_SIZE(octavo_crypto_request, 192);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, name, 64);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, version, 80);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, algorithm, 96);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, data, 112);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, nonce, 128);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, tag, 144);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, associated_data, 160);
OCTAVO_ASSERT_OFFSET(octavo_crypto_request, signature, 176);
OCTAVO_ASSERT_SIZE(octavo_crypto_reply, 40);
OCTAVO_ASSERT_OFFSET(octavo_crypto_reply, data, 8);
OCTAVO_ASSERT_OFFSET(octavo_crypto_reply, tag, 24);
OCTAVO_ASSERT_SIZE(octavo_crypto_verify_reply, 8);
OCTAVO_ASSERT_OFFSET(octavo_crypto_verify_reply, valid, 4);
OCTAVO_ASSERT_SIZE(octavo_crypto_algorithms_request, 64);
OCTAVO_ASSERT_SIZE(octavo_crypto_algorithms_reply, 56);
OCTAVO_ASSERT_OFFSET(octavo_crypto_algorithms_reply, encryption, 8);
OCTAVO_ASSERT_OFFSET(octavo_crypto_algorithms_reply, wrapping, 24);
OCTAVO_ASSERT_OFFSET(octavo_crypto_algorithms_reply, signing, 40);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, public_key, 8 + 8 * OCTAVO_CRYPTO_OP_PUBLIC_KEY);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, encrypt, 8 + 8 * OCTAVO_CRYPTO_OP_ENCRYPT);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, decrypt, 8 + 8 * OCTAVO_CRYPTO_OP_DECRYPT);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, wrap, 8 + 8 * OCTAVO_CRYPTO_OP_WRAP);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, unwrap, 8 + 8 * OCTAVO_CRYPTO_OP_UNWRAP);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, sign, 8 + 8 * OCTAVO_CRYPTO_OP_SIGN);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, verify, 8 + 8 * OCTAVO_CRYPTO_OP_VERIFY);
OCTAVO_ASSERT_OFFSET(octavo_crypto_ops, algorithms, 8 + 8 * OCTAVO_CRYPTO_OP_ALGORITHMS);
OCTAVO_ASSERT_SIZE(octavo_crypto_ops, 72);

#endif
