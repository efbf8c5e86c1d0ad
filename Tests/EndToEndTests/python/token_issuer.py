"""An issuer of tokens: its keys over HTTP, and tokens of every kind, good and bad.    token_issuer.py

Prints its port, then answers:
    /.well-known/openid-configuration, /keys    as an issuer does
    /token             OAuth 2.0: a token by the credentials `client` and `secret`
    /good/ALG          a good token
    /bad               a JSON object of bad tokens by what is wrong with them
    /turn              other keys from now on; a good token of them
    /away, /back       /keys and /token answer 503, or as before
    /seen              how often /keys and /token were asked, and the last body of /token
"""

import base64
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"ES256": (ec.SECP256R1(), "P-256", 32), "ES384": (ec.SECP384R1(), "P-384", 48), "ES512": (ec.SECP521R1(), "P-521", 66)}


class Issuer:
    def __init__(self) -> None:
        self.turns = 0
        self.is_away = False
        self.seen = {"keys": 0, "token": 0, "body": "", "authorization": ""}
        self.make()

    def make(self) -> None:
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.short = rsa.generate_private_key(65537, 1024)
        self.ed = ed25519.Ed25519PrivateKey.generate()
        self.ec = {name: ec.generate_private_key(curve[0]) for name, curve in CURVES.items()}

    def kid(self, name: str) -> str:
        return f"{name}-{self.turns}"

    def jwks(self) -> dict:
        def public_rsa(kid: str, key: rsa.RSAPrivateKey, **more: object) -> dict:
            numbers = key.public_key().public_numbers()
            return {"kty": "RSA", "kid": self.kid(kid), "n": number(numbers.n), "e": number(numbers.e), **more}

        keys = [
            public_rsa("rsa", self.rsa), public_rsa("short", self.short), public_rsa("for-encryption", self.rsa, use="enc"),
            public_rsa("ps256-only", self.rsa, alg="PS256"),
            {"kty": "OKP", "crv": "Ed25519", "kid": self.kid("ed"), "use": "sig",
             "x": b64(self.ed.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))},
            {"kty": "oct", "kid": self.kid("secret"), "k": b64(b"a secret of both sides, 32 bytes")},
            {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"}, {"kty": "new", "kid": "unknown"},
        ]
        for name, (_, crv, size) in CURVES.items():
            point = self.ec[name].public_key().public_numbers()
            keys.append({"kty": "EC", "crv": crv, "kid": self.kid(name), "x": number(point.x, size), "y": number(point.y, size)})
        return {"keys": keys}

    def key(self, alg: str) -> str:
        return "rsa" if alg[:2] in ("RS", "PS") else "ed" if alg == "EdDSA" else alg

    def sign(self, alg: str, data: bytes, key: object = None) -> bytes:
        if alg[:2] == "RS":
            return (key or self.rsa).sign(data, padding.PKCS1v15(), HASHES[alg[2:]])
        if alg[:2] == "PS":
            kind = HASHES[alg[2:]]
            return self.rsa.sign(data, padding.PSS(padding.MGF1(kind), kind.digest_size), kind)
        if alg == "EdDSA":
            return self.ed.sign(data)
        r, s = decode_dss_signature(self.ec[alg].sign(data, ec.ECDSA(HASHES[alg[2:]])))
        size = CURVES[alg][2]
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def claims(self, **more: object) -> dict:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "orders", "exp": now + 600, "nbf": now - 1, "sub": "somebody", **more}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, alg: str, claims: object = None, head: object = None, signature: object = None, key: object = None) -> str:
        if head is None:
            head = {"alg": alg, "kid": self.kid(self.key(alg)), "typ": "JWT"}
        text = lambda value: value if isinstance(value, str) else b64(json.dumps(value).encode())  # noqa: E731
        data = text(head) + "." + text(self.claims() if claims is None else claims)
        return data + "." + (b64(self.sign(alg, data.encode(), key)) if signature is None else signature)

    def bad(self) -> dict:
        now = int(time.time())
        good = self.token("RS256")
        head, claims, signature = good.split(".")
        head_of = lambda alg, kid, **more: {"alg": alg, "kid": self.kid(kid), **more}  # noqa: E731
        pem = self.rsa.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

        def mac(secret: bytes, kid: str) -> str:
            data = b64(json.dumps(head_of("HS256", kid)).encode()) + "." + claims
            return data + "." + b64(hmac.new(secret, data.encode(), hashlib.sha256).digest())

        der = self.ec["ES256"].sign(b"x", ec.ECDSA(hashes.SHA256()))
        twice = b64(b'{"alg":"RS256","alg":"none","kid":"%s"}' % self.kid("rsa").encode())
        return {
            "empty": "", "one part": "abc", "two parts": head + "." + claims, "four parts": good + ".x", "no signature": head + "." + claims + ".",
            "padding": head + "=." + claims + "." + signature, "not Base64": head + "." + claims + ".!!!!",
            "head is no JSON": b64(b"{") + "." + claims + "." + signature, "head is a list": b64(b"[]") + "." + claims + "." + signature,
            "head is deep": b64(b'{"a":' * 200 + b"1" + b"}" * 200) + "." + claims + "." + signature,
            "head is no UTF-8": b64(b'{"alg":"\xff"}') + "." + claims + "." + signature,
            "huge": head + "." + "A" * 20000 + "." + signature,
            "alg none": self.token("RS256", head=head_of("none", "rsa"), signature=""),
            "alg none with a signature": self.token("RS256", head=head_of("none", "rsa")),
            "alg None": self.token("RS256", head=head_of("None", "rsa")), "alg rs256": self.token("RS256", head=head_of("rs256", "rsa")),
            "no alg": self.token("RS256", head={"kid": self.kid("rsa")}), "alg twice": self.token("RS256", head=twice),
            "alg is a list": self.token("RS256", head={"alg": ["RS256"], "kid": self.kid("rsa")}),
            "HMAC by the public key": mac(pem, "rsa"), "HMAC by a key of the set": mac(b"a secret of both sides, 32 bytes", "secret"),
            "A256KW as a signature": self.token("RS256", head=head_of("A256KW", "secret")),
            "no kid": self.token("RS256", head={"alg": "RS256"}), "unknown kid": self.token("RS256", head=head_of("RS256", "nobody")),
            "broken key": self.token("RS256", head={"alg": "RS256", "kid": "broken"}),
            "crit": self.token("RS256", head=head_of("RS256", "rsa", crit=["exp"])),
            "key of another kind": self.token("RS256", head=head_of("RS256", "ES256")),
            "RS256 said to be PS256": self.token("RS256", head=head_of("PS256", "rsa")),
            "key for PS256 alone": self.token("RS256", head=head_of("RS256", "ps256-only")),
            "key for encryption": self.token("RS256", head=head_of("RS256", "for-encryption")),
            "short key": self.token("RS256", head=head_of("RS256", "short"), key=self.short),
            "ES256 said to be ES384": self.token("ES256", head=head_of("ES384", "ES256")),
            "ECDSA as DER": self.token("ES256", signature=b64(der)), "ECDSA of zeros": self.token("ES256", signature=b64(bytes(64))),
            "ECDSA too long": self.token("ES256", signature=b64(bytes(132))), "EdDSA too short": self.token("EdDSA", signature=b64(bytes(63))),
            "other signature": head + "." + claims + "." + self.token("RS256", self.claims(sub="x")).split(".")[2],
            "changed claims": head + "." + b64(json.dumps(self.claims(sub="admin")).encode()) + "." + signature,
            "changed signature": head + "." + claims + "." + ("A" if signature[0] != "A" else "B") + signature[1:],
            "claims are no JSON": self.token("RS256", b64(b"hello")), "claims are a list": self.token("RS256", b64(b"[1]")),
            "other issuer": self.token("RS256", self.claims(iss="http://evil.example")), "no issuer": self.token("RS256", self.claims(iss=None)),
            "issuer with a tail": self.token("RS256", self.claims(iss=self.url + "/")),
            "other audience": self.token("RS256", self.claims(aud="payments")), "no audience": self.token("RS256", self.claims(aud=None)),
            "other audiences": self.token("RS256", self.claims(aud=["a", "b"])), "audience is deep": self.token("RS256", self.claims(aud=[["orders"]])),
            "expired": self.token("RS256", self.claims(exp=now - 60)), "no end": self.token("RS256", self.claims(exp=None)),
            "end is a word": self.token("RS256", self.claims(exp="soon")), "end is huge": self.token("RS256", self.claims(exp=10**30)),
            "end is negative": self.token("RS256", self.claims(exp=-1)), "end is an object": self.token("RS256", self.claims(exp={"a": now + 600})),
            "not yet": self.token("RS256", self.claims(nbf=now + 600)),
        }


issuer = Issuer()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, value: object, status: int = 200) -> None:
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        name, _, rest = self.path.strip("/").partition("/")
        if name == ".well-known":
            return self.answer({"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"})
        if name == "keys":
            issuer.seen["keys"] += 1
            return self.answer({}, 503) if issuer.is_away else self.answer(issuer.jwks())
        if name == "good":
            claims = issuer.claims(aud=["other", "orders"], exp=int(time.time()) + 600.5) if rest == "PS256" else None
            return self.answer(issuer.token(rest, claims))
        if name == "bad":
            return self.answer(issuer.bad())
        if name == "turn":
            issuer.turns += 1
            issuer.make()
            return self.answer(issuer.token("RS256"))
        if name in ("away", "back"):
            issuer.is_away = name == "away"
            return self.answer({})
        self.answer(issuer.seen)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        issuer.seen["token"] += 1
        issuer.seen["body"] = body
        given = self.headers.get("authorization") or ""
        issuer.seen["authorization"] = given
        if issuer.is_away:
            return self.answer({}, 503)
        in_header = given == "Basic " + base64.b64encode(b"client:secret").decode() and "body" not in self.path
        in_body = "client_id=client&client_secret=secret" in body and "header" not in self.path
        if not (in_header or in_body):
            return self.answer({"error": "invalid_client"}, 401)
        life = 2 if "short" in self.path else 3600
        self.answer({"access_token": f"token-{issuer.seen['token']}", "token_type": "bearer", "expires_in": life})

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
print(server.server_address[1], flush=True)
server.serve_forever()
