"""Signs requests of S3 with botocore. A line of input: method, path, query, body; a line of output: the signature."""

import sys

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

auth = S3SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "s3", "us-east-1")
for line in sys.stdin.read().split("\n"):
    method, path, query, body = line.split(" ")
    url = "https://examplebucket.s3.amazonaws.com" + path + ("?" + query if query else "")
    request = AWSRequest(method, url, data=body, headers={"x-amz-storage-class": "  two   blanks "})
    request.context["timestamp"] = "20130524T000000Z"
    request.headers["X-Amz-Date"] = "20130524T000000Z"
    request.headers["X-Amz-Content-SHA256"] = auth.payload(request)
    print(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
