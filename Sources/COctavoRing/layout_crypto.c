#include "kinds.h"
#include "layout_macros.h"

LAYOUT(static, crypto_key_request, STRUCT(octavo_crypto_key_request, head, head),
       STR(octavo_crypto_key_request, name), STR(octavo_crypto_key_request, version));
LAYOUT(static, crypto_key_reply, STR(octavo_crypto_key_reply, name), BYTES(octavo_crypto_key_reply, key));
LAYOUT(static, crypto_request, STRUCT(octavo_crypto_request, head, head), STR(octavo_crypto_request, name),
       STR(octavo_crypto_request, version), STR(octavo_crypto_request, algorithm),
       BYTES(octavo_crypto_request, data), BYTES(octavo_crypto_request, nonce), BYTES(octavo_crypto_request, tag),
       BYTES(octavo_crypto_request, associated_data), BYTES(octavo_crypto_request, signature));
LAYOUT(static, crypto_reply, BYTES(octavo_crypto_reply, data), BYTES(octavo_crypto_reply, tag));
LAYOUT_PLAIN(static, crypto_verify_reply);
LAYOUT(static, crypto_algorithms_request, STRUCT(octavo_crypto_algorithms_request, head, head));
LAYOUT(static, crypto_algorithms_reply, LIST(octavo_crypto_algorithms_reply, encryption, str),
       LIST(octavo_crypto_algorithms_reply, wrapping, str), LIST(octavo_crypto_algorithms_reply, signing, str));

static const octavo_op ops[] = {
    OP("public_key", REPEATABLE, OCTAVO_CRYPTO_PUBLIC_KEY, crypto_key_request, REPLY(crypto_key_reply)),
    OP("encrypt", REPEATABLE, OCTAVO_CRYPTO_ENCRYPT, crypto_request, REPLY(crypto_reply)),
    OP("decrypt", REPEATABLE, OCTAVO_CRYPTO_ENCRYPT, crypto_request, REPLY(crypto_reply)),
    OP("wrap", REPEATABLE, OCTAVO_CRYPTO_WRAP, crypto_request, REPLY(crypto_reply)),
    OP("unwrap", REPEATABLE, OCTAVO_CRYPTO_WRAP, crypto_request, REPLY(crypto_reply)),
    OP("sign", REPEATABLE, OCTAVO_CRYPTO_SIGN, crypto_request, REPLY(crypto_reply)),
    OP("verify", REPEATABLE, OCTAVO_CRYPTO_SIGN, crypto_request, REPLY(crypto_verify_reply)),
    OP("algorithms", REPEATABLE, 0, crypto_algorithms_request, REPLY(crypto_algorithms_reply)),
};

const octavo_kind octavo_kind_crypto = {
    "crypto", "crypto.", OCTAVO_KIND_CRYPTO, sizeof ops / sizeof ops[0], sizeof(octavo_crypto_ops), 0, ops};
