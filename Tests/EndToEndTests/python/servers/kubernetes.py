"""A server with the API of Kubernetes for secrets: reading, lists with pages and selectors, watches with bookmarks, and what an
operator writes. The token of all rights is `root`; `reader` may not list and watch; more by /control.
/control sets: tokens (all that count as root), forget (so many watches that begin are told 410), drop (ends open
watches when it changes), many (so many more secrets are in the lists), expire (so many continuations are told 410), throttle, retry_after,
redirect. See common.py."""

import base64
import json
import time
import urllib.parse
import uuid

from common import Handler, State, serve

SECRETS = {"kind": "Secret", "apiVersion": "v1"}


class Cluster(State):
    def __init__(self):
        super().__init__()
        self.control.update({"tokens": ["root"], "forget": 0, "drop": 0})
        self.version = 1000
        # (namespace, name) to the object.
        self.secrets = {}
        # (version, type, object), oldest first.
        self.events = []

    def put(self, kind, namespace, name, document):
        self.version += 1
        document = json.loads(json.dumps(document))
        document["metadata"]["resourceVersion"] = str(self.version)
        if kind == "DELETED":
            del self.secrets[namespace, name]
        else:
            self.secrets[namespace, name] = document
        self.events.append((self.version, kind, document))
        self.changed.notify_all()
        return document


class ClusterHandler(Handler):
    def status(self, code, reason, message, headers=()):
        document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code}
        self.answer(code, document, headers)

    def throttled(self, headers):
        self.status(429, "TooManyRequests", "The request was rejected due to too many requests, please try again later.", headers)

    def serve(self):
        path, _, query = self.path.partition("?")
        given, parts, state = dict(urllib.parse.parse_qsl(query)), path.strip("/").split("/"), self.state
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        with state.lock:
            known = token in state.control["tokens"]
        if not known and token != "reader":
            return self.status(401, "Unauthorized", "Unauthorized")
        if parts == ["version"]:
            return self.answer(200, {"major": "1", "minor": "29", "gitVersion": "v1.29.1", "platform": "linux/amd64"})
        if parts[:3] != ["api", "v1", "namespaces"] or len(parts) < 5 or parts[4] != "secrets" or len(parts) > 6:
            return self.status(404, "NotFound", "the server could not find the requested resource")
        namespace, name = parts[3], parts[5] if len(parts) == 6 else None
        verb = "get" if name else "watch" if "watch" in given else "list"
        if namespace == "forbidden" or token == "reader" and verb != "get":
            what = f'secrets "{name}"' if name else "secrets"
            return self.status(
                403, "Forbidden", f'{what} is forbidden: User "system:serviceaccount:{namespace}:app" cannot {verb} resource "secrets" '
                f'in API group "" in the namespace "{namespace}"')
        if self.command != "GET":
            return self.write(namespace, name)
        if name:
            with state.lock:
                found = state.secrets.get((namespace, name))
            return self.answer(200, found) if found else self.status(404, "NotFound", f'secrets "{name}" not found')
        selected = given.get("fieldSelector", "").removeprefix("metadata.name=")
        self.watch(namespace, selected, given) if verb == "watch" else self.list(namespace, selected, given)

    def write(self, namespace, name):
        """POST and PUT with `stringData`, DELETE."""
        sent = self.body()
        with self.state.lock:
            name = name or sent["metadata"]["name"]
            present = self.state.secrets.get((namespace, name))
            if self.command == "DELETE":
                if not present:
                    return self.status(404, "NotFound", f'secrets "{name}" not found')
                self.state.put("DELETED", namespace, name, present)
                return self.answer(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
            data = dict(sent.get("data") or {})
            data.update({key: base64.b64encode(text.encode()).decode() for key, text in (sent.get("stringData") or {}).items()})
            metadata = {
                "name": name, "namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": "2026-01-01T00:00:00Z",
                "annotations": {"data": "is elsewhere"},
                "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {".": {}, "f:name": {}}}}]}
            document = {**SECRETS, "metadata": metadata, "data": data, "type": "Opaque"}
            self.answer(201, self.state.put("MODIFIED" if present else "ADDED", namespace, name, document))

    def list(self, namespace, selected, given):
        with self.state.lock:
            version = self.state.version
            found = [s for (n, name), s in sorted(self.state.secrets.items()) if n == namespace and selected in ("", name)]
            more = self.state.control.get("many", 0)
            expire = self.state.control.get("expire", 0) if "continue" in given else 0
            if expire:
                self.state.control["expire"] = expire - 1
        if expire:
            return self.status(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")
        found += [
            {**SECRETS, "metadata": {"name": f"many-{n}", "namespace": namespace}, "data": {"n": base64.b64encode(b"%d" % n).decode()}}
            for n in range(more)]
        start, metadata = 0, {"resourceVersion": str(version)}
        if "continue" in given:
            start = json.loads(base64.b64decode(given["continue"]))["start"]
        end = start + int(given.get("limit") or len(found) or 1)
        if end < len(found):
            metadata["continue"] = base64.b64encode(json.dumps({"v": "meta.k8s.io/v1", "start": end}).encode()).decode()
            metadata["remainingItemCount"] = len(found) - end
        items = [{key: value for key, value in secret.items() if key not in SECRETS} for secret in found[start:end]]
        self.answer(200, {"kind": "SecretList", "apiVersion": "v1", "metadata": metadata, "items": items})

    def watch(self, namespace, selected, given):
        state, at = self.state, int(given.get("resourceVersion") or 0)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def tell(kind, document):
            line = json.dumps({"type": kind, "object": document}).encode() + b"\n"
            # As a busy proxy would cut it.
            for piece in (line[:7], line[7:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

        end = time.monotonic() + int(given.get("timeoutSeconds") or 60)
        with state.lock:
            drop, forget = state.control["drop"], state.control["forget"]
            state.control["forget"] = max(forget - 1, 0)
        bookmarked = at
        while time.monotonic() < end:
            with state.lock:
                if forget:
                    message = f"too old resource version: {at} ({state.version})"
                    tell("ERROR", {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                                   "reason": "Expired", "code": 410})
                    break
                if state.control["drop"] != drop:
                    self.close_connection = True
                    self.connection.close()
                    return
                news = [event for event in state.events if event[0] > at]
                at = state.version
                if not news:
                    state.changed.wait(0.1)
            for _, kind, document in news:
                if document["metadata"]["namespace"] == namespace and selected in ("", document["metadata"]["name"]):
                    tell(kind, document)
            if "allowWatchBookmarks" in given and at > bookmarked and not news:
                bookmarked = at
                tell("BOOKMARK", {**SECRETS, "metadata": {"resourceVersion": str(at), "creationTimestamp": None}})
        self.wfile.write(b"0\r\n\r\n")


if __name__ == "__main__":
    serve(ClusterHandler, Cluster())
