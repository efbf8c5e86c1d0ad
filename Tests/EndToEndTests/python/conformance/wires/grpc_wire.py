"""The state API over gRPC: the Dapr SDK where it has a method, its generated stubs where it has none."""

import warnings

import grpc
from dapr.clients import DaprClient
from dapr.clients.exceptions import DaprGrpcError
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._state import Concurrency, Consistency, StateItem, StateOptions
from dapr.proto import api_service_v1, api_v1, common_v1
from google.rpc import error_details_pb2, status_pb2
from model import Item, Page, Refused

warnings.filterwarnings("ignore", message="The State Store Query API")
CONSISTENCY = {"": 0, "eventual": 1, "strong": 2}
CONCURRENCY = {"": 0, "first-write": 1, "last-write": 2}
# What the client takes; the runtime's own limit is what the cases are about.
CLIENT_LIMIT = 64 << 20


def refused(error):
    """A `Refused` of the status and its details, read from the trailer without the SDK's help."""
    trailers = {name: value for name, value in error.trailing_metadata() or ()}
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    kinds = [detail.type_url.rsplit(".", 1)[1] for detail in status.details]
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
    return Refused(error.code().name, info.reason, error.details(), kinds)


class GRPCWire:
    name = "grpc"

    def __init__(self, port, http):
        self.client = DaprClient(f"127.0.0.1:{port}", max_grpc_message_length=CLIENT_LIMIT)
        options = [("grpc.max_receive_message_length", CLIENT_LIMIT), ("grpc.max_send_message_length", CLIENT_LIMIT)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self.stub = api_service_v1.DaprStub(self.channel)

    def call(self, method, *arguments, **options):
        try:
            return method(*arguments, **options)
        except DaprGrpcError as error:
            raise refused(error.__cause__) from None
        except grpc.RpcError as error:
            raise refused(error) from None

    def capabilities(self):
        found = self.call(self.client.get_metadata).registered_components
        return {component.name: set(component.capabilities) for component in found}

    def message(self, write):
        return common_v1.StateItem(
            key=write.key, value=write.value, metadata=write.metadata,
            etag=None if write.etag is None else common_v1.Etag(value=write.etag),
            options=common_v1.StateOptions(
                concurrency=CONCURRENCY[write.concurrency], consistency=CONSISTENCY[write.consistency]
            ),
        )

    def options(self, write):
        return StateOptions(
            consistency=Consistency(CONSISTENCY[write.consistency]), concurrency=Concurrency(CONCURRENCY[write.concurrency])
        )

    def save(self, store, write):
        self.call(
            self.client.save_state, store, write.key, write.value, etag=write.etag, options=self.options(write),
            state_metadata=write.metadata,
        )

    def save_many(self, store, writes, metadata=None):
        assert not metadata, "gRPC has no metadata for all items"
        self.call(self.stub.SaveState, api_v1.SaveStateRequest(store_name=store, states=map(self.message, writes)))

    def save_with_sdk(self, store, writes):
        items = [StateItem(write.key, write.value, etag=write.etag, metadata=write.metadata) for write in writes]
        self.call(self.client.save_bulk_state, store, items)

    def get(self, store, key, consistency="", metadata=None):
        if not consistency and not metadata:
            answer = self.call(self.client.get_state, store, key)
            if answer.data or answer.etag:
                # The SDK leaves metadata out.
                return self.raw_get(store, key)
        return self.raw_get(store, key, consistency, metadata)

    def raw_get(self, store, key, consistency="", metadata=None):
        request = api_v1.GetStateRequest(
            store_name=store, key=key, consistency=CONSISTENCY[consistency], metadata=metadata or {}
        )
        answer = self.call(self.stub.GetState, request)
        # A missing key and an empty value without an etag are one on this wire.
        value = answer.data if answer.data or answer.etag else None
        return Item(key, value, answer.etag, dict(answer.metadata))

    def bulk_get(self, store, keys, parallelism=0, metadata=None):
        request = api_v1.GetBulkStateRequest(
            store_name=store, keys=keys, parallelism=parallelism, metadata=metadata or {}
        )
        answer = self.call(self.stub.GetBulkState, request)
        return [
            Item(item.key, item.data if item.data or item.etag else None, item.etag, dict(item.metadata), item.error)
            for item in answer.items
        ]

    def bulk_get_with_sdk(self, store, keys, parallelism):
        answer = self.call(self.client.get_bulk_state, store, keys, parallelism=parallelism)
        return [Item(item.key, item.data, item.etag, {}, item.error) for item in answer.items]

    def delete(self, store, write):
        self.call(
            self.client.delete_state, store, write.key, etag=write.etag, options=self.options(write),
            state_metadata=write.metadata,
        )

    def delete_many(self, store, writes):
        request = api_v1.DeleteBulkStateRequest(store_name=store, states=map(self.message, writes))
        self.call(self.stub.DeleteBulkState, request)

    def transact(self, store, operations, metadata=None):
        request = api_v1.ExecuteStateTransactionRequest(
            storeName=store, metadata=metadata or {},
            operations=[
                api_v1.TransactionalStateOperation(operationType=word, request=self.message(write))
                for word, write in operations
            ],
        )
        self.call(self.stub.ExecuteStateTransaction, request)

    def transact_with_sdk(self, store, operations):
        self.call(
            self.client.execute_state_transaction, store,
            [
                TransactionalStateOperation(
                    key=write.key, data=write.value, etag=write.etag, metadata=write.metadata,
                    operation_type=TransactionOperationType(word),
                )
                for word, write in operations
            ],
        )

    def query(self, store, text):
        answer = self.call(self.client.query_state, store, text)
        return Page([Item(item.key, item.value, item.etag, {}, item.error) for item in answer.results], answer.token)

    def padding(self, store, key, size):
        """How many bytes a value must have for a request to save it to have `size` bytes."""
        request = api_v1.SaveStateRequest(store_name=store, states=[common_v1.StateItem(key=key, value=b"x" * (size - 100))])
        return size - 100 + size - request.ByteSize()

    def save_padded(self, store, key, size):
        item = common_v1.StateItem(key=key, value=b"1" * self.padding(store, key, size))
        request = api_v1.SaveStateRequest(store_name=store, states=[item])
        assert request.ByteSize() == size, request.ByteSize()
        self.call(self.stub.SaveState, request)
        return item.value
