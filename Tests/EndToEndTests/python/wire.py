"""gRPC without generated code: reflection, health, deadlines, cancellation, limits. Argument: the port."""

import sys
import threading
import time

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

DAPR = "dapr.proto.runtime.v1.Dapr"


def connect(port):
    limit = 64 << 20
    return grpc.insecure_channel(
        f"127.0.0.1:{port}", [("grpc.max_send_message_length", limit), ("grpc.max_receive_message_length", limit)]
    )


def refused(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


class Dapr:
    """The service as reflection describes it."""

    def __init__(self, channel):
        self.channel = channel
        database = ProtoReflectionDescriptorDatabase(channel)
        self.services = set(database.get_services())
        self.pool = descriptor_pool.DescriptorPool(database)
        self.methods = {method.name: method for method in self.pool.FindServiceByName(DAPR).methods}

    def message(self, name, **fields):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName("dapr.proto." + name))(**fields)

    def call(self, name):
        method = self.methods[name]
        answer = message_factory.GetMessageClass(method.output_type)
        return self.channel.unary_unary(
            f"/{DAPR}/{name}", lambda message: message.SerializeToString(), answer.FromString
        )


def reflection(dapr):
    wanted = {DAPR, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    assert wanted <= dapr.services, dapr.services
    item = dapr.message("common.v1.StateItem", key="k", value=b"v")
    save = dapr.message("runtime.v1.SaveStateRequest", store_name="statestore", states=[item])
    dapr.call("SaveState")(save)
    get = dapr.message("runtime.v1.GetStateRequest", store_name="statestore", key="k")
    assert dapr.call("GetState")(get).data == b"v"


def health(dapr):
    stub = health_pb2_grpc.HealthStub(dapr.channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status == serving
    error = refused(lambda: stub.Check(health_pb2.HealthCheckRequest(service="nothing"), timeout=5))
    assert error.code() == grpc.StatusCode.NOT_FOUND, error.code()
    watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)
    assert next(watch).status == serving
    watch.cancel()


def unknown(dapr):
    for path in (f"/{DAPR}/Nothing", "/no.such.Service/Method"):
        error = refused(lambda: dapr.channel.unary_unary(path)(b"", timeout=5))
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, (path, error.code())


def malformed(dapr):
    error = refused(lambda: dapr.channel.unary_unary(f"/{DAPR}/GetState")(b"\x0a\xff\xff\xff", timeout=5))
    assert error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT), error.code()


def deadlines(dapr):
    # A deadline that is over before the call begins, and many that end about when the answer comes: each call
    # ends with an answer or DEADLINE_EXCEEDED, at once.
    get = dapr.message("runtime.v1.GetStateRequest", store_name="statestore", key="k")
    call = dapr.call("GetState")
    error = refused(lambda: call(get, timeout=-1))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error.code()
    start = time.monotonic()
    for microseconds in range(0, 2000, 20):
        try:
            assert call(get, timeout=microseconds / 1e6).data == b"v"
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error.code()
    assert time.monotonic() - start < 10
    assert call(get, timeout=5).data == b"v"


def cancellation(dapr):
    get = dapr.message("runtime.v1.GetStateRequest", store_name="statestore", key="k")
    call = dapr.call("GetState")
    futures = [call.future(get, timeout=10) for _ in range(500)]
    for future in futures[::2]:
        future.cancel()
    for index, future in enumerate(futures):
        try:
            assert future.result().data == b"v"
        except grpc.FutureCancelledError:
            assert index % 2 == 0
    assert call(get, timeout=5).data == b"v"


def limits(dapr):
    item = dapr.message("common.v1.StateItem", key="large", value=b"x" * (5 << 20))
    save = dapr.message("runtime.v1.SaveStateRequest", store_name="statestore", states=[item])
    error = refused(lambda: dapr.call("SaveState")(save, timeout=10))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, (error.code(), error.details())
    get = dapr.message("runtime.v1.GetStateRequest", store_name="statestore", key="large")
    assert dapr.call("GetState")(get, timeout=5).data == b""


def crowd(dapr):
    # Many clients at a time, each on a connection of its own.
    get = dapr.message("runtime.v1.GetStateRequest", store_name="statestore", key="k").SerializeToString()
    failures = []

    def client():
        options = [("grpc.use_local_subchannel_pool", 1)]
        try:
            with grpc.insecure_channel(dapr.address, options) as channel:
                call = channel.unary_unary(f"/{DAPR}/GetState")
                for _ in range(50):
                    call(get, timeout=20)
        except Exception as error:  # noqa: BLE001: told below
            failures.append(error)

    threads = [threading.Thread(target=client) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


port = sys.argv[1]
with connect(port) as channel:
    dapr = Dapr(channel)
    dapr.address = f"127.0.0.1:{port}"
    for part in (reflection, health, unknown, malformed, deadlines, cancellation, limits, crowd):
        part(dapr)
        print(part.__name__, flush=True)
