"""Makes an operator, accounts and users of NATS in the folder argv[1]: server.conf, and for each user NAME.creds, NAME.jwt, NAME.seed.

Users: "good", "expired", "stranger" (of an account that the server does not know) and "forged" (signed by nobody who may).
"""

import base64
import json
import os
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3


def checked(data):
    """The bytes with their CRC-16 (XMODEM) behind them, in base 32."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")


class Key:
    def __init__(self, kind):
        self.key = Ed25519PrivateKey.generate()
        self.public = checked(bytes([kind]) + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        raw = self.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self.seed = checked(bytes([SEED | kind >> 5, (kind & 31) << 3]) + raw)

    def token(self, subject, name, claims, **more):
        """What this key says of another."""

        def part(value):
            return base64.urlsafe_b64encode(value).decode().rstrip("=")

        now = int(time.time())
        body = {"jti": name, "iat": now, "iss": self.public, "name": name, "sub": subject.public, "nats": claims | {"version": 2}, **more}
        text = part(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode()) + "." + part(json.dumps(body).encode())
        return text + "." + part(self.key.sign(text.encode()))


def main(folder):
    def write(name, text):
        descriptor = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)

    operator, system, account, other = Key(OPERATOR), Key(ACCOUNT), Key(ACCOUNT), Key(ACCOUNT)
    most = {name: -1 for name in ("subs", "data", "payload", "imports", "exports", "conn", "leaf")} | {"wildcards": True}
    storage = {name: -1 for name in ("mem_storage", "disk_storage", "streams", "consumer")}
    accounts = {
        system.public: operator.token(system, "SYS", {"type": "account", "limits": most}),
        account.public: operator.token(account, "app", {"type": "account", "limits": most | storage}),
    }
    preload = "".join(f'  {key}: "{token}"\n' for key, token in accounts.items())
    own = operator.token(operator, "tests", {"type": "operator"})
    write(
        "server.conf",
        f'operator: "{own}"\nsystem_account: {system.public}\nresolver: MEMORY\nresolver_preload {{\n{preload}}}\n',
    )
    claims = {"type": "user", "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}}
    for name, issuer, more in [
        ("good", account, {}),
        ("expired", account, {"exp": int(time.time()) - 60}),
        ("stranger", other, {}),
        ("forged", Key(ACCOUNT), {"iss": account.public}),
    ]:
        user = Key(USER)
        token = issuer.token(user, name, claims, **more)
        write(name + ".jwt", token)
        write(name + ".seed", user.seed)
        write(
            name + ".creds",
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n",
        )


main(sys.argv[1])
