"""Follows items of configuration: `follow.py STORE KEY… NAME=METADATA…`. Prints `subscribed`, then a line `key=value` for each change,
`key=` for a removal, and ends with the stream.
"""

import os
import sys

import grpc
from dapr.proto import api_service_v1, api_v1

stub = api_service_v1.DaprStub(grpc.insecure_channel(f"127.0.0.1:{os.environ['DAPR_GRPC_PORT']}"))
request = api_v1.SubscribeConfigurationRequest(
    store_name=sys.argv[1], keys=[word for word in sys.argv[2:] if "=" not in word],
    metadata=dict(word.split("=", 1) for word in sys.argv[2:] if "=" in word))
for number, response in enumerate(stub.SubscribeConfiguration(request)):
    if number == 0:
        assert response.id and not response.items, response
        print("subscribed", flush=True)
    for key, item in sorted(response.items.items()):
        print(f"{key}={item.value}", flush=True)
print("end", flush=True)
