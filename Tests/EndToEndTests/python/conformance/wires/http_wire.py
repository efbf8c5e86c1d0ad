"""The state API over HTTP/1.1 by the standard library's client. Values are JSON, put into bodies as they are."""

import http.client
import json
import threading
import urllib.parse

from model import Item, Page, Refused, Write
from wires.raw_json import object_at, objects

JSON = "application/json"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}


class HTTPWire:
    name = "http"

    def __init__(self, grpc, port):
        self.port = port
        # A connection belongs to one thread at a time.
        self.own = threading.local()

    def send(self, method, path, body=None, headers=None):
        """One exchange, whatever its answer is."""
        if not hasattr(self.own, "connection"):
            self.own.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            try:
                self.own.connection.request(method, path, body, headers or ({"content-type": JSON} if body else {}))
            except (BrokenPipeError, ConnectionResetError):
                if not body:
                    raise
                # A body that is refused before it was sent whole: the answer has come already (RFC 9112 section 9.5).
            return Answer(self.own.connection.getresponse())
        except (OSError, http.client.HTTPException):
            # The runtime may end a connection with an error; the next request takes another one.
            self.own.connection.close()
            del self.own.connection
            raise

    def path(self, store, *parts, query=None):
        quoted = [urllib.parse.quote(part, safe="") for part in (store, *parts)]
        # Dots would be resolved where they are written as such.
        quoted = [part.replace(".", "%2E") if set(part) == {"."} else part for part in quoted]
        pairs = {name: value for name, value in (query or {}).items() if value}
        return "/v1.0/state/" + "/".join(quoted) + ("?" + urllib.parse.urlencode(pairs) if pairs else "")

    def succeed(self, *arguments, statuses=(200, 204), **options):
        answer = self.send(*arguments, **options)
        if answer.status in statuses:
            assert answer.status == 200 or answer.body == b"", f"204 with a body: {answer.body!r}"
            return answer
        assert answer.headers.get("content-type") == JSON, (answer.status, answer.headers, answer.body)
        error = json.loads(answer.body)
        kinds = [detail["@type"].rsplit(".", 1)[1] for detail in error.get("details", [])]
        raise Refused(answer.status, error["errorCode"], error["message"], kinds)

    def capabilities(self):
        found = json.loads(self.succeed("GET", "/v1.0/metadata").body)
        return {component["name"]: set(component.get("capabilities", [])) for component in found["components"]}

    def item(self, write):
        """The JSON of one write, with the value as it is."""
        members = {"key": write.key}
        if write.etag is not None:
            members["etag"] = write.etag
        if write.metadata:
            members["metadata"] = write.metadata
        options = {"concurrency": write.concurrency, "consistency": write.consistency}
        if any(options.values()):
            members["options"] = {name: word for name, word in options.items() if word}
        return json.dumps(members).encode()[:-1] + b', "value": ' + write.value + b"}"

    def save(self, store, write):
        self.save_many(store, [write])

    def save_many(self, store, writes, metadata=None):
        query = {"metadata." + name: value for name, value in (metadata or {}).items()}
        body = b"[" + b",".join(map(self.item, writes)) + b"]"
        self.succeed("POST", self.path(store, query=query), body=body, statuses=(204,))

    def get(self, store, key, consistency="", metadata=None):
        query = {"consistency": consistency, **{"metadata." + name: value for name, value in (metadata or {}).items()}}
        answer = self.succeed("GET", self.path(store, key, query=query))
        if answer.status == 204:
            return Item(key, None)
        assert answer.headers["content-type"] == JSON, answer.headers
        told = {name[9:]: value for name, value in answer.headers.items() if name.startswith("metadata.")}
        return Item(key, answer.body, answer.headers.get("etag", ""), told)

    def bulk_get(self, store, keys, parallelism=0, metadata=None):
        body = {"keys": keys, "metadata": metadata or {}}
        if parallelism:
            body["parallelism"] = parallelism
        answer = self.succeed("POST", self.path(store, "bulk"), body=json.dumps(body), statuses=(200,))
        return [self.found(members) for members in objects(answer.body.decode())]

    def found(self, members):
        def text(name):
            return json.loads(members.get(name, '""'))

        value = members["data"].encode() if "data" in members else None
        return Item(text("key"), value, text("etag"), json.loads(members.get("metadata", "{}")), text("error"))

    def delete(self, store, write):
        query = {"concurrency": write.concurrency, "consistency": write.consistency}
        query.update({"metadata." + name: value for name, value in write.metadata.items()})
        headers = {} if write.etag is None else {"if-match": write.etag}
        self.succeed("DELETE", self.path(store, write.key, query=query), headers=headers, statuses=(204,))

    def transact(self, store, operations, metadata=None):
        items = [b'{"operation": "%s", "request": %s}' % (word.encode(), self.item(write)) for word, write in operations]
        told = json.dumps(metadata or {}).encode()
        body = b'{"operations": [%s], "metadata": %s}' % (b",".join(items), told)
        self.succeed("POST", self.path(store, "transaction"), body=body, statuses=(204,))

    def query(self, store, text):
        path = f"/v1.0-alpha1/state/{urllib.parse.quote(store)}/query"
        answer = self.succeed("POST", path, body=text)
        if answer.status == 204:
            return Page([], "")
        page, _ = object_at(answer.body.decode(), 0)
        return Page([self.found(members) for members in objects(page["results"])], json.loads(page.get("token", '""')))

    def save_padded(self, store, key, size):
        """Saves a text with a body of exactly `size` bytes; returns the stored text."""
        around = len(b"[" + self.item(Write(key, b'""')) + b"]")
        value = b'"' + b"1" * (size - around) + b'"'
        body = b"[" + self.item(Write(key, value)) + b"]"
        assert len(body) == size, len(body)
        self.succeed("POST", self.path(store), body=body, statuses=(204,))
        return value
