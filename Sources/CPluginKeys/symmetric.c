/* AES and ChaCha20 in their modes. */
#include "keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

/* A cipher with its context; `out` gets what comes. Ends in `end`. */
typedef struct pass {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *context;
} pass;

static int begin(pass *pass, const char *name, const uint8_t *key, const uint8_t *nonce, int encrypting) {
    pass->cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    pass->context = EVP_CIPHER_CTX_new();
    if (!pass->cipher || !pass->context) return 0;
    EVP_CIPHER_CTX_set_flags(pass->context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    return EVP_CipherInit_ex2(pass->context, pass->cipher, key, nonce, encrypting, NULL);
}

static void end(pass *pass) {
    EVP_CIPHER_CTX_free(pass->context);
    EVP_CIPHER_free(pass->cipher);
    ERR_clear_error();
}

static int update(pass *pass, uint8_t *out, octavo_bytes data, int *written) {
    *written = 0;
    return !data.size || EVP_CipherUpdate(pass->context, out, written, data.data, (int)data.size);
}

static int32_t cbc(const crypto_algorithm *algorithm, const uint8_t *key, crypto_job *job, int encrypting) {
    pass pass;
    int first = 0, last = 0;
    int32_t result = CRYPTO_FAILED;
    if ((!encrypting || !algorithm->pads) && job->data.size % 16) return CRYPTO_WRONG_SIZE;
    if (begin(&pass, algorithm->cipher, key, job->nonce.data, encrypting)) {
        EVP_CIPHER_CTX_set_padding(pass.context, algorithm->pads);
        result = encrypting ? CRYPTO_FAILED : CRYPTO_REFUSED;
        if (update(&pass, job->out, job->data, &first) && EVP_CipherFinal_ex(pass.context, job->out + first, &last)) {
            job->written = (size_t)first + (size_t)last;
            result = CRYPTO_DONE;
        }
    }
    end(&pass);
    return result;
}

static int32_t aead(const crypto_algorithm *algorithm, const uint8_t *key, const uint8_t *nonce, crypto_job *job, int encrypting) {
    pass pass;
    int first = 0, last = 0, ignored;
    int32_t result = CRYPTO_FAILED;
    if (begin(&pass, algorithm->cipher, key, nonce, encrypting) &&
        (encrypting || EVP_CIPHER_CTX_ctrl(pass.context, EVP_CTRL_AEAD_SET_TAG, 16, (void *)job->tag.data)) &&
        update(&pass, NULL, job->associated_data, &ignored)) {
        result = encrypting ? CRYPTO_FAILED : CRYPTO_REFUSED;
        if (update(&pass, job->out, job->data, &first) && EVP_CipherFinal_ex(pass.context, job->out + first, &last) &&
            (!encrypting || EVP_CIPHER_CTX_ctrl(pass.context, EVP_CTRL_AEAD_GET_TAG, 16, job->tag_out))) {
            job->written = (size_t)first + (size_t)last;
            result = CRYPTO_DONE;
        }
    }
    end(&pass);
    return result;
}

static uint32_t word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/*
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): OpenSSL does not have it. HChaCha20 is ChaCha20's block function without
 * the addition of the first state at the end, and of the words that it gives the first state is known: the constants
 * and the nonce. So it is a block of key stream minus those.
 */
static int32_t xchacha(const crypto_algorithm *algorithm, const uint8_t *key, crypto_job *job, int encrypting) {
    static const uint8_t zeros[64], constants[] = "expand 32-byte k";
    uint8_t block[64], subkey[32], nonce[12] = {0};
    const uint8_t *long_nonce = job->nonce.data;
    pass pass;
    int written;
    int32_t result = CRYPTO_FAILED;
    if (begin(&pass, "ChaCha20", key, long_nonce, 1) && update(&pass, block, (octavo_bytes){zeros, sizeof zeros}, &written)) {
        for (int index = 0; index < 8; index++) {
            const uint8_t *start = index < 4 ? constants + 4 * index : long_nonce + 4 * (index - 4);
            uint32_t value = word(block + 4 * (index < 4 ? index : index + 8)) - word(start);
            for (int byte = 0; byte < 4; byte++) subkey[4 * index + byte] = (uint8_t)(value >> (8 * byte));
        }
        memcpy(nonce + 4, long_nonce + 16, 8);
        result = aead(algorithm, subkey, nonce, job, encrypting);
    }
    end(&pass);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(subkey, sizeof subkey);
    return result;
}

/* RFC 7518 §5.2.2.1: HMAC over associated data, nonce, ciphertext and the associated data's length in bits. */
static int authenticate(const crypto_algorithm *algorithm, const uint8_t *key, const crypto_job *job,
                        octavo_bytes ciphertext, uint8_t *tag) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)algorithm->hash, 0), OSSL_PARAM_construct_end()};
    uint64_t bits = job->associated_data.size * 8;
    uint8_t length[8], full[64];
    size_t size = 0;
    for (int byte = 0; byte < 8; byte++) length[byte] = (uint8_t)(bits >> (56 - 8 * byte));
    int done = context && EVP_MAC_init(context, key, algorithm->key_size / 2, params) &&
               EVP_MAC_update(context, job->associated_data.data, job->associated_data.size) &&
               EVP_MAC_update(context, job->nonce.data, job->nonce.size) &&
               EVP_MAC_update(context, ciphertext.data, ciphertext.size) && EVP_MAC_update(context, length, sizeof length) &&
               EVP_MAC_final(context, full, &size, sizeof full) && size >= algorithm->tag_size;
    if (done) memcpy(tag, full, algorithm->tag_size);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    return done;
}

static int32_t cbc_hmac(const crypto_algorithm *algorithm, const uint8_t *key, crypto_job *job, int encrypting) {
    const uint8_t *second = key + algorithm->key_size / 2;
    uint8_t tag[32];
    if (encrypting) {
        int32_t result = cbc(algorithm, second, job, 1);
        if (result != CRYPTO_DONE) return result;
        return authenticate(algorithm, key, job, (octavo_bytes){job->out, job->written}, job->tag_out) ? CRYPTO_DONE : CRYPTO_FAILED;
    }
    if (!authenticate(algorithm, key, job, job->data, tag)) return CRYPTO_FAILED;
    if (CRYPTO_memcmp(tag, job->tag.data, algorithm->tag_size)) return CRYPTO_REFUSED;
    return cbc(algorithm, second, job, 0);
}

/* AES Key Wrap (RFC 3394). */
static int32_t wrap(const crypto_algorithm *algorithm, const uint8_t *key, crypto_job *job, int encrypting) {
    pass pass;
    int written = 0;
    int32_t result = CRYPTO_FAILED;
    if (job->data.size % 8 || job->data.size < (encrypting ? 16u : 24u)) return CRYPTO_WRONG_SIZE;
    if (begin(&pass, algorithm->cipher, key, NULL, encrypting)) {
        result = encrypting ? CRYPTO_FAILED : CRYPTO_REFUSED;
        if (update(&pass, job->out, job->data, &written) && written > 0) {
            job->written = (size_t)written;
            result = CRYPTO_DONE;
        }
    }
    end(&pass);
    return result;
}

int32_t symmetric(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job, int encrypting) {
    if (key->kind != CRYPTO_KEY_SYMMETRIC || key->size != algorithm->key_size) return CRYPTO_WRONG_KEY;
    if (job->nonce.size != algorithm->nonce_size) return CRYPTO_WRONG_NONCE;
    if (!encrypting && job->tag.size != algorithm->tag_size) return CRYPTO_WRONG_TAG;
    switch (algorithm->family) {
    case CRYPTO_CBC: return cbc(algorithm, key->bytes, job, encrypting);
    case CRYPTO_AEAD: return aead(algorithm, key->bytes, job->nonce.data, job, encrypting);
    case CRYPTO_XCHACHA: return xchacha(algorithm, key->bytes, job, encrypting);
    case CRYPTO_CBC_HMAC: return cbc_hmac(algorithm, key->bytes, job, encrypting);
    case CRYPTO_KW: return wrap(algorithm, key->bytes, job, encrypting);
    default: return CRYPTO_WRONG_KEY;
    }
}
