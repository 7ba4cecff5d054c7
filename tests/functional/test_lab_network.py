"""posw lab network, from outside: what is measured beside what is known, the same answer for any number of threads, and what
a person reads when something is wrong. Bounds are standard errors of the very runs, with
fixed seeds.

    POSW=build/posw python3 tests/functional/test_lab_network.py
"""

import json
import os
import signal
import subprocess
import tempfile
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

    def test_times(self):
        """Where earlier times make a branch heavier a selfish miner gains by it; by the default rule it gains nothing."""
        args = ["--attack", "selfish", "--alpha", "0.4", "--nodes", "4", "--latency", "10", "--block-time", "60", "--blocks", "1000", "--runs", "8"]
        asert, lag = answer(*args, "--times", "true", "--rule", "asert"), answer(*args, "--times", "false")
        self.assertEqual((asert["rule"], asert["half_life_blocks"], lag["rule"], lag["half_life_blocks"]), ("asert", 144, "asert-lag", 1008))
        self.near(asert["revenue"], asert["closed_form_earlier"], 4 * asert["standard_error"])
        self.near(lag["revenue"], lag["closed_form"], 4 * lag["standard_error"])
        self.assertNotIn("closed_form_earlier", lag)
        with tempfile.TemporaryDirectory() as folder:
            chain = self.files(folder, weight={"preset": "pow"}, difficulty={"rule": "lwma3", "blocks": 40})[:2]
            by_file = answer(*chain, "--attack", "selfish", "--times", "false", "--nodes", "4", "--blocks", "40", "--runs", "2")
            self.assertEqual((by_file["rule"], by_file["half_life_blocks"]), ("lwma3", 40))
            for args, words in (((*chain, "--times", "true", "--attack", "reorg", "--rule", "asert"), "--rule does not go with --chain"),
                                ((*self.files(folder, difficulty={"rule": "step"})[:2], "--times", "true", "--attack", "reorg"), "the chain file has step"),
                                (("--times", "true", "--attack", "eclipse"), "--times does not go with --attack eclipse"),
                                (("--times", "true"), "--times does not go with --attack none"),
                                (("--rule", "asert", "--attack", "reorg"), "--rule goes with --times true or false")):
                done = network(*args)
                self.assertEqual((done.returncode, done.stdout), (2, ""), args)
                self.assertIn(words, done.stderr)

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

    def test_miners_of_a_chain(self):
        """A large miner and nine small ones by tickets: their shares are those of lab shares, and the large one loses fewer blocks."""
        with tempfile.TemporaryDirectory() as folder:
            files = self.files(folder)
            a = answer(*files, "--latency", "10", "--runs", "12", "--settle", "300")
            giant, small = a["miners"]
            self.assertEqual((giant["name"], giant["tickets"], small["count"]), ("giant", 12, 9))
            for row in giant, small:
                for key in "share", "found_share":
                    self.near(row[key], row["expected_share"], 5 * (row[key + "_standard_error"] ** 2 + row["expected_share_standard_error"] ** 2) ** 0.5)
            self.assertLess(giant["share_standard_error"], 0.03)
            self.assertAlmostEqual(sum(a["share"]), 1, 9)
            self.assertAlmostEqual(sum(a["expected_share"]), 1, 9)
            self.assertEqual(len(a["stale"]), 10)
            self.near(a["mean_ratio"], 1, 0.2)
            done = subprocess.run([POSW, "lab", "shares", *files, "--blocks", "200000", "--json"], capture_output=True, text=True, timeout=COMMAND_S)
            self.near(json.loads(done.stdout)["share"][0], giant["expected_share"], 0.02)
            slow = answer(*files, "--latency", "2000", "--runs", "4", "--settle", "0")
            self.assertGreater(slow["miners"][1]["stale_rate"], slow["miners"][0]["stale_rate"])
            self.near(slow["stale_rate"], slow["expected_stale_rate"], 5 * slow["standard_error"] + 0.02)
            outputs = {network(*files, "--blocks", "20", "--runs", "2", "--settle", "10", "--json", "--threads", n).stdout for n in ("1", "3")}
            self.assertEqual(len(outputs), 1)

    def test_a_chain_file_alone(self):
        """Its block time, its weight of stake, and an attack under it."""
        with tempfile.TemporaryDirectory() as folder:
            chain, miners = self.files(folder, weight={"preset": "linear"}, blockTime=30)[1::2]
            a = answer("--chain", chain, "--nodes", "5", "--blocks", "40", "--runs", "4")
            self.assertEqual(a["block_time_s"], 30)
            self.near(a["found"], 160, 6 * 160 ** 0.5)
            b = answer("--chain", chain, "--miners", miners, "--blocks", "60", "--runs", "2")
            self.assertAlmostEqual(b["expected_share"][0], 100 / (100 + 9 * 20), 9)  # all have the same stake
            r = answer("--chain", chain, "--attack", "selfish", "--alpha", "0.4", "--nodes", "5", "--blocks", "100", "--runs", "2", "--latency", "10")
            self.assertGreater(r["revenue"], 0.2)

    def files(self, folder, **changes):
        chain, miners = os.path.join(folder, "chain.json"), os.path.join(folder, "miners.json")
        weight = {"rule": "ticket", "slots": 4, "boost": 1024, "price": "1000 coin"}
        with open(chain, "w") as f:
            json.dump({"name": "Trial", "ticker": "TRY", "chainId": 4242, "timestamp": 1790000000, "window": 50, "blockTime": 15, "difficulty": {"halfLife": 144},
                       "weight": weight, **changes}, f)
        with open(miners, "w") as f:
            json.dump([{"name": "giant", "hash": 100, "stake": "12000 coin"}, {"hash": 20, "stake": "12000 coin", "count": 9}], f)
        return "--chain", chain, "--miners", miners

    def test_wrong_files(self):
        with tempfile.TemporaryDirectory() as folder:
            c, chain, m, miners = self.files(folder)

            def write(name, value):
                path = os.path.join(folder, name)
                with open(path, "w") as f:
                    f.write(value if isinstance(value, str) else json.dumps(value))
                return path

            for args, words in [
                ((c, chain, "--weight", "pow"), "--weight does not go with --chain"),
                ((c, chain, "--block-time", "5"), "--block-time does not go with --chain"),
                ((c, write("no", "")), "no"),
                ((m, miners, "--nodes", "5"), "--nodes does not go with --miners"),
                ((m, miners, "--attack", "selfish"), "--miners does not go with --attack selfish"),
                ((m, miners, "--weight", "ticket"), "as many or more with --supply"),
                ((c, chain, m, write("one", [{"hash": 1}])), "2 to 1000 miners"),
                ((c, chain, m, write("two", [{"hash": 1, "identities": 2}, {"hash": 1}])), "one identity"),
                ((c, chain, m, write("little", [{"hash": 1, "stake": "0.1 coin"}, {"hash": 1}])), "no chain can have these rules and stakes"),
                (("--supply", "5 coin"), "--supply goes with --miners"),
                (("--settle", "x"), "--settle"),
            ]:
                done = network(*args)
                self.assertEqual(done.returncode, 2, (args, done.stderr))
                self.assertIn(words, done.stderr)
                self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))

    def test_threads_change_nothing(self):
        for model in "nodes", "blocks":
            args = ["--model", model, "--nodes", "4", "--peers", "1", "--blocks", "30", "--runs", "4", "--json"]
            outputs = {network(*args, "--threads", n).stdout for n in ("1", "2", "4")}
            self.assertEqual(len(outputs), 1)
            self.assertNotEqual(outputs, {network(*args, "--seed", "2").stdout})

    def test_model_of_blocks(self):
        """What Decker and Wattenhofer expect of the delay, by ten thousand blocks; of many nodes; and of large blocks."""
        a = answer("--model", "blocks", "--nodes", "10", "--latency", "400", "--blocks", "1000", "--runs", "10")
        self.assertEqual((a["model"], a["nodes"], a["block_bytes"]), ("blocks", 10, 630))
        self.near(a["stale_rate"], a["expected_stale_rate"], 5 * a["standard_error"] + 0.05 * a["expected_stale_rate"])
        self.assertLess(a["standard_error"], a["stale_rate"] / 10)
        self.near(a["deliveries"], 9 * a["found"], a["found"])
        many = answer("--model", "blocks", "--nodes", "20000", "--blocks", "10", "--runs", "2", "--peers", "1")
        self.assertGreater(many["deliveries"], 100000)
        self.assertLess(many["propagation_p50_ms"], many["propagation_p90_ms"])
        self.assertLessEqual(many["propagation_p90_ms"], many["propagation_p99_ms"])
        large = answer("--model", "blocks", "--nodes", "10", "--blocks", "100", "--runs", "2", "--block-bytes", "1000000")
        self.assertGreater(large["propagation_p50_ms"], 800)  # what a megabyte takes

    def test_miners_by_the_model_of_blocks(self):
        """Shares as without a network where lines are short; and more miners than whole nodes could be."""
        with tempfile.TemporaryDirectory() as folder:
            files = self.files(folder)
            a = answer("--model", "blocks", *files, "--latency", "10", "--runs", "10", "--settle", "150", "--blocks", "2000")
            for row in a["miners"]:
                for key in "share", "found_share":
                    self.near(row[key], row["expected_share"], 5 * (row[key + "_standard_error"] ** 2 + row["expected_share_standard_error"] ** 2) ** 0.5)
            self.assertLess(a["miners"][0]["share_standard_error"], 0.005)
            self.near(a["mean_ratio"], 1, 0.05)
            with open(files[3], "w") as f:
                json.dump([{"hash": 1, "count": 1500}, {"name": "large", "hash": 500}], f)
            b = answer("--model", "blocks", "--miners", files[3], "--blocks", "50", "--runs", "4")
            self.assertEqual((b["nodes"], len(b["share"])), (1501, 1501))
            self.near(b["share"][1500], 0.25, 6 * (0.25 * 0.75 / b["found"]) ** 0.5)

    def test_html_of_the_model_of_blocks(self):
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "network.html")
            done = network("--model", "blocks", "--blocks", "20", "--runs", "2", "--html", page)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(page) as f:
                self.assertIn("How a block spreads", f.read())

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
        for more in ["--nodes", "200"], ["--model", "blocks", "--nodes", "20000"]:
            self.interrupt_first_run(*more)

    def interrupt_first_run(self, *more):
        args = [POSW, "lab", "network", "--blocks", "10000", "--runs", "2", *more]
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
            (["--nodes", "1001"], "1000"),
            (["--model", "blocks", "--nodes", "20001"], "--nodes must be a whole number from 2 to 20000"),
            (["--model", "birds"], "--model"),
            (["--model", "blocks", "--attack", "selfish"], "--attack selfish does not go with --model blocks"),
            (["--model", "blocks", "--alpha", "0.4"], "--alpha does not go with --attack none"),
            (["--block-bytes", "5000"], "--block-bytes does not go with --model nodes"),
            (["--model", "blocks", "--block-bytes", "5"], "--block-bytes"),
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
