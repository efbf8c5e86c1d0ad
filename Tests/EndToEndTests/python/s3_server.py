"""moto's S3 on a port of the kernel's. Before moto sees a request, botocore signs it once more, out of the line and the headers as they came;
moto itself checks signatures and rights, too, where what it makes of a key allows that.

Prints a line of JSON: port, keys of a user who may do everything, and of one who may only put. Buckets: `plain` and `versioned`. Arguments:
files of a certificate and its key, for TLS.
"""

import hashlib
import io
import json
import os
import ssl
import sys
import threading
import urllib.parse

os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_DEFAULT_REGION="us-east-1")

import boto3
import urllib3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

urllib3.disable_warnings()
secrets = {}
setting_up = True


def refusal(status, code, message, start):
    body = f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    start(f"{status} No", [("content-type", "application/xml"), ("content-length", str(len(body)))])
    return [body]


class Checked:
    """What AWS itself checks, by botocore."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start):
        if setting_up:
            return self.app(environ, start)
        path, _, query = environ["RAW_URI"].partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        given = dict(pairs)
        header = environ.get("HTTP_AUTHORIZATION", "")
        if "X-Amz-Signature" in given:
            access = given["X-Amz-Credential"].split("/")[0]
            signed, signature, stamp = given["X-Amz-SignedHeaders"], given.pop("X-Amz-Signature"), given["X-Amz-Date"]
            region = given["X-Amz-Credential"].split("/")[2]
            query, kind = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature=")), S3SigV4QueryAuth
        elif header.startswith("AWS4-HMAC-SHA256 "):
            parts = dict(part.strip().split("=", 1) for part in header[17:].split(","))
            access, region = parts["Credential"].split("/")[0], parts["Credential"].split("/")[2]
            signed, signature, stamp, kind = parts["SignedHeaders"], parts["Signature"], environ["HTTP_X_AMZ_DATE"], S3SigV4Auth
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            if hashlib.sha256(body).hexdigest() != environ["HTTP_X_AMZ_CONTENT_SHA256"]:
                return refusal(400, "XAmzContentSHA256Mismatch", "The hash is another one.", start)
        else:
            return refusal(403, "AccessDenied", "It is not signed.", start)
        if access not in secrets:
            return refusal(403, "InvalidAccessKeyId", "The key does not exist.", start)
        scheme = environ["wsgi.url_scheme"]
        request = AWSRequest(environ["REQUEST_METHOD"], f"{scheme}://{environ['HTTP_HOST']}{path}" + ("?" + query if query else ""))
        for name in signed.split(";"):
            if name != "host":
                request.headers[name] = environ.get("HTTP_" + name.upper().replace("-", "_")) or environ.get("CONTENT_TYPE")
        request.context["timestamp"] = stamp
        auth = kind(Credentials(access, secrets[access]), "s3", region)
        if auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request) != signature:
            return refusal(403, "SignatureDoesNotMatch", "The signature is another one.", start)
        if kind is S3SigV4QueryAuth:
            # moto knows no signed URLs when it checks: to it, the same user asks with a header.
            plain = AWSRequest("GET", f"{scheme}://{environ['HTTP_HOST']}{path}")
            S3SigV4Auth(Credentials(access, secrets[access]), "s3", region).add_auth(plain)
            environ.update({"HTTP_" + name.upper().replace("-", "_"): value for name, value in plain.headers.items()})
            environ.update(QUERY_STRING="", RAW_URI=path, REQUEST_URI=path)
        return self.app(environ, start)


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


tls = None
if len(sys.argv) > 1:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
server = make_server(
    "127.0.0.1", 0, Checked(DomainDispatcherApplication(create_backend_app)), threaded=True, request_handler=Quiet, ssl_context=tls)
port = server.socket.getsockname()[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http{'s' if tls else ''}://127.0.0.1:{port}"


def client(service, access="setup", secret="setup"):
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret, verify=False,
        config=Config(s3={"addressing_style": "path"}))


def user(name, action):
    iam = client("iam")
    iam.create_user(UserName=name)
    rule = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(rule))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    secrets[made["AccessKeyId"]] = made["SecretAccessKey"]
    return [made["AccessKeyId"], made["SecretAccessKey"]]


owner, writer = user("owner", "s3:*"), user("writer", "s3:PutObject")
s3 = client("s3")
for bucket in ["plain", "versioned"]:
    s3.create_bucket(Bucket=bucket)
s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
# From here on moto checks, too.
ActionAuthenticatorMixin.request_count = 0
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
setting_up = False
print(json.dumps({"port": port, "owner": owner, "writer": writer}), flush=True)
threading.Event().wait()
