"""The Monte Carlo of the laboratory, from outside: figures that are known, the same answer for any number of threads, what
Ctrl-C leaves, and what a person reads when something is wrong. Statistical bounds are five standard errors or more, with
fixed seeds.

    POSW=build/posw python3 tests/functional/test_lab_rules.py
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
VECTORS = os.path.join(HERE, "..", "vectors")
COMMAND_S = 240

# Every command of the Monte Carlo, as small as it comes, and the keys that it promises.
COMMANDS = {
    "shares": (["shares", "--chain", "CHAIN", "--miners", "MINERS", "--blocks", "16000", "--period", "100"],
               ["share", "boosted_share", "miners", "phi", "effective_work", "mean_ratio", "worst_gap"]),
    "difficulty": (["difficulty", "--rule", "asert", "--half-life-blocks", "60", "--scenario", "on-off", "--blocks", "16000"],
                   ["mean_ratio", "difficulty_sd", "attacker_advantage", "delay_percent", "p_below_goal"]),
    "timestamps": (["timestamps", "--blocks", "3200"], ["rules"]),
    "fairness": (["fairness", "--rule", "linear", "--years", "1", "--blocks-per-year", "5000"],
                 ["gini", "hhi", "nakamoto", "years"]),
    "bootstrap": (["bootstrap", "--blocks", "2400"], ["stakers_share", "phases"]),
    "scarce": (["scarce", "--tickets", "1", "--window", "100", "--blocks", "3200"], ["lines"]),
    "splitting": (["splitting", "--blocks", "1600"], ["rules"]),
    "double-spend": (["double-spend", "--q", "0.3", "--z", "6", "--model", "simulate", "--trials", "3000"],
                     ["probability", "standard_error"]),
    "selfish": (["selfish", "--alpha", "0.4", "--gamma", "0.5", "--simulate", "--ticket-share", "0.5", "--blocks", "32000"],
                ["revenue", "standard_error"]),
    "selfish threshold": (["selfish", "--threshold", "--times", "true", "--half-life-blocks", "36", "--blocks", "8000"],
                          ["threshold", "standard_error"]),
    "selfish with times": (["selfish", "--alpha", "0.4", "--times", "false", "--rule", "asert", "--trail", "1", "--blocks", "32000"],
                           ["revenue", "standard_error", "closed_form_earlier", "hardness"]),
}


def lab(*args):
    return subprocess.run([POSW, "lab", *args], capture_output=True, text=True, timeout=COMMAND_S, start_new_session=True)


class Base(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, value):
        with open(self.path(name), "w") as f:
            f.write(value if isinstance(value, str) else json.dumps(value))
        return self.path(name)

    def chain(self, name="chain.json", **weight):
        """A chain with the ticket rule, its window among the arguments."""
        window = weight.pop("window", 2000)
        return self.write(name, {"name": "Trial", "ticker": "TRY", "chainId": 4242, "timestamp": 1790000000, "window": window,
                                 "weight": {"rule": "ticket", "slots": 4, "boost": 1024, "price": "1000 coin", **weight}})

    def answer(self, *args):
        done = lab(*args, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refused(self, *args, says):
        done = lab(*args)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.strip().split("\n")), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def command(self, name):
        self.chain(window=100)
        self.write("miners.json", [{"name": "a", "hash": 3, "stake": "5000 coin", "count": 20},
                                   {"hash": 1.5, "stake": "2000 coin", "identities": 2}])
        files = {"CHAIN": self.path("chain.json"), "MINERS": self.path("miners.json")}
        return [files.get(a, a) for a in COMMANDS[name][0]]


class AllCommands(Base):
    def test_keys_and_threads(self):
        """The promised keys; and the same bytes for one thread and for several, and other ones for another seed."""
        for name, (_, keys) in COMMANDS.items():
            with self.subTest(name):
                args = self.command(name)
                one = lab(*args, "--json", "--threads", "1")
                many = lab(*args, "--json", "--threads", "7")
                other = lab(*args, "--json", "--seed", "2")
                self.assertEqual(one.returncode, 0, one.stderr)
                self.assertEqual(one.stdout, many.stdout)
                self.assertNotEqual(one.stdout, other.stdout)
                report = json.loads(one.stdout)
                for key in keys:
                    self.assertIn(key, report)
                self.assertTrue(report["complete"])
                self.assertNotEqual(report["model_text"], "")

    def test_text(self):
        text = lab(*self.command("difficulty"))
        self.assertEqual(text.returncode, 0)
        self.assertIn("Model: ", text.stdout)

    def test_help(self):
        for name in {args[0] for args, _ in COMMANDS.values()}:
            done = lab(name, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("Example:", done.stdout)
            self.assertIn("posw lab " + name, done.stdout)

    def test_page(self):
        page = self.path("page.html")
        self.assertEqual(lab(*self.command("fairness"), "--html", page).returncode, 0)
        with open(page) as f:
            self.assertIn("Concentration of wealth", f.read())

    def until_at_work(self, pid):
        """Until the process has used half a second of processor time: by then it runs its tasks."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > .5:
                return
            time.sleep(.05)
        self.fail("it does not work")

    def test_interrupt(self):
        """Ctrl-C ends a long run at once with what is done."""
        long_ones = {"shares": "--blocks", "difficulty": "--blocks", "selfish": "--blocks", "selfish threshold": "--blocks",
                     "double-spend": "--trials", "timestamps": "--blocks", "scarce": "--blocks"}
        for name, option in long_ones.items():
            with self.subTest(name):
                args = self.command(name)
                args[args.index(option) + 1] = str(10**11)
                self.assertIn(COMMANDS[name][1][0], self.interrupted(*args))

    def interrupted(self, *args):
        process = subprocess.Popen([POSW, "lab", *args, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, start_new_session=True)
        self.until_at_work(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        report = json.loads(out)
        self.assertFalse(report["complete"])
        return report

    def test_interrupt_splitting(self):
        """Figures that were not begun are none, and no share of 0."""
        row, = self.interrupted("splitting", "--blocks", str(10**11))["rules"]
        self.assertEqual({k: row[k] for k in ("split_2", "split_10", "merged_2", "split_20")},
                         {"split_2": None, "split_10": None, "merged_2": None, "split_20": None})


class Scarce(Base):
    def test_plenty_and_few(self):
        """Work against all hash boosted, by the tickets for each block of the window: Erlang's loss, and far less where they run out."""
        for tickets, work in ("2", .993), ("1.25", .865), ("1.1", .59):
            line, = self.answer("scarce", "--tickets", tickets)["lines"]
            self.assertAlmostEqual(line["effective_work"], work, delta=5 * line["standard_error"] + .005)
            self.assertAlmostEqual(line["mean_ratio"], 1, delta=.002)
        line, = self.answer("scarce", "--tickets", "0.5", "--boost", "16", "--blocks", "1600000")["lines"]
        self.assertAlmostEqual(line["effective_work"], .124, delta=.006)
        self.assertAlmostEqual(line["boosted_blocks"], .5, delta=.02)
        self.assertLess(line["worst_gap"], 60)


class Shares(Base):
    def phi(self, tickets, chain):
        miners = self.write("m.json", [{"hash": 1, "stake": f"{1000 * tickets} coin", "count": 4000 // tickets}])
        return self.answer("shares", "--chain", chain, "--miners", miners, "--blocks", "400000")

    def test_erlang(self):
        """Two tickets for each block of the window, in ones and in fives: Erlang's loss."""
        chain = self.chain(boost=1000000)
        for tickets, phi in (1, .5), (5, .9113):
            report = self.phi(tickets, chain)
            self.assertAlmostEqual(report["phi"], phi, delta=.003)
            self.assertEqual(len(report["boosted_share"]), 4000 // tickets)
            self.assertAlmostEqual(sum(report["boosted_share"]) / len(report["boosted_share"]), phi, delta=.003)
            self.assertAlmostEqual(sum(report["share"]), 1, delta=1e-9)

    def test_giant(self):
        chain = self.chain(window=1000, boost=1000000)
        miners = self.write("m.json", [{"name": "giant", "hash": 100, "stake": "20000 coin"},
                                       {"hash": 1, "stake": "20000 coin", "count": 100}])
        report = self.answer("shares", "--chain", chain, "--miners", miners)
        self.assertAlmostEqual(report["share"][0], .0200, delta=.0003)
        self.assertEqual(report["miners"][0]["name"], "giant")
        self.assertEqual(report["miners"][0]["tickets"], 20)
        self.assertLess(report["miners"][0]["boosted_share"], .05)

    def test_refusals(self):
        chain = self.chain()
        good = self.write("good.json", [{"hash": 1}])
        self.refused("shares", "--chain", chain, says="--miners")
        self.refused("shares", "--chain", self.path("none"), "--miners", good, says="none")
        self.refused("shares", "--chain", good, "--miners", good, says="good.json")
        self.refused("shares", "--chain", chain, "--miners", good, "--blocks", "1", says="--blocks")
        self.refused("shares", "--chain", self.chain("much.json", boost=str(2**40 + 1)), "--miners", good, says="2^40")
        self.refused("scarce", "--boost", str(2**40 + 1), says="--boost")
        bad = [("", "is not JSON"), ('[{"hash": 1},]', "line 1"), ("[]", "JSON list"), ("[1]", "object"), ([{"hash": -1}], "hash"), ([{"stake": "1 coin"}], "hash"),
               ([{"hash": 1, "stake": 5}], "stake"), ([{"hash": 1, "count": 0}], "count"), ([{"hash": 0}], "hash"), ([{"hash": 1e-300}], "1e-30"),
               ([{"hash": 1, "identities": 70000}], "identities"), ([{"hash": 1, "hsah": 1}], "only"),
               ([{"hash": 1, "count": 65536}, {"hash": 1}], "at most")]
        for value, says in bad:
            self.refused("shares", "--chain", chain, "--miners", self.write("bad.json", value), says=says)
        derived = self.write("derived.json", {"name": "T", "ticker": "T", "chainId": 4242, "timestamp": 1})
        stake = self.write("stake.json", [{"hash": 1, "stake": "5 coin"}])
        self.refused("shares", "--chain", derived, "--miners", stake, says="--supply")
        self.refused("shares", "--chain", derived, "--miners", stake, "--supply", "4 coin", says="--supply")
        self.answer("shares", "--chain", derived, "--miners", stake, "--supply", "10000 coin", "--blocks", "1600")


class Difficulty(Base):
    def test_official_runs(self):
        lines = [10, 10, 10, 225, 225, 1000, 1000, 500]
        for i, count in enumerate(lines):
            report = self.answer("difficulty", "--rule", "asert", "--check", f"{VECTORS}/asert/run{i + 1:02}")
            self.assertEqual((report["lines"], report["mismatches"]), (count, 0))
        self.assertEqual(self.answer("difficulty", "--check", f"{VECTORS}/asert/run01")["mismatches"], 0)
        with open(f"{VECTORS}/asert/run05") as f:
            text = f.read()
        self.assertIn("0x1c7f62c0", text)
        changed = self.write("run", text.replace("0x1c7f62c0", "0x1c7f62c1"))
        self.assertEqual(self.answer("difficulty", "--rule", "asert", "--check", changed)["mismatches"], 1)
        self.refused("difficulty", "--rule", "asert", "--check", self.write("no", "1 2 3 0x1d00ffff\n"), says="aserti3-2d")
        self.refused("difficulty", "--rule", "step", "--check", changed, says="asert")
        self.refused("difficulty", "--rule", "asert", "--check", "/dev/zero", says="regular file")
        self.assertEqual(self.answer("difficulty", "--rule", "asert", "--check", self.write("run", text.replace("\n", "\r\n").rstrip()))["mismatches"], 0)

    def next(self, rule, case):
        return self.answer("difficulty", "--rule", rule, "--next", self.write("case.json", case))

    def test_next(self):
        x, times, difficulties = 42, [1000], []
        for i in range(60):
            x = (1103515245 * x + 12345) % 2**31
            times.append(times[-1] + 1 + (x >> 8) % 120)
            difficulties.append(100100 + 100 * i)
        case = {"blockTime": 60, "blocks": 60, "timestamps": times, "difficulties": difficulties}
        self.assertEqual(self.next("lwma3", case)["difficulty"], 99444)
        report = self.next("step", {"parentDifficulty": 1000000, "elapsed": [1, 1, 20, 15, 14, 15]})
        self.assertEqual([s["difficulty"] for s in report["steps"]],
                         ["1100000", "1210000", "1089000", "980100", "1078110", "970299"])
        case = {"parentDifficulty": "1000000000000", "firstTimestamp": 0, "lastTimestamp": 2016 * 600}
        self.assertEqual(self.next("bitcoin2016", case)["difficulty"], 10**12)
        case["lastTimestamp"] = 1
        self.assertAlmostEqual(self.next("bitcoin2016", case)["difficulty"], 4 * 10**12, delta=2)
        case = {"anchorTarget": str(2**230), "timeDiff": 600 + 172800, "heightDiff": 0}
        self.assertEqual(self.next("asert", case)["difficulty"], (2**256 - 1) // 2**231)

    def test_next_asert_lag(self):
        """Against the specification's chains: from all timestamps since genesis, and from the least that the rule looks at."""
        with open(f"{VECTORS}/spec/difficulties.json") as f:
            chains = [c for c in json.load(f)["cases"] if c["rule"] == "asert-lag" and int(c["chain"][-1][0]) < 2**60]
        cases = []
        for c in chains:
            times = [c["genesisTimestamp"], *(int(t) for t, _ in c["chain"])]
            for number in 0, 1, len(c["chain"]) // 2, len(c["chain"]) - 1:
                for kept in number + 1, min(c["blocks"] // 16, number) + 1:
                    cases.append({"genesisDifficulty": c["genesisDifficulty"], "genesisTime": times[0], "blockTime": c["blockTime"], "halfLife": c["blocks"],
                                  "number": number, "timestamps": times[number + 1 - kept:number + 1], "expected": c["chain"][number][1]})
        report = self.next("asert-lag", cases)
        self.assertEqual((report["lines"], report["mismatches"]), (len(cases), 0))
        self.assertGreater(len(cases), 100)
        cases[0]["genesisTime"] += 1000
        self.assertEqual(self.next("asert-lag", cases)["mismatches"], 1)

    def test_ethereum(self):
        """Ethereum's own tests, in the shape of their files."""
        for rule in "homestead", "byzantium":
            cases = {}
            with open(f"{VECTORS}/difficulty/{rule}.txt") as f:
                for i, line in enumerate(f):
                    number, parent, before, uncles, now, difficulty = line.split()
                    cases[f"DifficultyTest{i}"] = {
                        "currentBlockNumber": hex(int(number)), "parentDifficulty": parent, "parentTimestamp": hex(int(before)),
                        "parentUncles": "0x0" + uncles, "currentTimestamp": hex(int(now)), "currentDifficulty": difficulty}
            report = self.next(rule, {"difficulty": {"_info": {"comment": "x"}, "Fork": cases}})
            self.assertEqual((report["lines"], report["mismatches"]), (len(cases), 0))
            self.assertGreater(len(cases), 2000)

    def test_refusals(self):
        self.refused("difficulty", "--rule", "wish", says="--rule")
        self.refused("difficulty", "--rule", "step", "--half-life-blocks", "5", says="--half-life-blocks")
        self.refused("difficulty", "--scenario", "rain", says="--scenario")
        self.refused("difficulty", "--scenario", "on-off", "--on", "2", says="--on")
        for option, scenario in ("on", "rented"), ("off", "constant"), ("every", "on-off"), ("duration", "constant"), ("factor", "constant"):
            self.refused("difficulty", "--scenario", scenario, "--" + option, "1", says=f"--{option} goes with --scenario")
        self.refused("difficulty", "--rule", "fixed", "--next", self.write("c.json", {}), says="--next")
        bad = [("step", "{", "JSON"), ("step", "[5]", "object"), ("step", {"parentDifficulty": 1}, "elapsed"),
               ("step", {"parentDifficulty": 0, "elapsed": [1]}, "parentDifficulty"), ("step", [], "no case"),
               ("lwma3", {"timestamps": [1], "difficulties": [1]}, "timestamps"), ("homestead", {}, "parentTimestamp"),
               ("asert", {"anchorTarget": 1}, "timeDiff"), ("asert-lag", {"genesisDifficulty": 1}, "number"),
               ("asert-lag", {"genesisDifficulty": 1, "genesisTime": 0, "number": 64, "timestamps": list(range(63))}, "timestamps"),
               ("asert-lag", {"genesisDifficulty": 1, "genesisTime": 0, "number": 1, "timestamps": [1, 1]}, "must rise"), ("step", {"parentDifficulty": 9, "elapsed": [-1]}, "elapsed"),
               ("step", {"parentDifficulty": 9, "elapsed": [1], "expected": "x"}, "expected")]
        for rule, value, says in bad:
            self.refused("difficulty", "--rule", rule, "--next", self.write("bad.json", value), says=says)

    def test_other_chains(self):
        """Rules for comparison: `posw lab difficulty` has them, chain files do not."""
        for rule, blocks, mean, sd in ("sma", 144, 1.0036, .084), ("cw144", 144, 1.0036, .084), ("wtema", 87, 1.0058, .076), ("lwma1", 60, 1.0031, .132):
            report = self.answer("difficulty", "--rule", rule, "--blocks", "400000")
            self.assertEqual((report["rule"], report["half_life_blocks"]), (rule, blocks))
            self.assertIn("no chain of this kit", report["model_text"])
            self.assertAlmostEqual(report["mean_ratio"], mean, delta=.0012)
            self.assertAlmostEqual(report["difficulty_sd"], sd, delta=.006)
            self.refused("difficulty", "--rule", rule, "--next", self.write("c.json", {}), says="--next")
            self.refused("timestamps", "--rule", rule, says="--rule")
            chain = self.write("other.json", {"name": "T", "ticker": "T", "chainId": 4242, "timestamp": 1, "difficulty": {"rule": rule}})
            self.refused("shares", "--chain", chain, "--miners", self.write("m.json", [{"hash": 1}]), says="difficulty.rule")
        self.assertEqual(self.answer("difficulty", "--rule", "lwma1", "--half-life-blocks", "90", "--blocks", "1600")["half_life_blocks"], 90)
        self.refused("difficulty", "--rule", "cw144", "--half-life-blocks", "90", says="144 blocks")
        self.refused("difficulty", "--rule", "wtema", "--half-life-blocks", "1025", says="--half-life-blocks")

    def test_default(self):
        """Where nothing is said, the rule of a new chain."""
        report = self.answer("difficulty", "--blocks", "1600")
        self.assertEqual((report["rule"], report["half_life_blocks"]), ("asert-lag", 1008))

    def test_means(self):
        constant = ["difficulty", "--scenario", "constant", "--rule"]
        asert = self.answer(*constant, "asert", "--half-life-blocks", "60", "--blocks", "1000000")
        self.assertAlmostEqual(asert["mean_ratio"], 1, delta=2e-4)
        self.assertAlmostEqual(asert["difficulty_sd"], .077, delta=.001)
        self.assertIsNone(asert["attacker_advantage"])
        step = self.answer(*constant, "step", "--blocks", "1000000")
        self.assertAlmostEqual(step["mean_ratio"], 1.278, delta=.009)
        self.assertAlmostEqual(step["p_below_goal"], .525042, delta=.0002)
        homestead = self.answer(*constant, "homestead", "--blocks", "500000")
        self.assertAlmostEqual(homestead["mean_seconds"], 14.427, delta=.02)


class Attacks(Base):
    def test_double_spend(self):
        report = self.answer("double-spend", "--q", "0.3", "--z", "6", "--model", "simulate", "--trials", "200000")
        self.assertAlmostEqual(report["probability"], .089107, delta=6 * report["standard_error"])
        report = self.answer("double-spend", "--q", "0.6", "--z", "6", "--model", "simulate", "--trials", "40000", "--tickets",
                             "10", "--boost", "1000000000")
        self.assertAlmostEqual(report["probability"], .872438, delta=6 * report["standard_error"])
        self.refused("double-spend", "--q", "0.3", "--z", "0", "--model", "simulate", says="--z")
        for option in "--boost", "--window":
            self.refused("double-spend", "--q", "0.3", "--z", "6", "--model", "simulate", option, "100", says=option + " goes with --tickets")
            self.refused("selfish", "--alpha", "0.4", "--simulate", option, "100", says=option + " goes with --ticket-share")

    def test_selfish(self):
        report = self.answer("selfish", "--alpha", "0.4", "--gamma", "0.5", "--simulate", "--blocks", "4000000")
        self.assertAlmostEqual(report["revenue"], .525581, delta=.004)
        report = self.answer("selfish", "--alpha", "0.4", "--gamma", "0.5", "--simulate", "--ticket-share", "0.4", "--blocks",
                             "1000000")
        self.assertAlmostEqual(report["revenue"], .39718, delta=.003)
        few = ["selfish", "--alpha", "0.4", "--ticket-share", "0.4", "--blocks", "320000"]
        self.assertEqual(self.answer(*few), self.answer(*few, "--simulate", "--policy", "sm1"))
        self.refused(*few, "--policy", "optimal", says="--policy sm1")
        self.refused(*few, "--threshold", says="--threshold")
        self.refused("selfish", "--alpha", "0.4", "--simulate", "--tie", "uniform", says="--simulate")
        for alpha in "0.5", "1":  # whose lead need never end: blocks that nobody sees are no result, and no interruption
            self.refused("selfish", "--alpha", alpha, "--simulate", "--blocks", "16000", says="below 0.5")
        for times in "true", "false":
            report = self.answer("selfish", "--alpha", "0.4", "--times", times, "--rule", "asert", "--blocks", "800000")
            self.assertGreater(report["revenue"], .57)
            self.assertLess(report["revenue"], report["closed_form_earlier"])
            self.refused("selfish", "--alpha", "0.4", "--times", times, "--tie", "earlier", says="--tie")
            report = self.answer("selfish", "--alpha", "0.4", "--times", times, "--blocks", "800000")
            self.assertEqual((report["rule"], report["half_life_blocks"]), ("asert-lag", 1008))
            self.assertAlmostEqual(report["revenue"], report["closed_form"], delta=.01)
        self.refused("selfish", "--alpha", "0.4", "--times", "true", "--rule", "step", says="--rule")
        self.refused("selfish", "--alpha", "0.4", "--times", "true", "--rule", "lwma3", "--half-life-blocks", "2000", says="half-life")
        report = self.answer("selfish", "--threshold", "--times", "true", "--rule", "asert", "--blocks", "200000")
        self.assertAlmostEqual(report["threshold"], .274, delta=5 * report["standard_error"])
        self.assertLess(report["standard_error"], .005)
        report = self.answer("selfish", "--alpha", "0.6", "--ticket-share", "0.4", "--blocks", "320000")
        self.assertAlmostEqual(report["revenue"], .4, delta=.012)
        self.assertTrue(report["complete"])

    def test_fairness(self):
        report = self.answer("fairness", "--rule", "quadratic", "--years", "3", "--seeds", "2")
        self.assertEqual([len(report[k]) for k in ("gini", "hhi", "nakamoto", "years")], [4, 4, 4, 4])
        self.assertAlmostEqual(report["gini"][0], .442, delta=.001)
        self.assertEqual(report["nakamoto"][0], 17)
        self.assertGreater(report["gini"][3], report["gini"][0] + .05)
        self.refused("fairness", "--rule", "luck", says="--rule")
        self.refused("fairness", "--years", "0", says="--years")
        self.refused("fairness", "--chain", self.chain(), "--rule", "pow", says="--rule does not go with --chain")


if __name__ == "__main__":
    unittest.main()
