"""A whole run of the command, with a stand-in for the runtime."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from octavo_bench import build
from octavo_bench.main import ROOT
from octavo_bench.process import Unavailable

HERE = Path(__file__).resolve().parent


class Run(unittest.TestCase):
    def bench(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run([str(HERE.parent / "run"), *arguments], capture_output=True, text=True, timeout=120,
                              check=False, env=os.environ | environment)

    def test_the_runtime_is_measured_beside_the_limit_with_replies_of_one_size(self):
        cache = ROOT / ".build-bench"
        cache.mkdir(exist_ok=True)
        try:
            peer = build.grpc_state(cache)
        except Unavailable as why:
            self.skipTest(str(why))
        before = set(cache.glob("run-*"))
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.json")
            done = self.bench("--octavo", str(HERE / "fake_octavo"), "--only", "octavo,limit,redis", "--rounds", "1",
                              "--seconds", "0.2", "--json", str(report), GRPC_STATE=str(peer))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            results = json.loads(report.read_text())
        self.assertEqual((results["failed"], results["skipped"]), ({}, {}))
        self.assertEqual(set(results["calls"]["GetState"]), {"octavo", "limit"})
        self.assertEqual(set(results["calls"]["SaveState"]), {"octavo"})
        self.assertIn("octavo + Redis", results["calls"]["Redis"])
        measured = {goal["what"] for goal in results["goals"] if goal["value"] is not None}
        self.assertIn("throughput, octavo / limit", measured)
        self.assertEqual(set(cache.glob("run-*")) - before, set(), "a run removes its folder")

    def test_a_missing_binary_is_skipped_with_the_reason(self):
        done = self.bench("--octavo", "/nonexistent/octavo", "--only", "size,vtable")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("skipped size: no release build at /nonexistent/octavo", done.stdout)

    def test_misuse_is_code_2(self):
        for arguments in (["--only", "nobody"], ["--rounds", "0"], ["--seconds", "x"], ["--json", "/nonexistent/a/b"]):
            with self.subTest(arguments):
                self.assertEqual(self.bench(*arguments).returncode, 2)


if __name__ == "__main__":
    unittest.main()
