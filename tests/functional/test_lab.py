"""The laboratory's exact commands, from outside: the keys that programs read, the reference figures, and what a person reads when something
is wrong.

POSW names the binary (default: build/posw). Python's standard library only.

    POSW=build/posw python3 tests/functional/test_lab.py              all
    POSW=build/posw python3 tests/functional/test_lab.py Attack       one class
"""

import json
import os
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
POSW = os.path.abspath(os.environ.get("POSW", os.path.join(HERE, "..", "..", "build", "posw")))
SCENARIOS = os.path.join(HERE, "..", "..", "lab", "scenarios")
COMMAND_S = 60


def run(*args):
    return subprocess.run([POSW, "lab", *args], capture_output=True, text=True, timeout=COMMAND_S, stdin=subprocess.DEVNULL)


class LabCase(unittest.TestCase):
    def lab(self, line, *more):
        """The JSON answer to a command line."""
        done = run(*line.split(), *more, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertTrue(answer["model_text"])
        return answer

    def refused(self, line, *words, more=()):
        """Exit code 2 and one sentence with these words."""
        done = run(*line.split(), *more)
        self.assertEqual(done.returncode, 2, (line, done.stdout, done.stderr))
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def near(self, got, want, relative):
        self.assertLess(abs(got / want - 1), relative, (got, want))


class DoubleSpend(LabCase):
    def test_models(self):
        self.assertAlmostEqual(self.lab("double-spend --q 0.1 --z 5 --model nakamoto")["probability"], 0.0009137, delta=5e-8)
        self.assertAlmostEqual(self.lab("double-spend --q 0.3 --z 6 --model rosenfeld")["probability"], 0.156450, delta=1e-6)
        self.assertAlmostEqual(self.lab("double-spend --q 0.3 --z 6 --model strict")["probability"], 0.089107, delta=1e-6)

    def test_tickets(self):
        answer = self.lab("double-spend --q 0.6 --z 6 --model tickets --tickets 10")
        self.assertAlmostEqual(answer["probability"], 0.872438, delta=1e-6)
        self.assertEqual(answer["standard_error"], 0)
        self.assertEqual(self.lab("double-spend --q 0.9 --z 6 --model tickets --tickets 6")["probability"], 0)

    def test_confirmations(self):
        for model, table in (("nakamoto", (5, 15, 89)), ("rosenfeld", (6, 20, 133)), ("strict", (4, 17, 128))):
            for q, z in zip((0.1, 0.25, 0.4), table):
                self.assertEqual(self.lab(f"confirmations --q {q} --risk 0.001 --model {model}")["confirmations"], z)
        self.assertEqual(self.lab("confirmations --q 0.9 --risk 0.001 --model tickets --tickets 8")["confirmations"], 8)
        self.assertIsNone(self.lab("confirmations --q 0.6 --risk 0.001 --model strict")["confirmations"])

    def test_refusals(self):
        self.refused("double-spend --q 0.3 --z 6 --model tickets", "--tickets is needed")
        self.refused("double-spend --q 0.3 --z 6 --model strict --tickets 3", "--model tickets")
        self.refused("double-spend --q 1.5 --z 6", "--q must be a number from 0 to 1")
        self.refused("double-spend --q 0.3 --z 6 --model magic", "nakamoto, rosenfeld, strict, tickets or simulate")
        for option in "trials", "boost", "window":  # nothing that is given goes unheard
            self.refused(f"double-spend --q 0.3 --z 6 --model strict --{option} x", f"--{option} goes with --model simulate")


class Selfish(LabCase):
    def test_revenue(self):
        self.assertAlmostEqual(self.lab("selfish --alpha 0.35 --gamma 0 --policy optimal")["revenue"], 0.37077, delta=1e-4)
        self.assertAlmostEqual(self.lab("selfish --alpha 0.4 --gamma 0.5 --policy sm1")["revenue"], 0.525581, delta=1e-6)
        self.assertAlmostEqual(self.lab("selfish --alpha 0.45 --gamma 0 --truncation 160")["revenue"], 0.669776, delta=2e-6)
        self.assertAlmostEqual(self.lab("selfish --alpha 0.4 --tie earlier --policy sm1")["revenue"], 1.344 / 2.232, delta=1e-9)
        self.assertAlmostEqual(self.lab("selfish --alpha 0.4 --tie earlier --truncation 40")["revenue"], 0.6295, delta=1e-3)

    def test_threshold(self):
        self.assertAlmostEqual(self.lab("selfish --threshold --gamma 0")["threshold"], 0.3294, delta=2e-4)
        self.assertAlmostEqual(self.lab("selfish --threshold --gamma 0.5")["threshold"], 0.25, delta=1e-4)
        self.assertAlmostEqual(self.lab("selfish --threshold --gamma 0.5 --tie uniform")["threshold"], 0.2321, delta=1e-4)
        self.assertAlmostEqual(self.lab("selfish --threshold --gamma 0 --policy sm1")["threshold"], 1 / 3, delta=1e-9)
        self.assertAlmostEqual(self.lab("selfish --threshold --tie earlier --truncation 40")["threshold"], 0.2381, delta=2e-4)
        self.assertAlmostEqual(self.lab("selfish --threshold --tie earlier --policy sm1")["threshold"], 0.27389, delta=2e-5)

    def test_refusals(self):
        self.refused("selfish --gamma 0", "--alpha is needed")
        self.refused("selfish --alpha 0.3 --tie coin", "--tie must be gamma, uniform or earlier")
        self.refused("selfish --alpha 0.3 --truncation 1000", "--truncation")
        for option in "blocks", "boost", "window", "trail", "half-life-blocks", "block-time":
            self.refused(f"selfish --alpha 0.3 --{option} 100", f"--{option} goes with --simulate")
        for option in "half-life-blocks 100", "block-time 100", "rule asert":
            self.refused(f"selfish --alpha 0.3 --simulate --{option}", f"--{option.split()[0]} goes with --times")


CHAIN = {"name": "Small", "ticker": "SML", "chainId": 777, "timestamp": 1790000000, "blockTime": 60, "unbonding": 4032}


class Attack(LabCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, value):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return path

    def test_ten_million(self):
        chain = self.write("chain.json", CHAIN)
        for name in ("ticket", chain):
            answer = self.lab(f"attack --scenario ten-million --depth 60 --chain {name}")
            self.near(answer["cost_usd"], 22364, 0.01)
            self.near(answer["pure_hash_cost_usd"], 43806, 0.01)
            self.near(answer["capital_usd"], 74448, 0.01)
            self.near(answer["hash_part"], 42.78, 0.001)
            self.assertEqual(answer["tickets"], 60)
            self.assertAlmostEqual(answer["hash_part"] + answer["stake_part"], answer["cost_usd"], delta=1e-6)

    def test_scoreboard(self):
        table = {"pow": (5.675, 56.75, 1907), "(1+x)^0.5": (26, 260, 5068), "(1+x)": (119, 896, 6632), "(1+x)^2": (850, 2177, 7694),
                 "ticket": (2236, 22364, 751437), "ticket --window 256": (4381, 43806, 751437), "ticket --boost 64": (274, 2738, 91992)}
        for chain, row in table.items():
            for depth, cost in zip((6, 60, 2016), row):
                self.near(self.lab(f"attack --scenario ten-million --depth {depth} --chain {chain}")["cost_usd"], cost, 0.01)

    def test_delta(self):
        rows = {row["delta"]: row["cost_usd"] for row in self.lab("attack --depth 60")["delta_sensitivity"]}
        for delta, cost in ((0, 86), (0.05, 3806), (0.1, 7526), (0.3, 22407), (0.5, 37288)):
            self.near(rows[delta], cost, 0.001)
        self.near(self.lab("attack --depth 60 --delta 0.1")["cost_usd"], 7526, 0.001)

    def test_own_scenario(self):
        path = self.write("market.json", {"price_usd": 1, "supply": 1e7, "issuance_per_year": 0.05, "miners": 10, "block_time_s": 60,
                                          "rentable_hash_ratio": 2, "hash_cost_share": 0.5})
        answer = self.lab(f"attack --chain pow --scenario {path} --depth 60")
        self.near(answer["cost_usd"], 57.0386 / 2, 1e-4)
        self.assertAlmostEqual(answer["rent_available_ratio"], 2, delta=1e-9)
        self.assertEqual(answer["tickets"], 0)

    def test_one_miner(self):
        path = self.write("alone.json", {"price_usd": 1, "supply": 1e7, "issuance_per_year": 0.05, "miners": 1})
        answer = self.lab(f"attack --chain pow --scenario {path} --depth 6")
        self.assertEqual(answer["cost_usd"], 0)
        self.assertTrue(any("spend nothing on hash" in note for note in answer["notes"]))
        self.assertFalse(any("spend nothing on hash" in note for note in self.lab("attack --chain pow --depth 6")["notes"]))

    def test_refusals(self):
        self.refused("attack --depth 0", "--depth")
        self.refused("attack", "--depth is needed")
        self.refused("attack --depth 6 --chain no-such-rule", "no-such-rule")
        self.refused("attack --depth 6 --scenario no-such-market", "no-such-market")
        self.refused("attack --depth 6 --chain pow --window 10", "ticket rule")
        wrong = self.write("wrong.json", {"price_usd": 1, "supply": 1e7, "issuance_per_year": 0.05, "prize": 3})
        self.refused(f"attack --depth 6 --scenario {wrong}", "there is no key prize")
        wrong = self.write("wrong.json", {"price_usd": 1, "supply": 1e7, "issuance_per_year": 0.05, "block_time_s": 13.5})
        self.refused(f"attack --depth 6 --scenario {wrong}", "block_time_s must be a whole number")
        chain = self.write("chain.json", dict(CHAIN, blockTime=0))
        self.refused(f"attack --depth 6 --chain {chain}", "blockTime")

    def test_budget(self):
        for value, confirmations in ((10000, 27), (100000, 269)):
            self.assertEqual(self.lab(f"budget --value {value}")["safe_confirmations"], confirmations)
        answer = self.lab("budget --value 10000 --chain pow")
        self.near(answer["security_budget_usd_per_hour"], 57.0386, 1e-5)
        self.near(answer["budish_flow_usd"], 56.75, 1e-3)
        # against false times: 283 by the tickets; beyond a window's worth of tickets hash is what costs, which they do not lower
        for value, confirmations in ((10000, 27), (100000, 283), (800000, 51084)):
            self.assertEqual(self.lab(f"budget --value {value}")["false_times_confirmations"], confirmations)
        # more than all tickets of a window are worth: no depth makes them worth more, so that the cost tells
        answer = self.lab(f"budget --value 800000 --chain {self.write('asert.json', dict(CHAIN, difficulty={'rule': 'asert'}))}")
        self.assertTrue(answer["safe_confirmations"] < answer["false_times_confirmations"] < 500000, answer)
        self.refused("budget", "--value is needed")

    def test_history(self):
        attacks = self.lab("history")["attacks"]
        self.assertEqual({row["name"] for row in attacks} | {"ten-million"}, {name[:-5] for name in os.listdir(SCENARIOS) if name.endswith(".json")})
        for row in attacks:
            one = self.lab("history " + row["name"])
            if row["depth"] == 0:
                self.assertNotIn("rules", one)
                continue
            self.assertGreater(row["ticket_cost_usd"], row["pow_cost_usd"])
            rules = {rule["rule"]: rule for rule in one["rules"]}
            self.assertEqual(rules["ticket"]["cost_usd"], row["ticket_cost_usd"])
            self.assertTrue(any(note.startswith("source: ") for note in one["notes"]))
        self.assertEqual(self.lab("history", os.path.join(SCENARIOS, "etc-2020-08-01.json"))["depth"], 3693)
        self.refused("history ten-million", "no attack")


class Economics(LabCase):
    def test_equilibrium(self):
        for rule, k, miners in (("sqrt", 0.5, 3), ("x", 1, 2), ("x^2", 2, 1), ("linear", 1, 2)):
            answer = self.lab("equilibrium --rule " + rule)
            self.assertEqual(answer["miners"], miners)
            self.assertAlmostEqual(answer["electricity_cost_share"], 1 / (1 + k), delta=1e-9)
            self.assertAlmostEqual(answer["electricity_reward_share"], 1 - 1 / miners, delta=1e-9)
        answer = self.lab("equilibrium --rule pow")
        self.assertIsNone(answer["miners"])
        self.near(answer["energy_kwh_per_year"], 500000 * 0.8 / 0.1, 1e-9)
        for sigma, hardware, miners in ((0.25, 0.1, 107), (0.25, 0.4, 47), (0.5, 0.2, 72)):
            self.assertEqual(self.lab(f"equilibrium --rule ticket --sigma {sigma} --hardware {hardware}")["miners"], miners)
        for boost, sigma in (1, 0.1), (2, 0.6), (20, 0.97):  # a boost that its ticket is not worth
            answer = self.lab(f"equilibrium --rule ticket --boost {boost} --sigma {sigma}")
            self.assertEqual((answer["miners"], answer["electricity_reward_share"]), (None, 1))
        self.assertEqual(self.lab("equilibrium --rule ticket --boost 2 --sigma 0.25 --hardware 0.1")["miners"], 107)
        self.refused("equilibrium --rule ticket --sigma 2", "--sigma")
        for option in "sigma", "hardware":
            self.refused(f"equilibrium --rule x^2 --{option} 0.3", f"--{option} goes with the ticket rule")

    def test_given_stakes(self):
        row = self.lab("equilibrium --rule (1+x)^2")["pareto_stakes"][0]
        self.assertEqual((row["active"], row["nakamoto"]), (2, 1))
        row = self.lab("equilibrium --rule ticket --window 256")["pareto_stakes"][0]
        self.assertEqual((row["active"], row["nakamoto"]), (128, 17))

    def test_leverage(self):
        answer = self.lab("leverage --rule x^2 --miners 100 --stake-share 0.1 --hash-cost 1 --stake-value 100")
        self.assertAlmostEqual(answer["hash_ratio"], 0.01, delta=1e-12)
        self.assertAlmostEqual(answer["cost"], 1.88988, delta=1e-4)
        self.assertAlmostEqual(answer["merge_factor"], 4, delta=1e-9)
        self.assertAlmostEqual(self.lab("leverage --rule x^0.5")["merge_factor"], 1.41421, delta=1e-5)
        self.assertAlmostEqual(self.lab("leverage --rule x^2 --parts 5")["split_factor"], 1 / 25, delta=1e-9)
        self.refused("leverage --rule ticket", "posw lab attack")

    def test_erlang(self):
        self.assertAlmostEqual(self.lab("erlang --tickets 1 --ratio 2")["boosted_share"], 0.5, delta=1e-9)
        self.assertAlmostEqual(self.lab("erlang --tickets 5 --ratio 2")["boosted_share"], 0.9113, delta=1e-4)
        self.assertAlmostEqual(self.lab("erlang --tickets 5 --load 4")["loss"], 0.199067, delta=1e-6)
        classes = self.lab("erlang --classes 1,2,5,10,50 --ratio 2")["classes"]
        for row, want in zip(classes, (0.37124, 0.44740, 0.52785, 0.56666, 0.59033)):
            self.near(row["share_per_ticket"], want, 0.003)
        self.refused("erlang --tickets 5", "--ratio and --load")
        self.refused("erlang --classes 1,x --ratio 2", "'x'")
        self.refused("erlang --classes , --ratio 2", "names no class")
        self.refused("erlang --classes 1 --ratio 1", "--ratio must be above 1")

    def test_variance(self):
        answer = self.lab("variance --share 1e-4 --block-time 60")
        self.assertAlmostEqual(answer["cv"], 0.4776, delta=5e-5)
        self.assertAlmostEqual(answer["p0"], 0.012485, delta=5e-7)
        self.assertAlmostEqual(answer["wait_days"], 6.94, delta=0.005)
        self.refused("variance --share 0", "--share")


class Forms(LabCase):
    """Each command in each form."""

    COMMANDS = ("double-spend --q 0.3 --z 6", "confirmations --q 0.1", "selfish --alpha 0.3 --truncation 20", "attack --depth 6", "budget --value 5",
                "history", "history xvg-2018-04", "equilibrium", "leverage", "erlang --tickets 3 --ratio 1.5", "variance --share 0.01")

    def test_help(self):
        for line in self.COMMANDS:
            done = run(line.split()[0], "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("posw lab " + line.split()[0], done.stdout)

    def test_page_that_cannot_be_written(self):
        """costs neither the text nor the JSON: they may have taken hours."""
        for words in ["variance", "--share", "0.1"], ["variance", "--share", "0.1", "--json"]:
            done = run(*words, "--html", "/no/such/folder/page.html")
            self.assertEqual(done.returncode, 1)
            self.assertIn("cannot write /no/such/folder/page.html", done.stderr)
            self.assertEqual(done.stdout, run(*words).stdout)

    def test_forms(self):
        with tempfile.TemporaryDirectory() as folder:
            for line in self.COMMANDS:
                done = run(*line.split())
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("Model:", done.stdout)
                self.assertEqual(done.stdout, run(*line.split()).stdout)
                page = os.path.join(folder, "page.html")
                self.assertEqual(run(*line.split(), "--html", page).returncode, 0)
                with open(page) as file:
                    self.assertIn("</html>", file.read())


if __name__ == "__main__":
    unittest.main()
