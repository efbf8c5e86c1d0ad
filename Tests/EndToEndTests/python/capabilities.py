"""Prints what the SDK is told of each component: a line `name type capability,capability`."""

from dapr.clients import DaprClient

with DaprClient() as client:
    for component in client.get_metadata().registered_components:
        print(component.name, component.type, ",".join(component.capabilities))
