#!/usr/bin/env python3
"""What the founder and the miner ask the laboratory: posw lab compare, design and miner, from outside.

POSW=build/posw python3 -m unittest tests/functional/test_lab_founder.py
"""
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
POSW = os.environ.get("POSW", str(ROOT / "build/posw"))
TIME_S = 900  # for busy machines; design takes half a minute of processor time


def run(*words):
    done = subprocess.run([POSW, *words], capture_output=True, text=True, timeout=TIME_S, stdin=subprocess.DEVNULL, start_new_session=True)
    return done.returncode, done.stdout, done.stderr


class Case(unittest.TestCase):
    def ok(self, *words):
        code, out, err = run(*words)
        self.assertEqual((code, err), (0, ""), words)
        return out

    def lab(self, *words):
        return json.loads(self.ok("lab", *words, "--json"))

    def refused(self, part, *words):
        code, out, err = run(*words)
        self.assertEqual((code, out), (2, ""), words)
        self.assertIn(part, err)
        self.assertEqual(err.count("\n"), 1)


class Compare(Case):
    QUICK = ("compare", "--blocks-per-year", "5000", "--seeds", "3")

    def test_scoreboard(self):
        rows = {r["rule"]: r for r in self.lab(*self.QUICK)["rules"]}
        self.assertEqual(list(rows), ["ticket", "quarkchain", "diode", "quadratic", "linear", "sqrt", "pow"])
        # 200 Pareto miners: who is active, and how many have more than half
        self.assertEqual({n: (r["survivors"], r["nakamoto_now"]) for n, r in rows.items()},
                         {"ticket": (200, 31), "quarkchain": (200, 31), "diode": (12, 6), "quadratic": (2, 1), "linear": (3, 1), "sqrt": (4, 1), "pow": (200, 101)})
        for depth, cost in (("6", 2241), ("60", 22407), ("window", 753354)):
            self.assertAlmostEqual(rows["ticket"][f"cost_{depth}_usd"] / cost, 1, 3)
        self.assertAlmostEqual(rows["pow"]["hash_reward_share"], 0.995, 3)
        self.assertAlmostEqual(rows["ticket"]["hash_reward_share"], 0.75, 9)
        # tickets and proof of work keep shares as they are, power rules do not
        for name in ("ticket", "pow"):
            self.assertGreaterEqual(rows[name]["nakamoto"], 24)
        self.assertLessEqual(rows["quadratic"]["nakamoto"], 4)
        self.assertGreater(rows["ticket"]["small_earnings"], 0.85)
        self.assertLess(rows["quadratic"]["small_earnings"], 0.01)
        for key in ("gini", "small_earnings", "small_variation"):
            self.assertGreater(rows["ticket"][key + "_standard_error"], 0)

    def test_threads_do_not_matter(self):
        words = ("lab", *self.QUICK, "--rules", "ticket,linear", "--years", "3", "--json")
        self.assertEqual(self.ok(*words, "--threads", "1"), self.ok(*words, "--threads", "3"))
        self.assertNotEqual(self.ok(*words), self.ok(*words, "--seed", "2"))

    def test_nobody_stakes(self):
        """Every rule is plain proof of work then, and nobody earns more or less than its fair part."""
        with tempfile.TemporaryDirectory() as folder:
            scenario = os.path.join(folder, "scenario.json")
            pathlib.Path(scenario).write_text(json.dumps({"price_usd": 1, "supply": 1e7, "issuance_per_year": 0.05, "staked_share": 0}))
            rows = self.lab(*self.QUICK, "--scenario", scenario)["rules"]
        self.assertEqual(len(rows), 7)
        for row in rows:
            self.assertEqual((row["survivors"], row["nakamoto_now"]), (200, 101), row["rule"])
            self.assertLess(abs(row["small_earnings"] - 1), 0.1, row["rule"])

    def test_smooth_rules_are_not_simulated(self):
        row, = self.lab(*self.QUICK, "--rules", "(1+x)^2")["rules"]
        self.assertAlmostEqual(row["cost_60_usd"] / 2177, 1, 2)
        self.assertIsNone(row["gini"])

    def test_refusals(self):
        self.refused("--rules: 'heavy'", "lab", "compare", "--rules", "ticket,heavy")
        self.refused("--scenario", "lab", "compare", "--scenario", "nowhere")
        self.refused("--seeds", "lab", "compare", "--seeds", "1")
        self.refused("--months", "lab", "compare", "--months", "1")


LONG = unittest.skipUnless(os.environ.get("POSW_LONG"), "searches all designs once more: POSW_LONG=1 is not set")
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


class Design(Case):
    def test_design(self):
        with tempfile.TemporaryDirectory() as folder:
            chain, page = os.path.join(folder, "chain.json"), os.path.join(folder, "design.html")
            d = self.lab("design", "--supply", "10000000", "--price", "1", "--issuance", "0.05", "--miners", "200", "--rentable-hash", "5", "--block-time", "60",
                         "--value-at-risk", "100000", "--name", "Ada & <Co>", "--out", chain, "--html", page)
            self.assertTrue(d["complete"])
            # the choice beats the defaults by what it says itself, and terms add up to the points
            self.assertEqual(d["beats_default"], d["objective"] < d["objective_default"])
            self.assertLessEqual(d["objective"], d["objective_default"])
            for points, column in ((d["objective"], "choice_points"), (d["objective_default"], "default_points")):
                self.assertAlmostEqual(sum(t[column] for t in d["terms"]), points, 9)
            # what a term comes from stands beside its points
            terms = {t["term"]: t for t in d["terms"]}
            for name in ("electricity", "difficulty"):
                for column in ("default", "choice"):
                    self.assertAlmostEqual(terms[name]["weight"] * terms[name][column], terms[name][column + "_points"], 9)
            self.assertAlmostEqual(terms["difficulty"]["choice"], d["late_days"] + d["hopper_gain"], 9)
            self.assertGreater(d["hopper_gain_standard_error"], 0)
            # the defaults are those of chain new
            usual = os.path.join(folder, "usual.json")
            self.assertEqual(run("chain", "new", "--name", "A", "--ticker", "A", "--chain-id", "7", "--block-time", "60", "--accounts", ADDRESS + "=10000000coin", usual)[0], 0)
            lengths = json.loads(pathlib.Path(usual).read_text())
            self.assertAlmostEqual(terms["locks"]["default"], (2 * lengths["epoch"] + lengths["unbonding"]) * 60 / 86400, 9)
            self.assertEqual(d["best"][0]["points"], d["objective"])
            self.assertEqual(d["best"][0]["half_life"], d["half_life"])
            self.assertEqual([b["points"] for b in d["best"]], sorted(b["points"] for b in d["best"]))
            self.assertGreaterEqual(d["boost"], 10)
            # the chain file is what the report says, and the node's own check accepts it
            code, out, _ = run("chain", "check", chain)
            self.assertEqual(code, 0, out)
            written, shown = json.loads(pathlib.Path(chain).read_text()), json.loads(d["chain_file"])
            self.assertGreater(written.pop("timestamp"), shown.pop("timestamp"))
            self.assertEqual(written, shown)
            self.assertEqual((written["window"], written["weight"]["boost"], written["weight"]["slots"]), (d["window"], d["boost"], d["slots"]))
            self.assertAlmostEqual(float(written["reward"]["initial"].split()[0]) * 365.25 * 24 * 60 / 1e7, 0.05, 9)
            # an attack at the depth that is called safe costs more than the value at risk, one block less does not
            scenario = os.path.join(folder, "scenario.json")
            pathlib.Path(scenario).write_text(json.dumps({"price_usd": 1, "supply": 1e7, "issuance_per_year": 0.05, "interest_rate": 0.05, "delta": 0.3}))
            costs = [self.lab("attack", "--chain", chain, "--scenario", scenario, "--depth", str(int(d["safe_blocks"]) - less))["cost_usd"] for less in (0, 1)]
            self.assertTrue(costs[1] < 100000 <= costs[0], costs)
            # and so with false times, for which more blocks must come first
            self.assertGreater(d["false_times_safe_blocks"], d["safe_blocks"])
            false = [self.lab("attack", "--chain", chain, "--scenario", scenario, "--depth", str(int(d["false_times_safe_blocks"]) - less)) for less in (0, 1)]
            self.assertGreaterEqual(false[0]["false_times_cost_usd"], 100000)
            self.assertEqual([a["false_times_blocks"] for a in false], [d["safe_blocks"], d["safe_blocks"] - 1])
            # hash power that leaves: five sixths of it, if all for rent did
            self.assertAlmostEqual(d["loss_share"], 5 / 6, 9)
            self.assertLess(d["loss_attack_blocks"], d["safe_blocks"])
            self.assertLess(d["loss_cost_usd"], 100000)
            self.assertGreater(d["loss_safe_blocks"], d["false_times_safe_blocks"])
            self.assertEqual(len([v for v in d["verdict"] if "the points count no loss of it. When 83.3 % of it has left" in v]), 1)
            # what the poorest earn is told for the stake that was asked about, too
            miners, = (v for v in d["verdict"] if v.startswith("Miners:"))
            figures = [float(n) / 100 for n in re.findall(r"([\d.]+) %", miners)]
            for figure, want in zip(figures, (d["small_earnings_simulated"], d["small_earnings"]), strict=True):
                self.assertAlmostEqual(figure, want, 2)
            self.assertGreaterEqual(len([n for n in d["notes"] if n.startswith("it does not protect")]), 5)
            # with the expected coins in it, the node has no fault to find with the file, and neither has the report
            ready = os.path.join(folder, "ready.json")
            stakes = ",".join(f"0x{i:040x}=10%" for i in range(1, 5))
            self.assertEqual(run("chain", "new", "--name", "A", "--ticker", "A", "--chain-id", "7", "--rules", chain, "--supply", "10000000 coin", "--accounts", ADDRESS + "=60%",
                                 "--stakes", stakes, ready)[0], 0)
            self.assertEqual(json.loads(self.ok("chain", "check", "--json", ready))["warnings"], [])
            self.assertEqual([n for n in d["notes"] if n.startswith("posw chain check")], [])
            self.assertIn("Ada &amp; &lt;Co&gt;", pathlib.Path(page).read_text())
            code, _, err = run("lab", "design", "--months", "2", "--out", chain)
            self.assertEqual(code, 1)
            self.assertIn("exists already", err)

    def test_interrupt(self):
        """A search that was ended gives no advice, and writes no chain file."""
        with tempfile.TemporaryDirectory() as folder:
            chain, market = os.path.join(folder, "chain.json"), os.path.join(folder, "market.json")
            pathlib.Path(market).write_text('{"price_usd": 2, "supply": 4000000, "issuance_per_year": 0.1, "rentable_hash_ratio": 3, "value_at_risk_usd": 777}')
            process = subprocess.Popen([POSW, "lab", "design", "--out", chain, "--scenario", market, "--supply", "5000000", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
            while True:  # until it has worked a little: the whole search takes some fifty times as long
                with open(f"/proc/{process.pid}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > .3:
                    break
                time.sleep(.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIME_S)
            self.assertEqual(process.returncode, 1)
            self.assertIn("chain.json is not written", err)
            self.assertFalse(os.path.exists(chain))
            d = json.loads(out)
            self.assertFalse(d["complete"])
            self.assertIn("no advice", d["verdict"][0])
            self.assertNotIn("Take the defaults", " ".join(d["verdict"]))
            # what the scenario says, where no option says otherwise
            self.assertEqual([d[key] for key in ("supply", "price", "rentable_hash", "value_at_risk")], [5000000, 2, 3, 777])

    @LONG
    def test_false_times_save_no_hash(self):
        """Where next to nothing is staked, hash is what an attack costs, and false times do not make it cheaper."""
        d = self.lab("design", "--staked", "0.001")
        self.assertGreater(d["safe_blocks"], 10000)
        self.assertLess(d["false_times_safe_blocks"], 1.02 * d["safe_blocks"])

    def test_no_design_is_safe(self):
        d = self.lab("design", "--value-at-risk", "1e8")
        self.assertFalse(d["beats_default"])
        self.assertEqual((d["objective"], d["false_times_safe_blocks"], d["loss_safe_blocks"]), (None, None, None))
        self.assertIn("None of the designs makes a payment of 100,000,000 USD safe", d["verdict"][0])
        self.assertFalse([v for v in d["verdict"] if "Take the defaults" in v])

    @LONG
    def test_what_weighs_nothing(self):
        """It does not count, however bad it is; what chain check says of the file is said at once."""
        d = self.lab("design", "--value-at-risk", "1e8", "--weights", "waiting=0", "--block-time", "2")
        self.assertTrue(d["beats_default"])
        self.assertIsNone(d["false_times_safe_blocks"])
        self.assertEqual(len([n for n in d["notes"] if n.startswith("posw chain check: blockTime is below 5 s")]), 1)

    def test_refusals(self):
        with tempfile.TemporaryDirectory() as folder:
            for key, value, option in (("miners", 100000, "--miners"), ("staked_share", 0, "--staked")):
                scenario = os.path.join(folder, key)
                pathlib.Path(scenario).write_text(json.dumps({"price_usd": 1, "supply": 1e7, "issuance_per_year": 0.05, key: value}))
                self.refused(f"has {value}: give {option}", "lab", "design", "--scenario", scenario)
        for words, part in ((("--weights", "waiting"), "--weights: write TERM=NUMBER"), (("--weights", "speed=1"), "--weights"), (("--supply", "0"), "--supply"),
                            (("--block-time", "1"), "--block-time"), (("--name", "x" * 33), "--name"), (("--difficulty", "x"), "--difficulty"), (("--scenario", "nowhere"), "--scenario"),
                            (("--rentable-hash", "-1"), "--rentable-hash"), (("--miners", "2.5"), "--miners"), (("--name", ""), "name")):
            self.refused(part, "lab", "design", *words)


class Miner(Case):
    def test_plain_proof_of_work_is_arithmetic(self):
        m = self.lab("miner", "--weight", "pow", "--hashrate", "1000", "--network-hash", "99000", "--watts", "100", "--kwh", "0.2", "--price", "2", "--reward", "3", "--hardware", "480", "--lifetime", "4")
        month_s = 86400 * 365.25 / 12
        blocks = 0.01 * month_s / 15
        self.assertAlmostEqual(m["share"], 0.01, 12)
        self.assertAlmostEqual(m["income_usd_month"], blocks * 6, 6)
        self.assertAlmostEqual(m["power_usd_month"], 0.1 * month_s / 3600 * 0.2, 9)
        self.assertAlmostEqual(m["profit_usd_month"], m["income_usd_month"] - m["power_usd_month"] - 10, 6)
        self.assertAlmostEqual(m["first_block_mean_days"] * 86400, 1500, 6)
        self.assertAlmostEqual(m["first_block_median_days"] / m["first_block_mean_days"], 0.6931, 2)
        self.assertAlmostEqual(m["income_variation"], (0.99 / blocks) ** 0.5, 3)
        self.assertEqual((m["marginal_stake"], m["advice"]), (0, "more hardware"))

    def test_stake_before_hardware_where_tickets_run_out(self):
        words = ("miner", "--hashrate", "8000", "--watts", "120", "--kwh", "0.3", "--price", "0.5", "--network-hash", "400000")
        few, many = self.lab(*words, "--stake", "2500"), self.lab(*words, "--stake", "500000")
        self.assertEqual((few["tickets"], few["advice"]), (2, "more stake"))
        self.assertEqual(many["advice"], "more hardware")
        # two tickets of 2016 blocks: at most 2/2016 of the blocks, and almost as regular as a clock
        self.assertLess(few["share"], 2 / 2016)
        self.assertLess(few["income_variation"], 0.02)
        self.assertGreater(many["share"], few["share"])

    def test_what_is_drawn_has_a_seed_and_an_error(self):
        words = ("miner", "--weight", "pow", "--hashrate", "1", "--network-hash", "100000")
        m = self.lab(*words)
        blocks = m["blocks_month"]
        self.assertEqual(m["seed"], 1)
        self.assertIn("20000 months", m["model_text"])
        # Poisson: the spread is 1 / sqrt(blocks); every sixth month is empty
        for seed in range(1, 6):
            m = self.lab(*words, "--seed", str(seed))
            self.assertLess(abs(m["income_variation"] - blocks**-0.5), 5 * m["standard_error"])
            self.assertLess(m["standard_error"] / m["income_variation"], 0.02)
            self.assertLess(abs(m["no_block_month"] - math.exp(-blocks)), 5 * m["no_block_month_standard_error"])
        # what was never seen is not impossible
        self.assertGreater(self.lab("miner", "--hashrate", "8000")["no_block_month_standard_error"], 0)

    def test_chain_file_and_no_ticket(self):
        with tempfile.TemporaryDirectory() as folder:
            chain = os.path.join(folder, "chain.json")
            code, _, err = run("chain", "new", "--name", "M", "--ticker", "M", "--chain-id", "7", "--accounts", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=8064000coin", chain)
            self.assertEqual(code, 0, err)
            m = self.lab("miner", "--chain", chain, "--hashrate", "1000", "--stake", "999")
            self.assertEqual((m["ticket_price"], m["tickets"]), (1000, 0))
            self.assertLess(m["share"], 1e-4)
            self.assertEqual(self.lab("miner", "--chain", chain, "--hashrate", "1000", "--stake", "1000")["tickets"], 1)

    def test_refusals(self):
        for words, part in (((), "--hashrate is needed"), (("--hashrate", "0"), "--hashrate"), (("--hashrate", "1", "--weight", "heavy"), "--weight"),
                            (("--hashrate", "1", "--stake", "1e7"), "more than the supply"), (("--hashrate", "1", "--chain", "nowhere"), "nowhere")):
            self.refused(part, "lab", "miner", *words)


if __name__ == "__main__":
    unittest.main()
