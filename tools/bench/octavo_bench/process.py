"""A server as a child process: started, awaited, measured, stopped."""

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


class Failed(Exception):
    """A contestant cannot be measured. The text is for the operator."""


class Unavailable(Exception):
    """Something that is not installed or not built: skipped, and the text says what would bring it."""


def output(command: list[str], timeout: float = 20) -> str:
    """What a program prints until it ends; `Failed` when it does not end, or not well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError as missing:
        raise Failed(f"{missing.filename} is not installed; tools/bench/setup installs it") from None
    except OSError as why:
        raise Failed(f"{command[0]} does not run: {why.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {timeout:.0f} s: {' '.join(command)}") from None
    if done.returncode != 0:
        raise Failed(f"code {done.returncode} from {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def require(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            raise Unavailable(f"{program} is not installed; tools/bench/setup installs it")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on. Another process may take it before it is used, so that whoever
    passes it on must be ready to try again: `Process.start` is."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Process:
    def __init__(self, name: str, command: list[str], log: Path, cwd: Path, *, piped: bool = False):
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self.child = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else output,
                stderr=output,
            )
        self.port = 0

    @property
    def pid(self) -> int:
        return self.child.pid

    @classmethod
    def start(cls, name: str, command_for: Callable[[], list[str]], is_ready: Callable[["Process"], bool],
              log: Path, cwd: Path, *, piped: bool = False, timeout: float = 10) -> "Process":
        """Runs the command and returns once `is_ready`. A child that ends before that gets two more tries: its port,
        picked a moment ago, may have been taken."""
        for attempt in (1, 2, 3):
            process = cls(name, command_for(), log, cwd, piped=piped)
            try:
                if process.wait_until(is_ready, timeout):
                    return process
            except BaseException:
                process.stop()
                raise
            ended = process.child.poll()
            process.stop()
            if ended is None:
                raise Failed(f"{name} was not ready after {timeout:g} s{process.tail()}")
            if attempt == 3:
                raise Failed(f"{name} ended with code {ended} while starting{process.tail()}")
        raise AssertionError("unreachable")

    def wait_until(self, is_ready: Callable[["Process"], bool], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.child.poll() is None:
            if is_ready(self):
                return True
            time.sleep(0.001)
        return False

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-5:]
        return "".join(f"\n    {line}" for line in lines) or " (it printed nothing)"

    def read_port(self) -> bool:
        """Readiness of a program that prints "port N" on its standard output."""
        assert self.child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            if not selector.select(0.2):
                return False
        words = self.child.stdout.readline().split()
        if len(words) == 2 and words[0] == b"port":
            self.port = int(words[1])
        return self.port != 0

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(8)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()

    def cpu_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in tree(self.pid))

    def rss_bytes(self) -> int:
        return sum(_rss_bytes(pid) for pid in tree(self.pid))


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def tree(pid: int) -> list[int]:
    """A process and its descendants: helper processes count as the server's."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                found += map(int, children.read_text().split())
    return found


def _cpu_seconds(pid: int) -> float:
    # The CPU clock of another process, all threads, in nanoseconds: utime + stime of /proc/PID/stat without the
    # rounding to 10 ms. The number is what clock_getcpuclockid(3) computes.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _rss_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
