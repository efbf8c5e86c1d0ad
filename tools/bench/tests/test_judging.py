"""Medians, ratios and goals say what they should."""

import unittest
from argparse import Namespace

from octavo_bench import goals, main, options
from octavo_bench.figures import percentile, ratio, summary
from octavo_bench.process import Failed
from octavo_bench.rounds import Lane, run


class Figures(unittest.TestCase):
    def test_summary_has_median_and_half_range(self):
        got = summary([90.0, 100.0, 130.0])
        self.assertEqual((got["median"], got["min"], got["max"]), (100.0, 90.0, 130.0))
        self.assertAlmostEqual(got["spread"], 0.2)

    def test_ratio_is_taken_round_by_round(self):
        # The machine was half as fast in the second round: the ratio does not see it.
        self.assertEqual(ratio(summary([50.0, 25.0, 60.0]), summary([100.0, 50.0, 120.0])), 0.5)

    def test_percentile_of_few_values_is_one_of_them(self):
        self.assertEqual(percentile([1], 0.99), 1)
        self.assertEqual(percentile(list(range(100)), 0.99), 99)


class Goals(unittest.TestCase):
    def judge(self, milliseconds: float) -> dict:
        results = {"calls": {}, "startup": {"milliseconds": {"median": milliseconds}, "idle_rss_bytes": 1}}
        return {goal["what"]: goal["met"] for goal in goals.judge(results)}

    def test_a_bound_itself_is_met(self):
        self.assertIs(self.judge(40.0)["start with five components"], True)
        self.assertIs(self.judge(40.1)["start with five components"], False)

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        self.assertIsNone(self.judge(1.0)["throughput, octavo / limit"])


class ExitCodes(unittest.TestCase):
    def code(self, met: bool | None, *, check: bool, only=options.PARTS, failed=()) -> int:
        results = {"failed": dict.fromkeys(failed, "why"), "goals": [{"met": met}]}
        return main.exit_code(results, Namespace(check=check, only=only))

    def test_codes(self):
        self.assertEqual(self.code(False, check=False), 0)
        self.assertEqual(self.code(False, check=True), 1)
        self.assertEqual(self.code(None, check=True), 1)
        self.assertEqual(self.code(None, check=True, only=["limit"]), 0)
        self.assertEqual(self.code(True, check=False, failed=["h2o"]), 1)


class Rounds(unittest.TestCase):
    def test_every_lane_runs_in_every_round_and_the_order_turns(self):
        order: list[str] = []
        lanes = [Lane("GetState", name, "1x1", lambda _, name=name: order.append(name) or name) for name in "abc"]
        taken = run(lanes, 3, 1, lambda _: None, {})
        self.assertEqual("".join(order), "abc" + "abc" + "bca" + "cab")
        self.assertEqual([len(samples) for samples in taken.values()], [3, 3, 3])

    def test_a_contestant_that_fails_once_is_out_and_the_others_go_on(self):
        calls: list[str] = []

        def broken(_: float):
            calls.append("broken")
            if len(calls) == 2:
                raise Failed("it broke")
            return "sample"

        failed: dict[str, str] = {}
        lanes = [Lane("GetState", "broken", "1x1", broken), Lane("GetState", "sound", "1x1", lambda _: "sample")]
        taken = run(lanes, 4, 1, lambda _: None, failed)
        self.assertEqual([lane.contestant for lane in taken], ["sound"])
        self.assertEqual((failed, len(calls)), ({"broken": "it broke"}, 2))


if __name__ == "__main__":
    unittest.main()
