"""The load generators, h2load and redis-benchmark, and what they say."""

import csv
import io
import re
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from .call import Call, Server
from .figures import percentile
from .machine import Pinning, busy_seconds
from .process import Failed, Process, output


@dataclass(frozen=True)
class Shape:
    connections: int
    streams: int  # open at once on each connection

    def __str__(self) -> str:
        return f"{self.connections}x{self.streams}"


LOADED = Shape(4, 32)
ALONE = Shape(1, 1)


@dataclass(frozen=True)
class Sample:
    """One measurement. Times in microseconds."""

    requests_per_second: float
    mean_us: float
    p99_us: float | None
    server_cpu_us: float  # of the server's processes, per request
    server_busy: float  # share of a core that the server used
    foreign_busy: float  # cores used by processes that have no part in the measurement
    rss_bytes: int


@dataclass(frozen=True)
class Answer:
    """What a load generator reports."""

    requests: int
    requests_per_second: float
    mean_us: float
    p99_us: float | None = None


def measure(processes: list[Process], generate) -> Sample:
    """Runs a load generator and accounts for the processor time around it. The first process is the server; the
    others work for it and are merely not foreign."""
    before = [process.cpu_seconds() for process in processes]
    children, busy, began = _children_seconds(), busy_seconds(), time.monotonic()
    answer: Answer = generate()
    wall = time.monotonic() - began
    used = [process.cpu_seconds() - cpu for process, cpu in zip(processes, before, strict=True)]
    known = sum(used) + _children_seconds() - children
    if processes[0].child.poll() is not None:
        raise Failed(f"{processes[0].name} ended under load{processes[0].tail()}")
    return Sample(
        requests_per_second=answer.requests_per_second,
        mean_us=answer.mean_us,
        p99_us=answer.p99_us,
        server_cpu_us=used[0] / answer.requests * 1e6,
        server_busy=used[0] / wall,
        foreign_busy=max(0.0, (busy_seconds() - busy - known) / wall),
        rss_bytes=processes[0].rss_bytes(),
    )


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def h2load(server: Server, call: Call, shape: Shape, seconds: float, pins: Pinning, work: Path, *,
           each: bool = False) -> Answer:
    """`each` records every request, for percentiles; it costs the generator a little."""
    command = [*Pinning.prefix(pins.load), "h2load", f"--clients={shape.connections}",
               f"--max-concurrent-streams={shape.streams}", f"--duration={int(seconds * 1000)}ms"]
    for header in call.headers:
        command += ["--header", header]
    if call.body is not None:
        request = work / "request"
        request.write_bytes(call.body)
        command += ["--data", str(request)]
    log = work / "requests.log"
    log.unlink(missing_ok=True)
    if each:
        command += ["--log-file", str(log)]
    printed = output([*command, server.url(call)], seconds + 15)
    answer = parse_h2load(printed, server.name, len(call.reply), shape)
    if not each:
        return answer
    times = sorted(int(line.rsplit("\t", 1)[1]) for line in log.read_text().splitlines())
    if not times:
        raise Failed(f"h2load recorded no request to {server.name}")
    mean = sum(times) / len(times)
    return Answer(answer.requests, answer.requests_per_second, mean, float(percentile(times, 0.99)))


def parse_h2load(printed: str, name: str, reply_size: int, shape: Shape) -> Answer:
    """Refuses anything but a success for every request, with as many bytes as the right reply has."""
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", printed)
    requests = re.search(r"requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", printed)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", printed)
    data = re.search(r"\((\d+)\) data", printed)
    mean = re.search(r"time for request:\s+\S+\s+\S+\s+(\S+)", printed)
    if not (rate and requests and codes and data and mean):
        raise Failed(f"h2load says something unknown about {name}:\n{printed.strip()}")
    done, succeeded, failed, errored = map(int, requests.groups())
    # Streams that the end of the run cuts off may have had their head already.
    if done == 0 or failed or errored or succeeded != done or not done <= int(codes[1]) <= done + shape.connections * shape.streams:
        raise Failed(f"{name} failed under load: {requests.group(0)}; {codes.group(0)}")
    # Streams that the end of the run cuts off may have sent their data already.
    excess = int(data[1]) - done * reply_size
    if not 0 <= excess <= shape.connections * shape.streams * reply_size:
        raise Failed(f"{name} sent {int(data[1]) / done:.1f} bytes a reply under load, not {reply_size}: "
                     "some replies were errors")
    return Answer(done, float(rate[1]), microseconds(mean[1]))


def microseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(us|ms|s)", text)
    if not found:
        raise Failed(f"h2load printed a time that is not one: {text}")
    return float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[found[2]]


def redis_benchmark(port: int, test: str, clients: int, pipeline: int, requests: int, value_size: int,
                    pins: Pinning) -> Answer:
    command = [*Pinning.prefix(pins.load), "redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-t", test,
               "-c", str(clients), "-P", str(pipeline), "-n", str(requests), "-d", str(value_size), "--csv"]
    return parse_redis_benchmark(output(command, 60), requests)


def parse_redis_benchmark(printed: str, requests: int) -> Answer:
    rows = list(csv.DictReader(io.StringIO(printed[printed.find('"test"'):])))
    if len(rows) != 1 or not rows[0].get("rps"):
        raise Failed(f"redis-benchmark says something unknown:\n{printed.strip()}")
    row = rows[0]
    return Answer(requests, float(row["rps"]), float(row["avg_latency_ms"]) * 1e3, float(row["p99_latency_ms"]) * 1e3)
