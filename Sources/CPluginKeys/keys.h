/* What the files of the C side share. */
#ifndef OCTAVO_CRYPTO_KEYS_H
#define OCTAVO_CRYPTO_KEYS_H

#include "plugin_keys.h"

#include <openssl/evp.h>

struct crypto_key {
    int kind;       /* CRYPTO_KEY_* */
    int is_private; /* of the asymmetric ones */
    EVP_PKEY *pkey; /* NULL when it is symmetric */
    uint8_t *bytes;
    size_t size;
};

int32_t symmetric(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job, int encrypting);
int32_t rsa_encryption(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job, int encrypting);

/* More than an int can say would wrap in OpenSSL's arguments. */
#define CRYPTO_DATA_LIMIT ((uint64_t)1 << 30)

#endif
