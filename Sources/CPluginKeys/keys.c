/* Keys out of bytes, PEM and the numbers of a JSON Web Key; their public parts. */
#include "keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

void crypto_wipe(void *memory, size_t size) { OPENSSL_cleanse(memory, size); }

crypto_key *crypto_key_symmetric(octavo_bytes bytes, const char **why) {
    crypto_key *key = calloc(1, sizeof *key);
    *why = "it is empty";
    if (key && bytes.size && (key->bytes = malloc(bytes.size))) {
        key->kind = CRYPTO_KEY_SYMMETRIC;
        key->size = bytes.size;
        memcpy(key->bytes, bytes.data, bytes.size);
        return key;
    }
    free(key);
    return NULL;
}

void crypto_key_free(crypto_key *key) {
    if (!key) return;
    if (key->bytes) OPENSSL_cleanse(key->bytes, key->size);
    free(key->bytes);
    EVP_PKEY_free(key->pkey);
    free(key);
}

int32_t crypto_key_kind(const crypto_key *key) { return key->kind; }

const char *crypto_key_curve(const crypto_key *key) {
    char name[64];
    if (key->kind == CRYPTO_KEY_ED25519) return "Ed25519";
    if (key->kind != CRYPTO_KEY_EC || !EVP_PKEY_get_group_name(key->pkey, name, sizeof name, NULL)) return "";
    switch (OBJ_sn2nid(name)) {
    case NID_X9_62_prime256v1: return "P-256";
    case NID_secp384r1: return "P-384";
    case NID_secp521r1: return "P-521";
    default: return "";
    }
}

static int has_private(EVP_PKEY *pkey, int kind) {
    BIGNUM *number = NULL;
    size_t size = 0;
    if (kind == CRYPTO_KEY_ED25519) return EVP_PKEY_get_raw_private_key(pkey, NULL, &size) > 0;
    int found = EVP_PKEY_get_bn_param(pkey, kind == CRYPTO_KEY_RSA ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY, &number);
    BN_clear_free(number);
    return found > 0;
}

/* Takes `pkey` over. */
static crypto_key *adopt(EVP_PKEY *pkey, const char **why) {
    crypto_key *key = calloc(1, sizeof *key);
    if (key) {
        key->pkey = pkey;
        key->kind = EVP_PKEY_is_a(pkey, "RSA")       ? CRYPTO_KEY_RSA
                    : EVP_PKEY_is_a(pkey, "EC")      ? CRYPTO_KEY_EC
                    : EVP_PKEY_is_a(pkey, "ED25519") ? CRYPTO_KEY_ED25519
                                                     : -1;
        if (key->kind < 0 || (key->kind == CRYPTO_KEY_EC && !*crypto_key_curve(key))) {
            *why = "it is neither RSA nor of the curves P-256, P-384, P-521 and Ed25519";
        } else if (key->kind == CRYPTO_KEY_RSA && EVP_PKEY_get_bits(pkey) < 1024) {
            *why = "its RSA modulus is shorter than 1,024 bits";
        } else {
            key->is_private = has_private(pkey, key->kind);
            ERR_clear_error();
            return key;
        }
        key->pkey = NULL;
    }
    crypto_key_free(key);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return NULL;
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buffer, size_t size, size_t *length, const OSSL_PARAM params[], void *argument) {
    (void)buffer, (void)size, (void)params;
    *length = 0;
    *(int *)argument = 1;
    return 0;
}

/* PKCS #1, PKCS #8, SEC 1 and SubjectPublicKeyInfo. */
crypto_key *crypto_key_pem(octavo_bytes text, const char **why) {
    static const int selections[] = {EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY};
    EVP_PKEY *pkey = NULL;
    int asked = 0;
    for (int index = 0; index < 2 && !pkey; index++) {
        BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
        OSSL_DECODER_CTX *context = OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", NULL, NULL, selections[index], NULL, NULL);
        if (bio && context && OSSL_DECODER_CTX_set_passphrase_cb(context, no_passphrase, &asked)) {
            /* Parameters, or something else, may stand before the key. */
            size_t left = BIO_ctrl_pending(bio), before = left + 1;
            while (!pkey && left && left < before) {
                OSSL_DECODER_from_bio(context, bio);
                before = left;
                left = BIO_ctrl_pending(bio);
            }
        }
        OSSL_DECODER_CTX_free(context);
        BIO_free(bio);
    }
    ERR_clear_error();
    if (pkey) return adopt(pkey, why);
    *why = asked ? "its PEM text is encrypted with a passphrase; store it without one"
                 : "its PEM text holds no key (PKCS #1, PKCS #8 or SubjectPublicKeyInfo)";
    return NULL;
}

/* A key of named numbers. */
static crypto_key *assemble(const char *type, OSSL_PARAM_BLD *build, int is_private, const char **why) {
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params && context && EVP_PKEY_fromdata_init(context) > 0)
        EVP_PKEY_fromdata(context, &pkey, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return pkey ? adopt(pkey, why) : NULL;
}

crypto_key *crypto_key_rsa(const crypto_key_parts *parts, const char **why) {
    const octavo_bytes numbers[] = {parts->n, parts->e, parts->d, parts->p, parts->q, parts->dp, parts->dq, parts->qi};
    static const char *const names[] = {
        OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
        OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    };
    BIGNUM *made[8] = {NULL};
    crypto_key *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    int count = 2, good = build != NULL;
    *why = "its numbers are no RSA key";
    if (!parts->n.size || !parts->e.size) {
        *why = "it lacks the members n and e of an RSA key";
        good = 0;
    }
    if (parts->d.size) count = 3;
    /* The factors are a help that counts as a whole. */
    if (count == 3 && parts->p.size && parts->q.size && parts->dp.size && parts->dq.size && parts->qi.size) count = 8;
    for (int index = 0; good && index < count; index++) {
        good = numbers[index].size <= 2048 && (made[index] = BN_bin2bn(numbers[index].data, (int)numbers[index].size, NULL)) &&
               OSSL_PARAM_BLD_push_BN(build, names[index], made[index]);
    }
    if (good) key = assemble("RSA", build, count > 2, why);
    OSSL_PARAM_BLD_free(build);
    for (int index = 0; index < 8; index++) BN_clear_free(made[index]);
    ERR_clear_error();
    return key;
}

static int is(octavo_str text, const char *word) { return text.size == strlen(word) && !memcmp(text.data, word, text.size); }

crypto_key *crypto_key_ec(const crypto_key_parts *parts, const char **why) {
    size_t size = is(parts->curve, "P-256") ? 32 : is(parts->curve, "P-384") ? 48 : is(parts->curve, "P-521") ? 66 : 0;
    uint8_t point[133];
    char name[8];
    BIGNUM *number = NULL;
    crypto_key *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    *why = "its curve (crv) is none of P-256, P-384 and P-521";
    if (size && build) {
        *why = "its members x, y and d have not the size of its curve";
        if (parts->x.size == size && parts->y.size == size && (!parts->d.size || parts->d.size == size)) {
            *why = "its numbers are no key of its curve";
            point[0] = 4; /* both coordinates follow (SEC 1 §2.3.3) */
            memcpy(point + 1, parts->x.data, size);
            memcpy(point + 1 + size, parts->y.data, size);
            memcpy(name, parts->curve.data, 5);
            name[5] = 0;
            if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) &&
                OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) &&
                (!parts->d.size || ((number = BN_secure_new()) && BN_bin2bn(parts->d.data, (int)size, number) &&
                                    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number))))
                key = assemble("EC", build, parts->d.size != 0, why);
        }
    }
    if (key) {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
        if (!context || (key->is_private ? EVP_PKEY_pairwise_check(context) : EVP_PKEY_public_check(context)) <= 0) {
            *why = "its private and public parts don't belong together, or are not of its curve";
            crypto_key_free(key);
            key = NULL;
        }
        EVP_PKEY_CTX_free(context);
    }
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(number);
    ERR_clear_error();
    return key;
}

crypto_key *crypto_key_okp(const crypto_key_parts *parts, const char **why) {
    uint8_t own[32];
    size_t size = sizeof own;
    EVP_PKEY *pkey = NULL;
    *why = "its curve (crv) is not Ed25519";
    if (!is(parts->curve, "Ed25519")) return NULL;
    *why = "its members x and d are not 32 bytes long";
    if (parts->x.size != 32 || (parts->d.size && parts->d.size != 32)) return NULL;
    *why = "its private and public parts don't belong together";
    if (parts->d.size) {
        pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, parts->d.data, 32);
        if (pkey && (!EVP_PKEY_get_raw_public_key(pkey, own, &size) || memcmp(own, parts->x.data, 32))) {
            EVP_PKEY_free(pkey);
            pkey = NULL;
        }
    } else {
        pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, parts->x.data, 32);
    }
    ERR_clear_error();
    return pkey ? adopt(pkey, why) : NULL;
}

size_t crypto_key_public_pem(const crypto_key *key, char *out, size_t room) {
    BIO *bio = key->pkey ? BIO_new(BIO_s_mem()) : NULL;
    char *text;
    size_t size = 0;
    if (bio && PEM_write_bio_PUBKEY(bio, key->pkey)) {
        long length = BIO_get_mem_data(bio, &text);
        if (length > 0 && (size_t)length <= room) memcpy(out, text, size = (size_t)length);
    }
    BIO_free(bio);
    ERR_clear_error();
    return size;
}

size_t crypto_key_public_part(const crypto_key *key, char part, uint8_t *out, size_t room) {
    BIGNUM *number = NULL;
    size_t size = 0;
    const char *name = part == 'n'   ? OSSL_PKEY_PARAM_RSA_N
                       : part == 'e' ? OSSL_PKEY_PARAM_RSA_E
                       : part == 'x' ? OSSL_PKEY_PARAM_EC_PUB_X
                                     : OSSL_PKEY_PARAM_EC_PUB_Y;
    if (key->kind == CRYPTO_KEY_ED25519) {
        size = room;
        return part == 'x' && EVP_PKEY_get_raw_public_key(key->pkey, out, &size) ? size : 0;
    }
    if (key->pkey && EVP_PKEY_get_bn_param(key->pkey, name, &number)) {
        /* Coordinates have the size of the field (RFC 7518 §6.2.1.2), RSA's numbers are as short as can be. */
        size = key->kind == CRYPTO_KEY_EC ? (size_t)(EVP_PKEY_get_bits(key->pkey) + 7) / 8 : (size_t)BN_num_bytes(number);
        if (size > room || BN_bn2binpad(number, out, (int)size) < 0) size = 0;
    }
    BN_free(number);
    ERR_clear_error();
    return size;
}
