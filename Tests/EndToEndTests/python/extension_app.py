"""An app made of Dapr's Python extensions. It prints a line of JSON for everything that it is given.

Arguments: grpc or fastapi, the port, and `hold`: the message "hold" is never finished with.
"""

import json
import sys
import time

WIRE, PORT, HOLDS = sys.argv[1], int(sys.argv[2]), "hold" in sys.argv[3:]


def tell(path, data):
    print(json.dumps({"path": path, "data": data}), flush=True)
    if HOLDS and data == "hold":
        time.sleep(3600)


if WIRE == "grpc":
    from cloudevents.sdk.event import v1
    from dapr.clients.grpc._response import TopicEventResponse
    from dapr.ext.grpc import App, Rule

    app = App()
    app.register_health_check(lambda: tell("health", ""))

    def text(event):
        return event.Data().decode()

    @app.subscribe(pubsub_name="bus", topic="orders")
    def orders(event: v1.Event) -> None:
        tell("orders", text(event))

    @app.subscribe(pubsub_name="bus", topic="routed", rule=Rule('event.type == "important"', 1))
    def important(event: v1.Event) -> None:
        tell("important", text(event))

    # A handler without a rule beside one with a rule has no route: the extension lists no default.
    @app.subscribe(pubsub_name="bus", topic="routed", rule=Rule('event.type != "important"', 2))
    def ordinary(event: v1.Event) -> None:
        tell("ordinary", text(event))

    @app.subscribe(pubsub_name="bus", topic="unwanted", dead_letter_topic="graves")
    def unwanted(event: v1.Event) -> TopicEventResponse:
        tell("unwanted", text(event))
        return TopicEventResponse("drop")

    @app.subscribe(pubsub_name="bus", topic="graves")
    def graves(event: v1.Event) -> None:
        tell("graves", text(event))

    @app.binding("an-input")
    def an_input(request) -> None:
        tell("an-input", request.text())

    app.run(PORT)
else:
    import uvicorn
    from dapr.ext.fastapi import DaprApp
    from fastapi import Body, FastAPI

    app = FastAPI()
    dapr = DaprApp(app)

    @app.get("/healthz")
    def health():
        tell("health", "")

    @dapr.subscribe(pubsub="bus", topic="orders")
    def orders(event=Body()):
        tell("orders", event["data"])

    # The extension knows no rules: a resource names these.
    @app.post("/important")
    def important(event=Body()):
        tell("important", event["data"])

    @app.post("/ordinary")
    def ordinary(event=Body()):
        tell("ordinary", event["data"])

    @dapr.subscribe(pubsub="bus", topic="unwanted", route="/unwanted-ones", dead_letter_topic="graves")
    def unwanted(event=Body()):
        tell("unwanted", event["data"])
        return {"status": "DROP"}

    @dapr.subscribe(pubsub="bus", topic="graves")
    def graves(event=Body()):
        tell("graves", event["data"])

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
