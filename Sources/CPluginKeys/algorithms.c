#include "keys.h"

#include <strings.h>
#include <string.h>

#define BOTH (CRYPTO_FOR_ENCRYPTION | CRYPTO_FOR_WRAPPING)
#define CBC(bits, bytes)                                                                                     \
    {"A" #bits "CBC", CRYPTO_CBC, CRYPTO_FOR_ENCRYPTION, "AES-" #bits "-CBC", NULL, bytes, 16, 0, 0, 1},       \
    {"A" #bits "CBC-NOPAD", CRYPTO_CBC, BOTH, "AES-" #bits "-CBC", NULL, bytes, 16, 0, 0, 0}
#define CBC_HMAC(bits, hash, bytes)                                                                          \
    {"A" #bits "CBC-HS" #hash, CRYPTO_CBC_HMAC, CRYPTO_FOR_ENCRYPTION, "AES-" #bits "-CBC", "SHA" #hash,       \
     2 * (bytes), 16, bytes, 0, 1}
#define GCM(bits, bytes)                                                                                     \
    {"A" #bits "GCM", CRYPTO_AEAD, CRYPTO_FOR_ENCRYPTION, "AES-" #bits "-GCM", NULL, bytes, 12, 16, 0, 0},     \
    {"A" #bits "GCMKW", CRYPTO_AEAD, CRYPTO_FOR_WRAPPING, "AES-" #bits "-GCM", NULL, bytes, 12, 16, 0, 0}
#define KW(bits, bytes) \
    {"A" #bits "KW", CRYPTO_KW, CRYPTO_FOR_WRAPPING, "AES-" #bits "-WRAP", NULL, bytes, 0, 0, 0, 0}
#define CHACHA(name, family, nonce, uses) \
    {name, family, uses, "ChaCha20-Poly1305", NULL, 32, nonce, 16, 0, 0}
#define RSA_SIGN(name, bits, pads) \
    {name #bits, CRYPTO_RSA_SIGN, CRYPTO_FOR_SIGNING, NULL, "SHA" #bits, 0, 0, 0, bits / 8, pads}
#define EC_SIGN(bits, curve) \
    {"ES" #bits, CRYPTO_EC_SIGN, CRYPTO_FOR_SIGNING, curve, "SHA" #bits, 0, 0, 0, bits / 8, 0}

static const crypto_algorithm algorithms[] = {
    CBC(128, 16), CBC(192, 24), CBC(256, 32),
    CBC_HMAC(128, 256, 16), CBC_HMAC(192, 384, 24), CBC_HMAC(256, 512, 32),
    GCM(128, 16), GCM(192, 24), GCM(256, 32),
    KW(128, 16), KW(192, 24), KW(256, 32),
    CHACHA("C20P", CRYPTO_AEAD, 12, CRYPTO_FOR_ENCRYPTION), CHACHA("XC20P", CRYPTO_XCHACHA, 24, CRYPTO_FOR_ENCRYPTION),
    CHACHA("C20PKW", CRYPTO_AEAD, 12, CRYPTO_FOR_WRAPPING), CHACHA("XC20PKW", CRYPTO_XCHACHA, 24, CRYPTO_FOR_WRAPPING),
    {"RSA1_5", CRYPTO_RSA, BOTH, NULL, NULL, 0, 0, 0, 0, 1},
    {"RSA-OAEP", CRYPTO_RSA, BOTH, NULL, "SHA1", 0, 0, 0, 0, 0},
    {"RSA-OAEP-256", CRYPTO_RSA, BOTH, NULL, "SHA256", 0, 0, 0, 0, 0},
    {"RSA-OAEP-384", CRYPTO_RSA, BOTH, NULL, "SHA384", 0, 0, 0, 0, 0},
    {"RSA-OAEP-512", CRYPTO_RSA, BOTH, NULL, "SHA512", 0, 0, 0, 0, 0},
    RSA_SIGN("RS", 256, 1), RSA_SIGN("RS", 384, 1), RSA_SIGN("RS", 512, 1),
    RSA_SIGN("PS", 256, 0), RSA_SIGN("PS", 384, 0), RSA_SIGN("PS", 512, 0),
    EC_SIGN(256, "P-256"), EC_SIGN(384, "P-384"), EC_SIGN(512, "P-521"),
    {"EdDSA", CRYPTO_ED_SIGN, CRYPTO_FOR_SIGNING, NULL, NULL, 0, 0, 0, 0, 0},
};

const crypto_algorithm *crypto_algorithm_at(size_t index) {
    return index < sizeof algorithms / sizeof algorithms[0] ? &algorithms[index] : NULL;
}

const crypto_algorithm *crypto_algorithm_named(octavo_str name) {
    const crypto_algorithm *found;
    for (size_t index = 0; (found = crypto_algorithm_at(index)); index++)
        if (name.size == strlen(found->name) && !strncasecmp(found->name, name.data, name.size)) return found;
    return NULL;
}

size_t crypto_room(const crypto_algorithm *algorithm, const crypto_key *key, size_t size) {
    switch (algorithm->family) {
    case CRYPTO_RSA: case CRYPTO_RSA_SIGN: case CRYPTO_EC_SIGN: case CRYPTO_ED_SIGN:
        return key->pkey && EVP_PKEY_get_size(key->pkey) > 0 ? (size_t)EVP_PKEY_get_size(key->pkey) : 1;
    default: return size + 32; /* a block of padding, and the block that OpenSSL wants to be there */
    }
}

int32_t crypto_encrypt(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job) {
    if (job->data.size > CRYPTO_DATA_LIMIT || job->associated_data.size > CRYPTO_DATA_LIMIT) return CRYPTO_WRONG_SIZE;
    return algorithm->family == CRYPTO_RSA ? rsa_encryption(algorithm, key, job, 1) : symmetric(algorithm, key, job, 1);
}

int32_t crypto_decrypt(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job) {
    if (job->data.size > CRYPTO_DATA_LIMIT || job->associated_data.size > CRYPTO_DATA_LIMIT) return CRYPTO_WRONG_SIZE;
    return algorithm->family == CRYPTO_RSA ? rsa_encryption(algorithm, key, job, 0) : symmetric(algorithm, key, job, 0);
}
