"""What the load generators print is read rightly, and nothing but success counts."""

import unittest

from octavo_bench.load import LOADED, microseconds, parse_h2load, parse_redis_benchmark
from octavo_bench.process import Failed

H2LOAD = """
finished in 2.00s, {rate} req/s, 34.41MB/s
requests: 1000 total, 1128 started, {done} done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: {ok} 2xx, 0 3xx, 0 4xx, {errors} 5xx
traffic: 68.82MB (72161134) total, 1.32MB (1387632) headers (space savings 94.74%), 48.96MB ({data}) data
                     min         max         mean         sd        +/- sd
time for request:       78us      8.60ms       291us       660us    95.57%
"""


def printed(**changes: object) -> str:
    usual = {"rate": "346896.00", "done": 1000, "succeeded": 1000, "failed": 0, "ok": 1000, "errors": 0, "data": 74000}
    return H2LOAD.format(**(usual | changes))


class Reading(unittest.TestCase):
    def test_h2load_success_gives_rate_count_and_mean(self):
        answer = parse_h2load(printed(), "limit", 74, LOADED)
        self.assertEqual((answer.requests, answer.requests_per_second, answer.mean_us), (1000, 346896.0, 291.0))

    def test_streams_cut_off_at_the_end_may_have_sent_data(self):
        self.assertEqual(parse_h2load(printed(data=74000 + 128 * 74), "limit", 74, LOADED).requests, 1000)

    def test_anything_but_success_is_refused(self):
        for name, changes in {
            "a failed request": {"failed": 1, "succeeded": 999},
            "a 5xx answer": {"ok": 999, "errors": 1},
            "no request at all": {"done": 0, "succeeded": 0, "ok": 0, "data": 0},
            "a gRPC error, which has no message": {"data": 73926},
            "a longer reply": {"data": 80000 + 128 * 74},
        }.items():
            with self.subTest(name), self.assertRaises(Failed):
                parse_h2load(printed(**changes), "limit", 74, LOADED)

    def test_unknown_output_is_refused(self):
        for parse in (lambda: parse_h2load("hello", "limit", 74, LOADED), lambda: parse_redis_benchmark("hello", 10)):
            with self.assertRaises(Failed):
                parse()

    def test_times_have_units(self):
        for text, expected in (("291us", 291), ("8.60ms", 8600), ("1.5s", 1_500_000)):
            self.assertAlmostEqual(microseconds(text), expected)
        with self.assertRaises(Failed):
            microseconds("5m")

    def test_redis_benchmark_row(self):
        answer = parse_redis_benchmark(
            '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms",'
            '"max_latency_ms"\n"GET","89564.50","0.734","0.1","0.7","0.9","0.947","2.0"\n', 5000)
        self.assertEqual((answer.requests, answer.requests_per_second), (5000, 89564.5))
        self.assertAlmostEqual(answer.p99_us, 947)


if __name__ == "__main__":
    unittest.main()
