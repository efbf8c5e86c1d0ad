/* Keys and algorithms of plugins, over OpenSSL's libcrypto. Any thread. */
#ifndef OCTAVO_PLUGIN_KEYS_H
#define OCTAVO_PLUGIN_KEYS_H

#include <octavo/octavo.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/* How an operation ended. */
#define CRYPTO_DONE 0
#define CRYPTO_WRONG_KEY 1    /* the algorithm takes a key of another kind, size or curve */
#define CRYPTO_NOT_PRIVATE 2  /* it takes a private key, and this is the public part of one */
#define CRYPTO_WRONG_NONCE 3  /* the nonce is not `nonce_size` bytes long */
#define CRYPTO_WRONG_TAG 4    /* the tag is not `tag_size` bytes long */
#define CRYPTO_WRONG_SIZE 5   /* the data is too long, too short or no multiple of a block */
#define CRYPTO_WRONG_DIGEST 6 /* the digest is not `digest_size` bytes long */
#define CRYPTO_REFUSED 7      /* it does not decrypt: another key, or something was changed */
#define CRYPTO_FAILED 8       /* OpenSSL has no memory, no random numbers or no such algorithm */

#define CRYPTO_FOR_ENCRYPTION 0x1
#define CRYPTO_FOR_WRAPPING 0x2
#define CRYPTO_FOR_SIGNING 0x4

enum crypto_family {
    CRYPTO_CBC, CRYPTO_AEAD, CRYPTO_XCHACHA, CRYPTO_CBC_HMAC, CRYPTO_KW, CRYPTO_RSA, CRYPTO_RSA_SIGN, CRYPTO_EC_SIGN,
    CRYPTO_ED_SIGN,
};

/* An algorithm by its name of JWA (RFC 7518) or of Dapr. */
typedef struct crypto_algorithm {
    const char *name;
    int32_t family; /* enum crypto_family */
    uint32_t uses;  /* CRYPTO_FOR_* */
    /* What the family needs: the cipher or the curve in OpenSSL's words, and the hash. */
    const char *_Nullable cipher;
    const char *_Nullable hash;
    uint32_t key_size; /* bytes of a symmetric key, 0 for others */
    uint32_t nonce_size;
    uint32_t tag_size;
    uint32_t digest_size; /* what is signed; 0: a message of any size */
    int32_t pads;         /* CBC with PKCS #7; RSA with PKCS #1 version 1.5 */
} crypto_algorithm;

/* Algorithm `index`, NULL behind the last. */
const crypto_algorithm *_Nullable crypto_algorithm_at(size_t index);
/* By name, letters of any case. */
const crypto_algorithm *_Nullable crypto_algorithm_named(octavo_str name);

#define CRYPTO_KEY_SYMMETRIC 0
#define CRYPTO_KEY_RSA 1
#define CRYPTO_KEY_EC 2
#define CRYPTO_KEY_ED25519 3

/* A key; constant once it is made, so that threads may share it. */
typedef struct crypto_key crypto_key;

/* Members of a JSON Web Key (RFC 7517), decoded; absent ones have no data. */
typedef struct crypto_key_parts {
    octavo_bytes n, e, d, p, q, dp, dq, qi; /* RSA; `d` also of the others */
    octavo_bytes x, y;
    octavo_str curve; /* "P-256", "P-384", "P-521", "Ed25519" */
} crypto_key_parts;

/* NULL on failure, with the end of a sentence in `why` ("The key … can't be used: it …"). */
crypto_key *_Nullable crypto_key_symmetric(octavo_bytes bytes, const char *_Nonnull *_Nonnull why);
crypto_key *_Nullable crypto_key_pem(octavo_bytes text, const char *_Nonnull *_Nonnull why);
crypto_key *_Nullable crypto_key_rsa(const crypto_key_parts *parts, const char *_Nonnull *_Nonnull why);
crypto_key *_Nullable crypto_key_ec(const crypto_key_parts *parts, const char *_Nonnull *_Nonnull why);
crypto_key *_Nullable crypto_key_okp(const crypto_key_parts *parts, const char *_Nonnull *_Nonnull why);
void crypto_key_free(crypto_key *_Nullable key);
int32_t crypto_key_kind(const crypto_key *key);

/* The public part as PEM (SubjectPublicKeyInfo); its length, 0 when `room` is too little. */
size_t crypto_key_public_pem(const crypto_key *key, char *out, size_t room);
/* One number of the public part, big-endian: 'n' and 'e' of RSA, 'x' and 'y' of curves. Its length, 0 when there is none. */
size_t crypto_key_public_part(const crypto_key *key, char part, uint8_t *out, size_t room);
/* "P-256" and so on, of curves. */
const char *crypto_key_curve(const crypto_key *key);

/* What an operation works on. */
typedef struct crypto_job {
    octavo_bytes data;
    octavo_bytes nonce;
    octavo_bytes tag; /* decrypting */
    octavo_bytes associated_data;
    uint8_t *_Nullable out; /* crypto_room bytes */
    size_t written;
    uint8_t tag_out[32]; /* encrypting: `tag_size` bytes of it */
} crypto_job;

/* Bytes that encrypting, decrypting or signing `size` bytes may write. */
size_t crypto_room(const crypto_algorithm *algorithm, const crypto_key *key, size_t size);

int32_t crypto_encrypt(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job);
int32_t crypto_decrypt(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job);
/* Signs `data`: a digest, or for EdDSA the message. Signatures of ECDSA are DER. */
int32_t crypto_sign(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job);
int32_t crypto_verify(const crypto_algorithm *algorithm, const crypto_key *key, octavo_bytes data,
                      octavo_bytes signature, int32_t *valid);

/* The digest that a signature by `algorithm` is made of, `digest_size` bytes; 0 on failure, also for algorithms without one. */
int32_t crypto_digest(const crypto_algorithm *algorithm, octavo_bytes data, uint8_t *out);
/* A signature of ECDSA that is both numbers one behind the other (RFC 7518 §3.4) as DER; its length, 0 when it is none. `out` has
 * 160 bytes. */
size_t crypto_ecdsa_der(octavo_bytes signature, uint8_t *out);

/* Memory that held a key. */
void crypto_wipe(void *memory, size_t size);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
