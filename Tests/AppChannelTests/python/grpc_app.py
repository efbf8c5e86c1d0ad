"""A gRPC app: grpc_app.py PORT FOLDER. Answers are decided by files in FOLDER; what it was asked is a line of its output."""
import json
import os
import sys
import threading
from concurrent import futures

import grpc
from dapr.proto.runtime.v1 import appcallback_pb2 as messages
from dapr.proto.runtime.v1 import appcallback_pb2_grpc as services
from google.protobuf import json_format

folder = sys.argv[2]


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()


def read(name, default):
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return default


def told(method, request, context):
    metadata = {key: value for key, value in context.invocation_metadata() if not key.endswith("-bin")}
    body = json_format.MessageToDict(request, preserving_proto_field_name=True)
    print(json.dumps({"method": method, "headers": metadata, "body": json.dumps(body)}), flush=True)


class App(services.AppCallbackServicer):
    def ListTopicSubscriptions(self, request, context):
        told("ListTopicSubscriptions", request, context)
        result = messages.ListTopicSubscriptionsResponse()
        json_format.Parse(read("subscribe", "{}"), result)
        return result

    def ListInputBindings(self, request, context):
        told("ListInputBindings", request, context)
        return messages.ListInputBindingsResponse(bindings=["wanted"])

    def OnTopicEvent(self, request, context):
        told("OnTopicEvent", request, context)
        answer = read("answer", "SUCCESS")
        if answer.startswith("!"):
            context.abort(grpc.StatusCode[answer[1:]], "as asked for")
        if answer == "EMPTY":
            return messages.TopicEventResponse()
        return messages.TopicEventResponse(status=answer)

    def OnBindingEvent(self, request, context):
        told("OnBindingEvent", request, context)
        return messages.BindingEventResponse(data=b"answer", to=["a", "b"], concurrency="PARALLEL")


class Alpha(services.AppCallbackAlphaServicer):
    def OnBulkTopicEventAlpha1(self, request, context):
        told("OnBulkTopicEventAlpha1", request, context)
        statuses = [messages.TopicEventBulkResponseEntry(entry_id=request.entries[0].entry_id, status="DROP")]
        return messages.TopicEventBulkResponse(statuses=statuses)


class Health(services.AppCallbackHealthCheckServicer):
    def HealthCheck(self, request, context):
        if read("health", "200") != "200":
            context.abort(grpc.StatusCode.UNAVAILABLE, "as asked for")
        return messages.HealthCheckResponse()


server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
services.add_AppCallbackServicer_to_server(App(), server)
services.add_AppCallbackAlphaServicer_to_server(Alpha(), server)
services.add_AppCallbackHealthCheckServicer_to_server(Health(), server)
where = "127.0.0.1:" + sys.argv[1]
if len(sys.argv) > 4:
    with open(sys.argv[3], "rb") as key, open(sys.argv[4], "rb") as certificate:
        bound = server.add_secure_port(where, grpc.ssl_server_credentials([(key.read(), certificate.read())]))
else:
    bound = server.add_insecure_port(where)
if bound == 0:
    sys.exit("the port is taken")
server.start()
print("listening", flush=True)
server.wait_for_termination()
