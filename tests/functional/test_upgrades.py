"""Upgrades: rehearsed on a copy of a chain that runs, announced by nodes that know them, and by those that only hear of them.

    POSW=build/posw python3 tests/functional/test_upgrades.py
"""
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import operating
from operating import get, samples, until
from posw_process import POSW, Node, complaints, may_mount, posw


def write_upgrades(source, target, upgrades):
    spec = json.loads(pathlib.Path(source).read_text())
    pathlib.Path(target).write_text(json.dumps({**spec, "upgrades": upgrades}))
    return str(target)


def fingerprints(folder):
    """Everything below a folder: path -> what is in it, and when it was written."""
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in pathlib.Path(folder).rglob("*") if p.is_file()}


class Rehearsal(unittest.TestCase):
    """On the chain of a real node with some blocks."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="posw-rehearsal-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.chain = operating.make_chain(cls.folder)
        with operating.start(cls.folder, "a", "--mine-alone", *operating.mining(cls.folder)) as node:
            node.send(0, 3, sender=0)
            until("some blocks", lambda: node.tip()[0] >= 5)
            node.stop()
        os.mkdir(f"{cls.folder}/tmp")

    def file(self, *upgrades):
        return write_upgrades(self.chain, f"{self.folder}/new.json", upgrades)

    def rehearse(self, chain, *args, code=0, datadir=True, timeout=60):
        where = ("--datadir", f"{self.folder}/a") if datadir else ()
        done = posw("chain", "rehearse", "--chain", chain, *where, "--tmp", f"{self.folder}/tmp", *map(str, args), timeout=timeout)
        self.assertEqual(done.code, code, done)
        self.assertEqual(os.listdir(f"{self.folder}/tmp"), [], "the copy is gone")
        return done

    def checks(self, done):
        report = json.loads(done.out)
        return report, {c["check"]: c for c in report["checks"]}

    def test_gas_limit(self):
        before = fingerprints(f"{self.folder}/a")
        done = self.rehearse(self.file({"height": 1000000, "name": "larger-blocks", "gasLimit": 60000000}), "--json")
        report, checks = self.checks(done)
        self.assertEqual(fingerprints(f"{self.folder}/a"), before, "the original is as it was")
        self.assertTrue(report["good"])
        upgrade = report["upgrades"][0]
        self.assertEqual(upgrade["changes"], [{"parameter": "gasLimit", "from": "30000000", "to": "60000000"}])
        self.assertEqual((upgrade["height"], upgrade["rehearsedAt"]), (1000000, report["tip"] + 10), "far ahead, so moved")
        for name in ("old block, new rules", "new block, old rules"):
            self.assertEqual(checks[name]["result"], "ok")
            self.assertIn("X9, gasLimit is not the chain's", checks[name]["text"])
        self.assertRegex(checks["reorganisation"]["text"], r"took back \d+ blocks across block .* the state root is the same")
        self.assertEqual(checks["restart"]["result"], "ok")
        self.assertEqual(checks["old file"]["result"], "note")
        blocks = [c["text"] for c in report["checks"] if c["check"] == "blocks"]
        self.assertRegex(blocks[0], r" of 30000000 gas$")
        gas = int(re.search(r"the fullest with (\d+) of 60000000 gas$", blocks[1])[1])
        self.assertGreater(gas, 30000000, "a block after it is fuller than any before could be")
        self.assertLessEqual(gas, 60000000)

    def test_other_parameters(self):
        for key, rule, what in (({"fees": {"minimum": "7 gwei"}}, "B1", "fees.minimum"),
                                ({"reward": {"treasury": operating.MINER, "treasuryShare": 1000}}, "X8", "reward.treasury")):
            with self.subTest(key):
                report, checks = self.checks(self.rehearse(self.file({"height": 1000, "name": "change", **key}), "--soon", "--json"))
                self.assertEqual(report["upgrades"][0]["changes"][0]["parameter"], what)
                for name in ("old block, new rules", "new block, old rules"):
                    self.assertIn(f"{rule}, ", checks[name]["text"])
                self.assertTrue(report["good"])

    def test_two_upgrades_in_words(self):
        chain = self.file({"height": 900000, "name": "first", "gasLimit": 20000000}, {"height": 950000, "name": "second", "gasLimit": 40000000})
        done = self.rehearse(chain)
        self.assertIn("the rehearsal", done.out.lower())
        self.assertRegex(done.out, r"upgrade    first, at block 900000; moved to block \d+ for the rehearsal\nchanges    gas limit: 30000000, then 20000000")
        self.assertRegex(done.out, r"upgrade    second, at block 950000; moved to block \d+ for the rehearsal\nchanges    gas limit: 20000000, then 40000000")
        self.assertEqual(done.out.count("across block"), 2)
        self.assertNotIn("BAD", done.out)
        self.assertTrue(done.out.endswith("The rehearsal went well: on this chain the upgrade does what the chain file says.\n"))
        self.assertEqual(complaints(done.err), [])

    def test_at_its_own_height_into_the_next_epoch(self):
        tip = json.loads(self.rehearse(self.file({"height": 500, "name": "x", "gasLimit": 31000000}), "--soon", "--json").out)["tip"]
        chain = self.file({"height": tip + 3, "name": "x", "gasLimit": 31000000})
        report, checks = self.checks(self.rehearse(chain, "--json", "--blocks", 1200))
        self.assertEqual(report["upgrades"][0]["rehearsedAt"], tip + 3)
        self.assertEqual(checks["epoch"]["text"], "an epoch boundary was crossed, into epoch 1")
        report, _ = self.checks(self.rehearse(chain, "--json", "--at", tip + 1))
        self.assertEqual(report["upgrades"][0]["rehearsedAt"], tip + 1, "the very next block")
        self.assertTrue(report["good"])

    def test_a_running_node_and_a_snapshot(self):
        chain = self.file({"height": 500, "name": "x", "gasLimit": 31000000})
        with operating.start(self.folder, "a", "--mine-alone", *operating.mining(self.folder)) as node:
            busy = self.rehearse(chain, code=1)
            self.assertIn("a node runs on", busy.err)
            self.assertIn("--rpc", busy.err)
            rpc = f"http://127.0.0.1:{node.port}"
            report, _ = self.checks(self.rehearse(chain, "--rpc", rpc, "--soon", "--json", datadir=False))
            self.assertTrue(report["good"])
            self.assertEqual(os.listdir(f"{self.folder}/a/snapshots"), [], "the node's snapshot is gone, too")
            made = json.loads(posw("snapshot", "create", "--rpc", rpc, "--json").out)
            tip = node.tip()[0]
            self.assertGreaterEqual(tip, report["tip"], "it went on")
        report, _ = self.checks(self.rehearse(chain, "--snapshot", made["path"], "--soon", "--json", datadir=False))
        self.assertTrue(report["good"])
        os.remove(made["path"])

    def test_kept_copy(self):
        chain = self.file({"height": 500, "name": "x", "gasLimit": 31000000})
        done = self.rehearse(chain, "--soon", "--keep", f"{self.folder}/kept")
        self.assertIn(f"The copy is in {self.folder}/kept", done.out)
        self.assertIn("exists already", self.rehearse(chain, "--soon", "--keep", f"{self.folder}/kept", code=1).err)
        self.assertTrue(os.path.exists(f"{self.folder}/kept/state/data.mdb"))
        shutil.rmtree(f"{self.folder}/kept")

    def test_wrong_input(self):
        upgrade = {"height": 1000000, "name": "x", "gasLimit": 31000000}
        new = self.file(upgrade)
        other = f"{self.folder}/other.json"
        done = posw("chain", "new", "--name", "Another", "--ticker", "A", "--chain-id", "1338", "--pow", "keccak256", "--accounts", f"{operating.MINER}=1coin", other)
        self.assertEqual(done.code, 0, done)
        another = write_upgrades(other, f"{self.folder}/another.json", [upgrade])
        past = write_upgrades(self.chain, f"{self.folder}/past.json", [{**upgrade, "height": 2}])
        for chain, args, code, words in (
                (str(self.chain), (), 1, "names no upgrade"),
                (another, (), 1, "another chain"),
                (past, (), 1, "other rules from block 2 on"),
                (new, ("--at", 1), 1, "must be above it"),
                (new, ("--at", 10, "--soon"), 2, "exclude each other"),
                (new, ("--blocks", 0), 2, "--blocks"),
                (new, ("--rpc", "http://127.0.0.1:1"), 2, "one of --datadir DIR, --rpc URL and --snapshot FILE"),
                (f"{self.folder}/missing.json", (), 1, "missing.json"),
                (new, ("--tmp", f"{self.folder}/nowhere"), 1, "name another folder with --tmp")):
            with self.subTest(words):
                done = self.rehearse(chain, *args, code=code)
                self.assertEqual(done.out, "")
                said = complaints(done.err)
                self.assertIn(words, said[0])
                self.assertEqual(len(said), 1 if code == 1 else len(said), "one sentence")
        for args, words in ((("--datadir", f"{self.folder}/tmp"), "holds no chain"), (("--snapshot", new), "is no snapshot"),
                            (("--rpc", "http://127.0.0.1:1"), "127.0.0.1"), ((), "one of --datadir")):
            with self.subTest(words):
                self.assertIn(words, self.rehearse(new, *args, datadir=False, code=1 if args else 2).err)

    def test_what_it_is_there_to_find(self):
        """With a program whose parts disagree (tests/network/rehearsal-faults.c): each finding is BAD, ends the rehearsal, and is told by the exit code."""
        chain = self.file({"height": 500, "name": "x", "gasLimit": 31000000})
        program = os.path.join(os.path.dirname(POSW), "tests", "network", "posw-rehearsal-faults")
        both = ["old block, new rules", "new block, old rules"]
        for fault, checks, words in (
                (None, [], None),
                ("made", ["blocks"], r"block \d+ was made by the rules and is refused by them: X9, gasLimit is not the chain's"),
                ("taken", both, r"block \d+ of the old rules is refused by the new ones, and yet it is taken: nodes of both files would part later"),
                ("refused", ["reorganisation"], r"a block of another branch is refused: X8, .*"),
                ("stayed", ["reorganisation"], r"a heavier branch across block \d+ did not take over"),
                ("root", ["reorganisation"], r"after a reorganisation across block \d+ and back the state root is another one"),
                ("restart", ["restart"], r"closed and opened again, the copy stands elsewhere, at block \d+")):
            with self.subTest(fault):
                words_of = [program, "chain", "rehearse", "--chain", chain, "--datadir", f"{self.folder}/a", "--tmp", f"{self.folder}/tmp", "--soon"]
                run = functools.partial(subprocess.run, env={**os.environ, "POSW_TEST_FAULT": fault or ""}, capture_output=True, text=True, timeout=60)
                as_json = run([*words_of, "--json"])
                done = run(words_of) if fault in ("made", "taken") else None
                report = json.loads(as_json.stdout)
                bad = [c for c in report["checks"] if c["result"] == "bad"]
                self.assertEqual((as_json.returncode, report["good"]), (1, False) if fault else (0, True), as_json)
                self.assertEqual([c["check"] for c in bad], checks)
                if fault:
                    self.assertRegex(bad[0]["text"], f"^{words}$")
                    self.assertEqual(bad, report["checks"][-len(bad):], "nothing is built on it")
                if done is not None:
                    self.assertEqual(done.returncode, 1)
                    self.assertRegex(done.stdout, f"\nBAD   {words}\n")
                    self.assertTrue(done.stdout.endswith("The rehearsal failed: do not publish this chain file, and tell its makers what is marked BAD.\n"))
                self.assertEqual(os.listdir(f"{self.folder}/tmp"), [], "the copy is gone")

    def test_damaged(self):
        """What was damaged before it was copied: one sentence that says so, and nothing else."""
        chain = self.file({"height": 500, "name": "x", "gasLimit": 31000000})
        damaged = f"{self.folder}/damaged"

        def flip(name, at):
            path = pathlib.Path(damaged, name)
            data = bytearray(path.read_bytes())
            data[at] ^= 1
            path.write_bytes(data)

        def cut(name, size):
            os.truncate(f"{damaged}/{name}", size)

        last = os.path.getsize(f"{self.folder}/a/blocks/blk00000.dat") - 1
        names = []
        for what, damage, words in (("a byte of the latest block", lambda: flip("blocks/blk00000.dat", last), "wrong checksum of the record at byte"),
                                    ("no blocks any more", lambda: cut("blocks/blk00000.dat", 100), "blk00000.dat"),
                                    ("the state's first page", lambda: flip("state/data.mdb", 16), "is not an LMDB file"),
                                    ("half of the state", lambda: cut("state/data.mdb", 8192), "state")):
            with self.subTest(what):
                shutil.copytree(f"{self.folder}/a", damaged)
                self.addCleanup(shutil.rmtree, damaged, ignore_errors=True)
                damage()
                done = posw("chain", "rehearse", "--chain", chain, "--datadir", damaged, "--tmp", f"{self.folder}/tmp", "--soon")
                self.assertEqual((done.code, done.out, len(complaints(done.err))), (1, "", 1), done)
                self.assertIn("what was copied is damaged (posw db verify examines a data directory)", done.err)
                self.assertIn(words.lower(), done.err.lower())
                self.assertEqual(os.listdir(f"{self.folder}/tmp"), [], "the copy is gone")
                self.assertNotIn(f"{self.folder}/tmp", done.err, "nothing that is gone is named")
                named = re.findall(r"/\S+/(?:blk\d+\.dat|data\.mdb)", done.err)
                self.assertTrue(all(os.path.exists(path) and path.startswith(damaged + "/") for path in named), done.err)
                names.extend(named)
                shutil.rmtree(damaged)
        self.assertGreaterEqual(len(names), 2, "what is damaged is named")

    def test_behind_the_last_upgrade(self):
        chain = self.file({"height": 500, "name": "x", "gasLimit": 31000000})
        report, _ = self.checks(self.rehearse(chain, "--soon", "--json", "--keep", f"{self.folder}/beyond"))
        at = report["upgrades"][0]["rehearsedAt"]
        done = posw("chain", "rehearse", "--chain", self.file({"height": at, "name": "x", "gasLimit": 31000000}), "--datadir", f"{self.folder}/beyond",
                    "--tmp", f"{self.folder}/tmp")
        self.assertEqual((done.code, done.out), (1, ""), done)
        self.assertRegex(done.err, rf"the chain is at block \d+, behind the last upgrade of the chain file, at block {at}: there is nothing to rehearse")
        shutil.rmtree(f"{self.folder}/beyond")

    @unittest.skipUnless(may_mount(), "needs the right to mount a file system of 64 KiB")
    def test_no_room(self):
        small = f"{self.folder}/small"
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
        try:
            done = self.rehearse(self.file({"height": 500, "name": "x", "gasLimit": 31000000}), "--soon", "--tmp", small, code=1)
            self.assertRegex(done.err, r"has 0 MiB of free space, and a copy of the chain needs \d+ MiB: free some, or name another folder with --tmp")
            self.assertEqual(os.listdir(small), [])
        finally:
            subprocess.run(["umount", small], check=True)

    def test_interrupted(self):
        chain = self.file({"height": 500, "name": "x", "gasLimit": 31000000})
        process = subprocess.Popen([POSW, "chain", "rehearse", "--chain", chain, "--datadir", f"{self.folder}/a", "--tmp", f"{self.folder}/tmp", "--soon",
                                    "--blocks", "1000000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until("a copy", lambda: os.listdir(f"{self.folder}/tmp"))
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out, complaints(err)), (1, "", ["posw: interrupted"]))
        self.assertEqual(os.listdir(f"{self.folder}/tmp"), [])


class OtherChains(unittest.TestCase):
    """Rules under which a rehearsal has less room: at genesis, with two blocks an epoch, no weight from time, no coins to send."""

    def test_each(self):
        for name, changes in (("fixed difficulty", {"difficulty": {"rule": "fixed", "genesis": "64"}}),
                              ("quick difficulty", {"difficulty": {"rule": "asert", "genesis": "1000000", "halfLife": 1}}),
                              ("difficulty of two blocks", {"difficulty": {"rule": "bitcoin2016", "genesis": "1000000", "blocks": 2}}),
                              ("steep difficulty", {"difficulty": {"rule": "step", "genesis": "1000000"}, "blockTime": 15}),
                              ("tiny epochs", {"window": 2, "epoch": 2, "unbonding": 8, "maxReorg": 1}),
                              ("short epochs", {"window": 4, "epoch": 4, "unbonding": 8, "maxReorg": 1}),
                              ("no reward", {"reward": {"initial": "0 coin", "halving": 0, "tail": "0 coin"}}),
                              ("argon2id, square roots", {"pow": "argon2id", "weight": {"preset": "sqrt"}})):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                chain = operating.make_chain(folder)
                chain.write_text(json.dumps({**json.loads(chain.read_text()), **changes}))
                new = write_upgrades(chain, f"{folder}/new.json", [{"height": 8000, "name": "x", "gasLimit": 60000000}])
                with operating.start(folder, "a") as node:
                    node.stop()
                done = posw("chain", "rehearse", "--chain", new, "--datadir", f"{folder}/a", "--tmp", folder, "--soon", "--json")
                self.assertEqual(done.code, 0, done)
                checks = [c["check"] for c in json.loads(done.out)["checks"]]
                self.assertEqual("reorganisation" in checks, name != "tiny epochs")
                self.assertIn("restart", checks)
                self.assertIn(": 0 transfers" if name == "no reward" else " of 60000000 gas", done.out)


class Words(unittest.TestCase):
    def test_check_and_show(self):
        with tempfile.TemporaryDirectory() as folder:
            chain = operating.make_chain(folder)
            new = write_upgrades(chain, f"{folder}/new.json", [{"height": 500000, "name": "larger-blocks", "gasLimit": 60000000}])
            self.assertIn("with 1 upgrade: posw chain rehearse tries", posw("chain", "check", new).out)
            self.assertEqual(json.loads(posw("chain", "check", "--json", new).out)["upgrades"],
                             [{"name": "larger-blocks", "height": 500000, "changes": [{"parameter": "gasLimit", "from": "30000000", "to": "60000000"}]}])
            self.assertIn("larger-blocks from block 500000 on: gas limit 30000000 to 60000000", posw("chain", "show", new).out)
            self.assertNotIn("upgrade", posw("chain", "show", str(chain)).out)


class Warnings(unittest.TestCase):
    """A node that knows an upgrade some blocks ahead, and one that only hears of it; later, a miner that knows it."""

    HEIGHT = 14

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="posw-warnings-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        operating.make_chain(cls.folder)
        new = write_upgrades(f"{cls.folder}/chain.json", f"{cls.folder}/new.json",
                             [{"height": cls.HEIGHT, "name": "larger-blocks", "gasLimit": 60000000}])
        cls.new = cls.node(new, "new", "--metrics", "0")
        cls.old = operating.start(cls.folder, "old", "--metrics", 0, "--connect", cls.new.ready["node"])
        cls.addClassCleanup(cls.old.end)

    @classmethod
    def node(cls, chain, name, *args):
        node = Node("node", "--chain", chain, "--datadir", f"{cls.folder}/{name}", "--listen", "127.0.0.1", "--p2p-port", "0", "--private-network", *args)
        cls.addClassCleanup(node.end)
        return node

    def upgrade_lines(self, node):
        return [line for line in node.stderr().splitlines() if " upgrade: " in line]

    def test_before_and_after(self):
        until("the old node hears of it", lambda: self.old.rpc("posw_getUpgrades")["unknown"])
        told = self.old.rpc("posw_getUpgrades")
        self.assertEqual(told["known"], [])
        self.assertEqual([(u["state"], int(u["height"], 16), int(u["networks"], 16), u["credible"]) for u in told["unknown"]],
                         [("coming", self.HEIGHT, 1, True)])
        lines = until("it says so", lambda: self.upgrade_lines(self.old))
        self.assertRegex(lines[0], f"Z warn  upgrade: peers in 1 part of the network expect an upgrade at block {self.HEIGHT}, within the hour: get the chain's new file")
        s = samples(get(self.old.ready["metricsPort"], "/metrics")[2])
        self.assertEqual((s["posw_upgrade_unknown"], s["posw_upgrade_unknown_height"], s['posw_upgrades{state="coming"}']), (1, self.HEIGHT, 0))
        self.assertLessEqual(s["posw_upgrade_unknown_seconds"], self.HEIGHT)
        shown = posw("status", "--rpc", f"http://127.0.0.1:{self.old.port}").out
        self.assertRegex(shown, "UPGRADE +peers in 1 part of the network expect an upgrade")
        # The node that knows it.
        known = self.new.rpc("posw_getUpgrades")
        self.assertEqual(known["unknown"], [])
        self.assertEqual([(u["name"], u["state"], int(u["height"], 16)) for u in known["known"]], [("larger-blocks", "coming", self.HEIGHT)])
        self.assertEqual(known["known"][0]["changes"], [{"parameter": "gasLimit", "from": hex(30000000), "to": hex(60000000)}])
        self.assertRegex(self.upgrade_lines(self.new)[0], "Z info  upgrade: the upgrade larger-blocks comes with block 14, .*; this node knows it and will follow")
        s = samples(get(self.new.ready["metricsPort"], "/metrics")[2])
        self.assertEqual((s['posw_upgrades{state="coming"}'], s["posw_upgrade_height"], s["posw_upgrade_unknown"]), (1, self.HEIGHT, 0))
        self.assertRegex(posw("status", "--rpc", f"http://127.0.0.1:{self.new.port}").out, f"upgrade +larger-blocks at block {self.HEIGHT}, within the hour")
        # And afterwards.
        self.node(f"{self.folder}/new.json", "miner", "--connect", self.new.ready["node"], "--mine-alone", *operating.mining(self.folder))
        until("the height is passed", lambda: self.new.tip()[0] > self.HEIGHT, seconds=60)
        until("the new node says so", lambda: len(self.upgrade_lines(self.new)) == 2)
        self.assertRegex(self.upgrade_lines(self.new)[1], "the upgrade larger-blocks is in force since block 14")
        self.assertEqual(self.new.rpc("posw_getUpgrades")["known"][0]["state"], "active")
        self.assertEqual(samples(get(self.new.ready["metricsPort"], "/metrics")[2])['posw_upgrades{state="active"}'], 1)
        self.assertLess(self.old.tip()[0], self.HEIGHT)
        # It may hear of it from one that is beyond, who cannot say at which block.
        words = re.compile("a node that was dialled changed the rules at (block 14|a block that it does not name), ")
        until("the old node knows that it has missed it",
              lambda: any("Z error upgrade: " in line and words.search(line) for line in self.upgrade_lines(self.old)))
        self.assertEqual(samples(get(self.old.ready["metricsPort"], "/metrics")[2])["posw_upgrade_unknown_seconds"], 0)
        self.assertEqual(self.old.rpc("posw_getUpgrades")["unknown"][0]["state"], "missed")
        status, _, text = get(self.old.port, "/health/ready")
        self.assertEqual(status, 503)
        self.assertTrue(any(words.search(reason) for reason in json.loads(text)["reasons"]), text)
        self.assertEqual(get(self.old.port, "/health/live")[0], 200)


if __name__ == "__main__":
    unittest.main()
