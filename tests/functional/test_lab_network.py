"""posw lab network, from outside: what is measured beside what is known, the same answer for any number of threads, and what
a person reads when something is wrong. Bounds are standard errors of the very runs, with
fixed seeds.

    POSW=build/posw python3 tests/functional/test_lab_network.py
"""

import json
import os
import signal
import subprocess
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
POSW = os.path.abspath(os.environ.get("POSW", os.path.join(HERE, "..", "..", "build", "posw")))
COMMAND_S = 240


def network(*args):
    return subprocess.run([POSW, "lab", "network", *args], capture_output=True, text=True, timeout=COMMAND_S)


def answer(*args):
    done = network(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Network(unittest.TestCase):
    def near(self, got, want, bound):
        self.assertLessEqual(abs(got - want), bound, f"{got}, expected {want}")

    def test_blocks_that_are_lost(self):
        a = answer("--nodes", "10", "--latency", "400", "--blocks", "300", "--runs", "8")
        self.near(a["stale_rate"], a["expected_stale_rate"], 5 * a["standard_error"])
        self.assertLess(a["standard_error"], a["stale_rate"] / 5)  # so that it says something
        self.assertLess(a["propagation_p50_ms"], a["propagation_p90_ms"])
        self.assertLessEqual(a["propagation_p90_ms"], a["propagation_p99_ms"])
        near = answer("--nodes", "10", "--latency", "20", "--blocks", "100", "--runs", "2")
        self.assertLess(near["mean_delay_ms"], a["mean_delay_ms"] / 4)
        self.assertLess(near["stale_rate"], a["stale_rate"])

    def test_selfish_mining(self):
        a = answer("--attack", "selfish", "--alpha", "0.4", "--nodes", "8", "--blocks", "300", "--runs", "24", "--latency", "10")
        self.near(a["revenue"], a["closed_form"], 4 * a["standard_error"])
        self.assertLess(a["standard_error"], 0.03)
        self.assertGreater(a["revenue"], 0.4)
        self.assertTrue(0 <= a["gamma"] <= 1)

    def test_a_payment_undone(self):
        small = ["--nodes", "5", "--peers", "1", "--blocks", "400", "--runs", "6", "--block-time", "60", "--latency", "10"]
        a = answer("--attack", "reorg", "--alpha", "0.3", "--confirmations", "2", "--give-up", "12", *small)
        self.assertGreater(a["trials"], 50)
        self.near(a["probability"], a["closed_form"], 5 * (a["closed_form"] * (1 - a["closed_form"]) / a["trials"]) ** 0.5)
        few = answer("--attack", "reorg", "--alpha", "0.6", "--confirmations", "2", "--give-up", "12", "--weight", "ticket", "--tickets", "2",
                     "--blocks", "200", "--runs", "2", *small[:4])
        self.assertEqual((few["probability"], few["closed_form"]), (0, 0))

    def test_an_eclipse(self):
        a = answer("--attack", "eclipse", "--alpha", "0.2", "--confirmations", "4", "--nodes", "8", "--runs", "6", "--blocks", "400", "--latency", "10")
        self.assertGreater(a["trials"], 30)
        self.near(a["probability"], a["closed_form"], 5 * (0.25 / a["trials"]) ** 0.5)
        self.assertGreater(a["probability"], 3 * a["without_eclipse"])

    def test_threads_change_nothing(self):
        args = ["--nodes", "4", "--peers", "1", "--blocks", "30", "--runs", "4", "--json"]
        outputs = {network(*args, "--threads", n).stdout for n in ("1", "2", "4")}
        self.assertEqual(len(outputs), 1)
        self.assertNotEqual(outputs, {network(*args, "--seed", "2").stdout})

    def test_interrupted(self):
        args = [POSW, "lab", "network", "--nodes", "4", "--peers", "1", "--blocks", "100", "--runs", "5000", "--json"]
        done = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        time.sleep(3)
        done.send_signal(signal.SIGINT)
        out, err = done.communicate(timeout=COMMAND_S)
        self.assertEqual(done.returncode, 0, err)
        a = json.loads(out)
        self.assertFalse(a["complete"])
        self.assertGreater(a["found"], 0)

    def test_interrupted_within_the_first_run(self):
        """A run of hours is ended, too, and nothing is left behind."""
        args = [POSW, "lab", "network", "--nodes", "200", "--blocks", "10000", "--runs", "2"]
        done = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        time.sleep(1)
        done.send_signal(signal.SIGINT)
        out, err = done.communicate(timeout=30)  # the pipes close when the last process is gone
        self.assertEqual(done.returncode, 0, err)
        self.assertIn("0 of 2 runs were done", out)
        self.assertNotIn("nan", out)

    def test_wrong_input(self):
        for args, words in [
            (["--attack", "storm"], "--attack"),
            (["--nodes", "1"], "--nodes"),
            (["--alpha", "0.4"], "--alpha does not go with --attack none"),
            (["--attack", "selfish", "--tickets", "5"], "--tickets goes with --weight ticket"),
            (["--attack", "eclipse", "--weight", "ticket"], "--weight pow"),
            (["--attack", "eclipse", "--alpha", "0.9", "--victim-share", "0.2"], "no hash power"),
            (["--attack", "reorg", "--victim-share", "0.2"], "--victim-share does not go"),
        ]:
            done = network(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
