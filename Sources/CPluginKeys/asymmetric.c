/* RSA encryption, and signatures by RSA, ECDSA and Ed25519. */
#include "keys.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

static int set_oaep(EVP_PKEY_CTX *context, const crypto_algorithm *algorithm, octavo_bytes label) {
    /* Both hashes are the algorithm's (RFC 7518 §4.3). */
    if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(context, algorithm->hash, NULL) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, algorithm->hash, NULL) <= 0)
        return 0;
    if (!label.size) return 1;
    void *copy = OPENSSL_memdup(label.data, label.size);
    if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)label.size) > 0) return 1;
    OPENSSL_free(copy);
    return 0;
}

int32_t rsa_encryption(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job, int encrypting) {
    if (key->kind != CRYPTO_KEY_RSA) return CRYPTO_WRONG_KEY;
    if (!encrypting && !key->is_private) return CRYPTO_NOT_PRIVATE;
    static const uint8_t none;
    const uint8_t *data = job->data.data ? job->data.data : &none;
    size_t size = crypto_room(algorithm, key, 0);
    int32_t result = CRYPTO_FAILED;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (context && (encrypting ? EVP_PKEY_encrypt_init(context) : EVP_PKEY_decrypt_init(context)) > 0 &&
        (algorithm->pads ? EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0
                         : set_oaep(context, algorithm, job->associated_data))) {
        /* The only thing that can be wrong now is the data: too long to encrypt, or not made with this key. */
        if ((encrypting ? EVP_PKEY_encrypt(context, job->out, &size, data, job->data.size)
                        : EVP_PKEY_decrypt(context, job->out, &size, data, job->data.size)) > 0) {
            job->written = size;
            result = CRYPTO_DONE;
        } else {
            result = encrypting ? CRYPTO_WRONG_SIZE : CRYPTO_REFUSED;
        }
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return result;
}

static int fits(const crypto_algorithm *algorithm, const crypto_key *key) {
    switch (algorithm->family) {
    case CRYPTO_RSA_SIGN: return key->kind == CRYPTO_KEY_RSA;
    case CRYPTO_EC_SIGN: return key->kind == CRYPTO_KEY_EC && !strcmp(crypto_key_curve(key), algorithm->cipher);
    default: return key->kind == CRYPTO_KEY_ED25519;
    }
}

/* Padding and hash, of RSA alone: ECDSA signs the digest as it is. */
static int set_padding(EVP_PKEY_CTX *context, const crypto_algorithm *algorithm, int salt) {
    if (algorithm->family != CRYPTO_RSA_SIGN) return 1;
    return EVP_PKEY_CTX_set_rsa_padding(context, algorithm->pads ? RSA_PKCS1_PADDING : RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_signature_md(context, EVP_get_digestbyname(algorithm->hash)) > 0 &&
           (algorithm->pads || EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) > 0);
}

int32_t crypto_sign(const crypto_algorithm *algorithm, const crypto_key *key, crypto_job *job) {
    size_t size = crypto_room(algorithm, key, 0);
    int32_t result = CRYPTO_FAILED;
    if (!fits(algorithm, key)) return CRYPTO_WRONG_KEY;
    if (!key->is_private) return CRYPTO_NOT_PRIVATE;
    if (algorithm->digest_size && job->data.size != algorithm->digest_size) return CRYPTO_WRONG_DIGEST;
    if (algorithm->family == CRYPTO_ED_SIGN) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (context && EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) > 0 &&
            EVP_DigestSign(context, job->out, &size, job->data.data, job->data.size) > 0)
            result = CRYPTO_DONE;
        EVP_MD_CTX_free(context);
    } else {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
        if (context && EVP_PKEY_sign_init(context) > 0 && set_padding(context, algorithm, RSA_PSS_SALTLEN_DIGEST) &&
            EVP_PKEY_sign(context, job->out, &size, job->data.data, job->data.size) > 0)
            result = CRYPTO_DONE;
        EVP_PKEY_CTX_free(context);
    }
    if (result == CRYPTO_DONE) job->written = size;
    ERR_clear_error();
    return result;
}

int32_t crypto_verify(const crypto_algorithm *algorithm, const crypto_key *key, octavo_bytes data, octavo_bytes signature, int32_t *valid) {
    int32_t result = CRYPTO_FAILED;
    *valid = 0;
    if (!fits(algorithm, key)) return CRYPTO_WRONG_KEY;
    if (algorithm->digest_size && data.size != algorithm->digest_size) return CRYPTO_WRONG_DIGEST;
    if (algorithm->family == CRYPTO_ED_SIGN) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (context && EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) > 0) {
            *valid = EVP_DigestVerify(context, signature.data, signature.size, data.data, data.size) == 1;
            result = CRYPTO_DONE;
        }
        EVP_MD_CTX_free(context);
    } else {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
        /* Any length of salt: others than RFC 7518's are in use, too. */
        if (context && EVP_PKEY_verify_init(context) > 0 && set_padding(context, algorithm, RSA_PSS_SALTLEN_AUTO)) {
            *valid = EVP_PKEY_verify(context, signature.data, signature.size, data.data, data.size) == 1;
            result = CRYPTO_DONE;
        }
        EVP_PKEY_CTX_free(context);
    }
    ERR_clear_error();
    return result;
}

int32_t crypto_digest(const crypto_algorithm *algorithm, octavo_bytes data, uint8_t *out) {
    const EVP_MD *hash = algorithm->hash ? EVP_get_digestbyname(algorithm->hash) : NULL;
    unsigned size = 0;
    if (!hash || (uint32_t)EVP_MD_get_size(hash) != algorithm->digest_size) return 0;
    return EVP_Digest(data.data, data.size, out, &size, hash, NULL) == 1;
}

size_t crypto_ecdsa_der(octavo_bytes signature, uint8_t *out) {
    size_t half = signature.size / 2;
    if (!half || signature.size % 2 || half > 66) return 0;
    int size = 0;
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, (int)half, NULL), *s = BN_bin2bn(signature.data + half, (int)half, NULL);
    if (both && r && s && ECDSA_SIG_set0(both, r, s)) {
        r = s = NULL;
        size = i2d_ECDSA_SIG(both, &out);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(both);
    ERR_clear_error();
    return size > 0 ? (size_t)size : 0;
}
