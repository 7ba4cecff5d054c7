"""A new chain: `posw chain new` with options, as questions on a terminal, and as a folder for a community.

POSW=build/posw python3 -m unittest tests/functional/test_chain_new.py
"""
import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

import posw_process

POSW = posw_process.POSW
ALICE, BOB = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
NAMED = ("--name", "Test <Chain> & co 5%n", "--ticker", "TEST", "--chain-id", "424242")
WAIT_S = 20


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="posw-chain-new-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def read(self, *names):
        with open(self.path(*names)) as f:
            return f.read()

    def new(self, *args, code=0):
        done = posw_process.posw("chain", "new", *args)
        self.assertEqual(done.code, code, str(done))
        return done

    def refused(self, words, *args, code=2, option=None):
        done = self.new(*args, code=code)
        self.assertIn(f"--{option} " if option else "", done.err)
        self.assertEqual(len(done.err.strip().splitlines()), 1, done.err)
        self.assertIn(words, done.err)


class Options(Case):
    def test_shares_of_a_supply(self):
        self.new(*NAMED, "--supply", "1000 coin", "--accounts", f"{ALICE}=60%, {BOB}=12.5%", "--stakes", f"{BOB}=27.5%", self.path("c.json"))
        chain = json.loads(self.read("c.json"))
        self.assertEqual(chain["accounts"], {ALICE.lower(): "600 coin", BOB.lower(): "125 coin"})
        self.assertEqual([s["amount"] for s in chain["stakes"]], ["275 coin"])
        self.refused("accounts and stakes together are 600", *NAMED, "--supply", "1000coin", "--accounts", f"{ALICE}=60%", self.path("x.json"), code=1)
        self.refused("give the supply", *NAMED, "--accounts", f"{ALICE}=60%", self.path("x.json"))
        self.refused("0% to 100%", *NAMED, "--supply", "1000coin", "--accounts", f"{ALICE}=100.5%", self.path("x.json"))

    def test_lengths(self):
        self.new(*NAMED, "--block-time", "7", "--unbonding", "7 days", "--halving", "400 days", "--ramp", "12 hours", self.path("c.json"))
        chain = json.loads(self.read("c.json"))
        self.assertEqual([chain["unbonding"], chain["reward"]["halving"], chain["weight"]["ramp"]], [86400, 4937143, 6172])
        self.new(*NAMED, "--window", "16", "--epoch", "8", "--unbonding", "16", "--half-life", "20", self.path("d.json"))
        chain = json.loads(self.read("d.json"))
        self.assertEqual([chain["window"], chain["epoch"], chain["maxReorg"], chain["difficulty"]["halfLife"]], [16, 8, 4, 20])

    def test_stake_is_locked_for_a_week_or_as_long_as_it_must(self):
        for seconds, blocks in (("15", 40320), ("60", 10080), ("3600", 2016)):
            self.new(*NAMED, "--block-time", seconds, self.path(f"{seconds}.json"))
            self.assertEqual(json.loads(self.read(f"{seconds}.json"))["unbonding"], blocks)

    def test_the_list_of_miners_costs_a_twentieth(self):
        for supply, minimum in (("1310720 coin", "1 coin"), ("1310721 coin", "2 coin"), ("10000000 coin", "8 coin")):
            done = self.new(*NAMED, "--supply", supply, "--accounts", f"{ALICE}=70%", "--stakes", f"{BOB}=30%", "--force", self.path("c.json"))
            self.assertEqual(json.loads(self.read("c.json"))["stake"]["minimum"], minimum)
            self.assertNotIn("stake.minimum", done.err)
        done = self.new(*NAMED, "--accounts", f"{ALICE}=10000000coin", "--stake-minimum", "1 coin", "--force", self.path("c.json"))
        self.assertEqual(json.loads(self.read("c.json"))["stake"]["minimum"], "1 coin")
        self.assertIn("give at least 8 coin", done.err)

    def test_rules_of_another_file(self):
        self.new(*NAMED, "--block-time", "60", "--window", "32", "--epoch", "16", "--unbonding", "64", "--half-life", "20", "--stakes", f"{BOB}=1coin", self.path("rules.json"))
        self.new("--name", "Other", "--ticker", "OTH", "--chain-id", "77", "--rules", self.path("rules.json"), "--half-life", "30", "--accounts", f"{ALICE}=5coin", self.path("c.json"))
        rules, chain = json.loads(self.read("rules.json")), json.loads(self.read("c.json"))
        self.assertEqual([chain["name"], chain["ticker"], chain["chainId"], chain["accounts"], chain["stakes"]], ["Other", "OTH", 77, {ALICE.lower(): "5 coin"}, []])
        self.assertEqual(chain["difficulty"]["halfLife"], 30)
        for rule in ("blockTime", "window", "epoch", "unbonding", "maxReorg", "weight", "reward", "pow"):
            self.assertEqual(chain[rule], rules[rule], rule)
        self.refused("--name, --ticker and --chain-id", "--rules", self.path("rules.json"), self.path("x.json"))
        with open(self.path("step.json"), "w") as f:
            json.dump(rules | {"difficulty": {"rule": "step"}}, f)
        self.refused("no meaning under the difficulty rule step", *NAMED, "--rules", self.path("step.json"), "--half-life", "30", self.path("x.json"))
        self.refused("nothing.json", *NAMED, "--rules", self.path("nothing.json"), self.path("x.json"), code=1)

    def test_treasury(self):
        self.new(*NAMED, "--treasury", ALICE, "--treasury-share", "7.25%", self.path("c.json"))
        self.assertEqual(json.loads(self.read("c.json"))["reward"]["treasuryShare"], 725)
        self.refused("hundredths", *NAMED, "--treasury", ALICE, "--treasury-share", "7.255%", self.path("x.json"))
        self.refused("needs a treasury", *NAMED, "--treasury-share", "7%", self.path("x.json"))

    def test_each_refusal_says_what_is_permitted(self):
        for option, value, words in (("block-time", "0", "from 1 to 3600"), ("block-time", "fast", "from 1 to 3600"), ("pow", "sha256", "argon2id, randomx or keccak256"),
                                     ("weight", "heavy", "quarkchain"), ("window", "1", "from 2 to 65536"), ("epoch", "0", "from 1 to 65536"),
                                     ("max-reorg", "1009", "from 1 to 1008"), ("unbonding", "2015", "from 2016 to"), ("unbonding", "1 hour", "240 blocks then"),
                                     ("half-life", "0", "from 1 to"), ("difficulty", "0", "from 1 up"), ("reward", "1 dollar", "12.5 coin"),
                                     ("stake-minimum", "0", "1 wei"), ("treasury", "0x12", "40 hexadecimal"), ("ticker", "lower", "A-Z and 0-9"),
                                     ("name", "x" * 33, "1 to 32 bytes"), ("chain-id", "2147483630", "from 1 to 2147483629")):
            with self.subTest(option=option, value=value):
                self.refused(words, *NAMED, f"--{option}", value, self.path("x.json"), option=option)
        self.refused("meaning under the presets ticket", *NAMED, "--weight", "pow", "--ramp", "100", self.path("x.json"))
        self.refused("name the FILE", *NAMED)
        self.assertFalse(os.path.exists(self.path("x.json")))


class Bundle(Case):
    FILES = ["README.md", "add-network.html", "boot-nodes.txt", "chain.json", "compose.yml", "keys", "node.conf", "posw-test-chain-co-5-n.service"]

    def bundle(self, *args, code=0):
        return self.new(*NAMED, "--stakes", f"{ALICE}=1000coin", "--bundle", self.path("b"), *args, code=code)

    def test_everything_is_there(self):
        self.bundle("--boot-hosts", "seed.example.org,203.0.113.7:4000,[2001:db8::1]:5000")
        self.assertEqual(sorted(os.listdir(self.path("b"))), self.FILES)
        self.assertEqual(posw_process.posw("chain", "check", self.path("b", "chain.json")).code, 0)
        nodes = self.read("b", "boot-nodes.txt").split()
        self.assertEqual([re.sub("[0-9a-f]{64}", "ID", n) for n in nodes],
                         ["posw://ID@seed.example.org:30301", "posw://ID@203.0.113.7:4000", "posw://ID@[2001:db8::1]:5000"])
        for i in (1, 2, 3):
            self.assertEqual(stat.S_IMODE(os.stat(self.path("b", "keys", f"boot-{i}.key")).st_mode), 0o600)
        self.assertIn(",".join(nodes), self.read("b", "node.conf"))
        self.assertIn("--rpc-public --bootnodes " + ",".join(nodes), self.read("b", "compose.yml"))
        for name in self.FILES:
            if name != "keys":
                self.assertNotRegex(self.read("b", name), "@[A-Z-]+@|HOST", name)
        readme = self.read("b", "README.md")
        for part in ("# Test <Chain> & co 5%n", "| 60 |", "posw lab attack", "stakes from its first block", "7.0 days"):
            self.assertIn(part, readme)

    def test_the_figures_are_the_laboratorys(self):
        """Of the README: as `posw lab attack` says them of the chain file in the same economy."""
        self.bundle()
        chain = json.loads(self.read("b", "chain.json"))
        market = {"price_usd": 1e7 / 1000, "supply": 1000, "block_reward": 2, "block_time_s": chain["blockTime"], "miners": 200, "staked_share": 0.4, "delta": 0.3,
                  "interest_rate": 0.05, "hardware_share": 0.2, "electricity_usd_per_kwh": 0.1, "stakes": "equal", "pareto_exponent": 1.5}
        with open(self.path("market.json"), "w") as f:
            json.dump(market, f)
        asked = posw_process.posw("lab", "attack", "--chain", self.path("b", "chain.json"), "--scenario", self.path("market.json"), "--depth", "60", "--json")
        cost = json.loads(asked.out)["cost_usd"]
        shown = float(re.search(r"^\| 60 \| ([0-9,]+) \|", self.read("b", "README.md"), re.M).group(1).replace(",", ""))
        self.assertAlmostEqual(shown / cost, 1, delta=0.006)

    def test_keys_belong_to_the_addresses(self):
        self.bundle("--boot-hosts", "127.0.0.1")
        os.mkdir(self.path("data"))
        shutil.copy(self.path("b", "keys", "boot-1.key"), self.path("data", "node.key"))
        with posw_process.Node("node", "--chain", self.path("b", "chain.json"), "--datadir", self.path("data"), "--listen", "127.0.0.1", "--p2p-port", "0",
                               "--no-port-mapping") as node:
            shown = node.rpc("posw_networkStatus")
        self.assertIn(self.read("b", "boot-nodes.txt")[len("posw://"):].split("@")[0], json.dumps(shown))

    def test_nothing_is_overwritten(self):
        self.bundle()
        key, chain = self.read("b", "keys", "boot-1.key"), self.read("b", "chain.json")
        self.assertIn("exists already", self.bundle(code=1).err)
        self.assertEqual(self.read("b", "chain.json"), chain)
        os.mkdir(self.path("c"))
        with open(self.path("c", self.FILES[-1]), "w"):
            pass
        self.refused("exists already", *NAMED, "--bundle", self.path("c"), code=1)
        self.assertEqual(os.listdir(self.path("c")), self.FILES[-1:])
        self.bundle("--force", "--block-time", "30")
        self.assertNotEqual(self.read("b", "chain.json"), chain)
        self.assertEqual(self.read("b", "keys", "boot-1.key"), key)
        self.assertIn(key.split()[-1], self.read("b", "boot-nodes.txt"))

    def test_refusals_leave_nothing(self):
        for words, args in (("http:// for 127.0.0.1", ("--rpc-urls", "http://example.org")), ("https://", ("--explorer", "http://127.0.0.1")),
                            ("--boot-hosts", ("--boot-hosts", "a b")), ("--boot-hosts", ("--boot-hosts", "x:0")),
                            ("at most 16", ("--boot-hosts", ",".join(f"h{i}" for i in range(17)))), ("http:// for 127.0.0.1", ("--rpc-urls", 'https://a"b'))):
            with self.subTest(args=args):
                self.assertIn(words, self.bundle(*args, code=2).err)
                self.assertFalse(os.path.exists(self.path("b")))
        with open(self.path("file"), "w"):
            pass
        self.new(*NAMED, "--bundle", self.path("file", "b"), code=1)

    def test_without_the_laboratory(self):
        """The program alone in a folder: it says so and goes on."""
        os.mkdir(self.path("bin"))
        shutil.copy(POSW, self.path("bin", "posw"))
        subprocess.run([self.path("bin", "posw"), "chain", "new", *NAMED, "--bundle", self.path("b")], check=True, capture_output=True, timeout=60)
        self.assertIn("The laboratory was not there", self.read("b", "README.md"))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_takes_the_unit(self):
        self.bundle()
        unit = self.read("b", "posw-test-chain-co-5-n.service")
        self.assertIn("Description=Node of Test <Chain> & co 5%%n\n", unit)
        self.assertIn("StateDirectory=posw-test-chain-co-5-n\n", unit)
        self.assertIn("/etc/posw/test-chain-co-5-n.conf --datadir %S/posw-test-chain-co-5-n\n", unit)
        with open(self.path("posw-test-chain-co-5-n.service"), "w") as f:
            f.write(re.sub("ExecStart=[^ ]*", f"ExecStart={POSW}", unit))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", self.path("posw-test-chain-co-5-n.service")], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)


class Questions(Case):
    """On a terminal of its own."""

    def start(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(self.dir)
            os.environ.update(HOME=self.dir)
            os.execv(POSW, [POSW, "chain", "new", *args])
        self.addCleanup(os.close, self.fd)
        self.addCleanup(self.kill)
        self.seen = ""

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def until(self, text):
        end, got = time.monotonic() + WAIT_S, b""
        while text.encode() not in got:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            self.assertTrue(ready, f"no {text!r} in {got!r}")
            got += os.read(self.fd, 4096)
        self.seen = got.decode()
        return self.seen

    def answer(self, question, text):
        self.until(question)
        if not self.seen.endswith("]: "):
            self.until("]: ")
        os.write(self.fd, text.encode() + b"\n")

    def ended(self):
        rest = b""
        try:
            while True:
                ready, _, _ = select.select([self.fd], [], [], WAIT_S)
                self.assertTrue(ready, f"it goes on after {rest!r}")
                rest += os.read(self.fd, 4096)
        except OSError:
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return status, rest.decode()

    def usual(self, first, last):
        """Enter to each of the questions from the one that begins so to the other."""
        prompts = ["Name of", "Symbol of", "Chain id", "Coins at", "Who owns", "And who stakes", "Seconds between", "Proof of work", "Difficulty of", "How stake",
                   "New coins", "Blocks after", "The reward never", "Treasury:", "How long", "Where to write"]
        for prompt in prompts[prompts.index(first):prompts.index(last) + 1]:
            self.answer(prompt, "")

    def test_enter_makes_a_bundle(self):
        self.start()
        self.usual("Name of", "Where to write")
        self.answer("Write it to my-chain?", "")
        status, out = self.ended()
        self.assertEqual(status, 0, out)
        self.assertIn("my-chain/chain.json", out)
        chain = json.loads(self.read("my-chain", "chain.json"))
        self.assertEqual([chain["name"], chain["ticker"], chain["blockTime"], chain["unbonding"], chain["weight"]], ["My Chain", "MC", 15, 40320, {"preset": "ticket"}])

    def test_answers_refusals_and_back(self):
        self.start(self.path("mine.json"))
        self.answer("Name of the chain [My Chain]", "x" * 33)
        self.answer("1 to 32 bytes", "Rügen Gald\x1b[D\x1b[D")  # as a terminal gives arrow keys
        self.answer("without control characters", "Rügen Gold")
        self.answer("Symbol of its coin [RG]", "rg")
        self.answer("must be 1 to 6 characters", "GOLD")
        self.answer("Chain id", "5150")
        self.answer("Coins at the start [0 coin]", "1000 coin")
        self.answer("Who owns", f"{ALICE}=60%,{BOB}")
        self.answer("ADDRESS=AMOUNT", f"{ALICE}=60%")
        self.answer(f"And who stakes from the first block: MINER=AMOUNT or MINER=PERCENT% [{ALICE}=400]", f"{BOB}=30%")
        self.answer("accounts and stakes together are 900", "back")
        self.answer(f"[{ALICE}=60%]", f"{ALICE}=70%")
        self.answer("And who stakes", f"{BOB}=30%")
        self.answer("at 60 s", "5")
        self.usual("Proof of work", "Difficulty of")
        self.answer("USD with pow", "linear")
        self.usual("New coins", "The reward never")
        self.answer("Treasury:", ALICE)
        self.answer("Its part of the reward", "back")
        self.answer(f"or none [{ALICE}]", BOB)
        self.answer("Its part of the reward", "5%")
        self.answer("How long", "1 day")
        self.answer(f"[{self.path('mine.json')}]", "")
        self.answer("weight rule        linear", "yes")
        status, out = self.ended()
        self.assertEqual(status, 0, out)
        chain = json.loads(self.read("mine.json"))
        self.assertEqual([chain["name"], chain["ticker"], chain["chainId"], chain["blockTime"], chain["unbonding"], chain["weight"]["preset"]],
                         ["Rügen Gold", "GOLD", 5150, 5, 17280, "linear"])
        self.assertEqual([chain["accounts"], chain["stakes"][0]["amount"], chain["reward"]["treasury"], chain["reward"]["treasuryShare"]],
                         [{ALICE.lower(): "700 coin"}, "300 coin", BOB.lower(), 500])

    def test_what_is_there_already_is_not_for_the_answers(self):
        os.mkdir(self.path("my-chain"))
        with open(self.path("my-chain", "notes"), "w"):
            pass
        self.start()
        self.usual("Name of", "Where to write")
        self.answer("There is something at my-chain already", "other")
        self.answer("Write it to other?", "")
        status, out = self.ended()
        self.assertEqual(status, 0, out)
        self.assertEqual(json.loads(self.read("other", "chain.json"))["name"], "My Chain")
        self.assertEqual(os.listdir(self.path("my-chain")), ["notes"])

    def test_no_and_the_end_of_input_write_nothing(self):
        self.start("--name", "Half")
        self.answer("Name of the chain [Half]", "")
        self.usual("Symbol of", "Where to write")
        self.answer("Write it to half?", "no")
        status, out = self.ended()
        self.assertEqual((os.WEXITSTATUS(status), "nothing was written" in out), (1, True))
        self.start()
        self.until("Name of the chain")
        os.write(self.fd, b"\x04")
        status, out = self.ended()
        self.assertEqual((os.WEXITSTATUS(status), "nothing was written" in out), (1, True))
        self.assertEqual(os.listdir(self.dir), [])

    def test_ctrl_c_leaves_nothing(self):
        for prompt in ("Symbol of", "How stake", "Write it to"):
            with self.subTest(prompt):
                self.start("--block-time", "15")
                self.usual("Name of", {"Symbol of": "Name of", "How stake": "Difficulty of", "Write it to": "Where to write"}[prompt])
                self.until(prompt)
                os.write(self.fd, b"\x03")
                status, _ = self.ended()
                self.assertTrue(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT)
                self.assertEqual(os.listdir(self.dir), [])

    def test_a_key_of_the_keystore_is_proposed(self):
        with open(self.path("secret"), "w") as f:
            f.write("x\n")
        made = posw_process.posw("wallet", "new", "--light", "--no-mnemonic", "--json", "--keystore", self.path("keys"), "--password-file", self.path("secret"))
        address = json.loads(made.out)["address"]
        self.start("--keystore", self.path("keys"), self.path("c.json"))
        self.usual("Name of", "Coins at")
        self.answer(f"[{address}=70%]", "")
        self.answer(f"[{address}=3000000]", "")
        self.usual("Seconds between", "Where to write")
        self.answer("Write it to", "")
        self.assertEqual(self.ended()[0], 0)
        self.assertEqual(json.loads(self.read("c.json"))["stakes"][0]["amount"], "3000000 coin")


if __name__ == "__main__":
    unittest.main()
