"""A server with the API of Vault's engines for keys and values, as far as an app reads and an operator writes them: version 2 at
secret/ and team/kv/, version 1 at kv1/. The tokens: `root` for all; `narrow` for secret/*/dapr/open alone; more by /control.
/control sets: tokens (all that count as root), throttle (so many answers of 429), retry_after, redirect. See common.py."""

import datetime
import urllib.parse
import uuid

from common import Handler, State, serve

ENGINES = {"secret": 2, "team/kv": 2, "kv1": 1}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Vault(State):
    def __init__(self):
        super().__init__()
        self.control["tokens"] = ["root"]
        self.sealed = False
        # (engine, path) to versions: [data or None, created, deleted, destroyed]. Version 1 has the last one alone.
        self.secrets = {}


class VaultHandler(Handler):
    def refuse(self, status, *errors):
        self.answer(status, {"errors": list(errors)})

    def throttled(self, headers):
        self.answer(429, {"errors": ['request path "secret/data": rate limit quota exceeded']}, headers)

    def success(self, data, mount="kv"):
        self.answer(200, {
            "request_id": str(uuid.uuid4()), "lease_id": "", "renewable": False, "lease_duration": 0, "data": data, "wrap_info": None,
            "warnings": None, "auth": None, "mount_type": mount})

    def serve(self):
        path, _, query = self.path.partition("?")
        place = urllib.parse.unquote(path).removeprefix("/v1/")
        given, sent, state = dict(urllib.parse.parse_qsl(query)), self.body(), self.state
        with state.lock:
            if place == "sys/health":
                status = 503 if state.sealed else 200
                return self.answer(status, {"initialized": True, "sealed": state.sealed, "standby": False, "version": "1.15.2"})
            if place == "sys/unseal":
                state.sealed = False
                return self.answer(200, {"sealed": False})
            if state.sealed:
                return self.refuse(503, "Vault is sealed")
            token = self.headers.get("X-Vault-Token")
            if not token:
                return self.refuse(403, "missing client token")
            if token not in state.control["tokens"] and token != "narrow":
                return self.refuse(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
            if place == "sys/seal":
                state.sealed = True
                return self.answer(204)
            if place.startswith("sys/internal/ui/mounts/"):
                return self.mount(place.removeprefix("sys/internal/ui/mounts/").strip("/"), token)
            for engine, version in ENGINES.items():
                if place.startswith(engine + "/"):
                    rest = place[len(engine) + 1:]
                    if token == "narrow" and not (engine == "secret" and rest in ("data/dapr/open", "metadata/dapr/", "metadata/dapr")):
                        return self.refuse(403, "1 error occurred:\n\t* permission denied\n\n")
                    return (self.versioned if version == 2 else self.plain)(engine, rest, given, sent)
            self.refuse(404, f"no handler for route \"{place}\". route entry not found.")

    def mount(self, engine, token):
        if engine not in ENGINES or token == "narrow" and engine != "secret":
            return self.refuse(403, f'preflight capability check returned 403, please ensure client\'s policies grant access to path "{engine}/"')
        options = {"version": "2"} if ENGINES[engine] == 2 else None
        self.success({"accessor": "kv_1", "path": engine + "/", "type": "kv", "options": options, "uuid": str(uuid.uuid4())}, "system")

    def keys(self, engine, folder):
        folder = folder.rstrip("/") + "/" if folder.strip("/") else ""
        found = set()
        for mount, path in self.state.secrets:
            if mount == engine and path.startswith(folder):
                name, slash, _ = path[len(folder):].partition("/")
                found.add(name + slash)
        return self.success({"keys": sorted(found)}) if found else self.refuse(404)

    def plain(self, engine, path, _, sent):
        if self.command == "LIST":
            return self.keys(engine, path)
        if self.command in ("POST", "PUT"):
            self.state.secrets[engine, path] = sent
            return self.answer(204)
        if self.command == "DELETE":
            self.state.secrets.pop((engine, path), None)
            return self.answer(204)
        found = self.state.secrets.get((engine, path))
        return self.refuse(404) if found is None else self.success(found)

    def versioned(self, engine, rest, given, sent):
        operation, _, path = rest.partition("/")
        versions = self.state.secrets.get((engine, path), [])
        if self.command == "LIST" and operation == "metadata":
            return self.keys(engine, path)
        if operation == "destroy":
            for number in sent["versions"]:
                versions[number - 1][0], versions[number - 1][3] = None, True
            return self.answer(204)
        if operation != "data":
            return self.refuse(404)
        if self.command in ("POST", "PUT"):
            self.state.secrets.setdefault((engine, path), versions).append([sent["data"], now(), "", False])
            return self.success(self.metadata(versions, len(versions)))
        if self.command == "DELETE":
            if versions:
                versions[-1][2] = now()
            return self.answer(204)
        try:
            number = int(given.get("version") or 0)
        except ValueError:
            return self.refuse(400, 'Field validation failed: error converting input for field "version"')
        if not versions or number > len(versions):
            return self.refuse(404)
        number = number or len(versions)
        data, _, deleted, destroyed = versions[number - 1]
        if deleted or destroyed:
            document = {"data": {"data": None, "metadata": self.metadata(versions, number)}}
            return self.answer(404, document)
        self.success({"data": data, "metadata": self.metadata(versions, number)})

    def metadata(self, versions, number):
        _, created, deleted, destroyed = versions[number - 1]
        return {"created_time": created, "custom_metadata": None, "deletion_time": deleted, "destroyed": destroyed, "version": number}


if __name__ == "__main__":
    serve(VaultHandler, Vault())
