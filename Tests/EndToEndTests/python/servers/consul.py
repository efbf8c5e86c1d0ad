"""A server with the part of Consul's HTTP API that services are registered and found by, as its documentation has it: an agent that runs
checks of TCP and HTTP, drops services that have been critical for too long, and filters by tag. In memory: a new one knows nothing.
/control sets: token (without it requests are refused, but for the leader), leaderless, broken (answers of 500), minimum (seconds that a
service is critical before it is dropped, in place of a minute). See common.py."""

import json
import re
import socket
import threading
import time
import urllib.parse
import urllib.request

from common import Handler, State, serve

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(text):
    number, unit = re.fullmatch(r"([0-9.]+)(ms|s|m|h)", text).groups()
    return float(number) * UNITS[unit]


def lower(value):
    """Names of members are the same whatever their case, but for those of Meta."""
    if isinstance(value, list):
        return [lower(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name.lower(): item if name.lower() == "meta" else lower(item) for name, item in value.items()}


KNOWN = {"id", "name", "tags", "port", "address", "meta", "check", "checks", "kind", "weights", "enabletagoverride", "namespace", "partition",
         "taggedaddresses", "connect", "proxy", "socketpath"}


class Consul(State):
    def __init__(self):
        super().__init__()
        self.services = {}
        threading.Thread(target=self.look, daemon=True).start()

    def passes(self, check):
        try:
            if "tcp" in check:
                host, _, port = check["tcp"].rpartition(":")
                socket.create_connection((host.strip("[]"), int(port)), 2).close()
            elif "http" in check:
                urllib.request.urlopen(check["http"], timeout=2).close()
            return True
        except OSError:
            return False

    def look(self):
        while True:
            time.sleep(0.05)
            with self.lock:
                due = [(name, check) for name, service in self.services.items() for check in service["checks"] if check["next"] <= time.time()]
            for name, check in due:
                passing = self.passes(check)
                with self.lock:
                    check["next"] = time.time() + seconds(check.get("interval", "10s"))
                    check["status"] = "passing" if passing else "critical"
                    check["since"] = None if passing else check.get("since") or time.time()
                    limit = check.get("deregistercriticalserviceafter")
                    if limit and check["since"]:
                        limit = self.control.get("minimum", max(60, seconds(limit)))
                        if time.time() - check["since"] > limit:
                            self.services.pop(name, None)


class ConsulHandler(Handler):
    def say(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        path, _, query = self.path.partition("?")
        given, state = dict(urllib.parse.parse_qsl(query, keep_blank_values=True)), self.state
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with state.lock:
            if path == "/v1/status/leader":
                return self.answer(200, "" if state.control.get("leaderless") else "127.0.0.1:8300")
            token = state.control.get("token")
            if token and self.headers.get("X-Consul-Token") != token:
                return self.say(403, "Permission denied: anonymous token lacks permission 'service:read'")
            if state.control.get("broken"):
                return self.say(500, "No cluster leader")
            last = urllib.parse.unquote(path.rpartition("/")[2])
            if path == "/v1/agent/service/register" and self.command == "PUT":
                return self.register(lower(json.loads(text)))
            if path.startswith("/v1/agent/service/deregister/") and self.command == "PUT":
                if last not in state.services:
                    return self.say(404, f'Unknown service ID "{last}". Ensure that the service ID is passed, not the service name.')
                del state.services[last]
                return self.say(200, "")
            if path.startswith("/v1/agent/service/") and self.command == "GET":
                if last not in state.services:
                    return self.say(404, f"unknown service ID: {last}")
                return self.answer(200, self.shown(last))
            if path == "/v1/agent/services":
                return self.answer(200, {name: self.shown(name) for name in state.services})
            if path.startswith("/v1/health/service/"):
                return self.health(last, given)
        self.say(404, "")

    def register(self, body):
        if unknown := set(body) - KNOWN:
            return self.say(400, f"Request decode failed: invalid config key {sorted(unknown)[0]}")
        if not body.get("name"):
            return self.say(400, "Missing service name")
        checks = list(body.get("checks") or []) + ([body["check"]] if body.get("check") else [])
        for check in checks:
            check["next"] = time.time() + seconds(check.get("interval", "10s")) / 2
            check.setdefault("status", "critical")
        self.state.services[body.get("id") or body["name"]] = {**body, "checks": checks}
        self.say(200, "")

    def shown(self, name):
        one = self.state.services[name]
        return {
            "ID": name, "Service": one["name"], "Tags": one.get("tags") or [], "Meta": one.get("meta") or {}, "Port": one.get("port", 0),
            "Address": one.get("address", ""), "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": False,
        }

    def health(self, service, given):
        found = []
        for name, one in self.state.services.items():
            if one["name"] != service or "passing" in given and any(check["status"] != "passing" for check in one["checks"]):
                continue
            if "filter" in given:
                wanted = re.fullmatch(r'"(.*)" in Service.Tags', given["filter"])
                if not wanted:
                    return self.say(400, "Failed to create boolean expression evaluator")
                if wanted[1] not in (one.get("tags") or []):
                    continue
            found.append({
                "Node": {"ID": "1", "Node": "test", "Address": "127.0.0.1", "Datacenter": "dc1", "Meta": {"consul-network-segment": ""}},
                "Service": self.shown(name),
                "Checks": [{"Node": "test", "CheckID": check.get("checkid", ""), "Status": check["status"]} for check in one["checks"]],
            })
        self.answer(200, found, [("X-Consul-Index", "7"), ("X-Consul-KnownLeader", "true")])


serve(ConsulHandler, Consul())
