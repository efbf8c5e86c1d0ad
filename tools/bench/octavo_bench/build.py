"""Compiles the peers that come as source, once, into the cache folder."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from .process import Unavailable, output, require

PEERS = Path(__file__).resolve().parent.parent / "peers"


def limit(cache: Path) -> Path:
    require("gcc", "pkg-config")
    flags = _flags("libnghttp2")
    return _compiled(
        cache, "limit", [PEERS / "limit.c"],
        lambda out: [["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(out / "limit"),
                      str(PEERS / "limit.c"), *flags]])


def messages_load(cache: Path) -> Path:
    return _with_library(cache, "messages_load", "libnghttp2")


def paced_calls(cache: Path) -> Path:
    return _with_library(cache, "paced_calls", "libnghttp2")


def redis_streams(cache: Path) -> Path:
    return _with_library(cache, "redis_streams", "hiredis")


def _with_library(cache: Path, name: str, library: str) -> Path:
    require("gcc", "pkg-config")
    flags, source = _flags(library), PEERS / f"{name}.c"
    return _compiled(
        cache, name, [source],
        lambda out: [["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(out / name), str(source), *flags,
                      "-lpthread"]])


def futex(cache: Path) -> Path:
    require("gcc")
    source = PEERS / "futex.c"
    return _compiled(
        cache, "futex", [source],
        lambda out: [["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(out / "futex"), str(source),
                      "-lpthread"]])


def grpc_state(cache: Path) -> Path:
    return _grpc(cache, "grpc_state")


def grpc_unix(cache: Path) -> Path:
    return _grpc(cache, "grpc_unix")


def _grpc(cache: Path, name: str) -> Path:
    require("g++", "pkg-config", "protoc", "grpc_cpp_plugin")
    flags = _flags("grpc++", "protobuf")
    plugin = shutil.which("grpc_cpp_plugin")

    def commands(out: Path) -> list[list[str]]:
        return [
            ["protoc", f"--proto_path={PEERS}", f"--cpp_out={out}", f"--grpc_out={out}",
             f"--plugin=protoc-gen-grpc={plugin}", str(PEERS / "state.proto")],
            ["g++", "-std=c++17", "-O2", f"-I{out}", "-o", str(out / name), str(PEERS / f"{name}.cc"),
             str(out / "state.pb.cc"), str(out / "state.grpc.pb.cc"), *flags],
        ]

    return _compiled(cache, name, [PEERS / "state.proto", PEERS / f"{name}.cc"], commands)


def _compiled(cache: Path, name: str, sources: list[Path], commands) -> Path:
    """The program, compiled again only when a source or a command has changed."""
    out = cache / name
    recipe = hashlib.sha256(repr(commands(out)).encode())
    for source in sources:
        recipe.update(source.read_bytes())
    stamp = out / "recipe"
    if stamp.exists() and stamp.read_text() == recipe.hexdigest():
        return out / name
    out.mkdir(parents=True, exist_ok=True)
    for command in commands(out):
        output(command, timeout=300)
    stamp.write_text(recipe.hexdigest())
    return out / name


def _flags(*packages: str) -> list[str]:
    done = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"the development files of {' and '.join(packages)} are not installed; "
                          "tools/bench/setup installs them")
    return done.stdout.split()
