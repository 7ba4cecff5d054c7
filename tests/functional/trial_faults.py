"""What goes wrong around a node: damaged files, full disks, taken ports, wrong directories, signals, kill -9, too little of everything.

Each fault must give one sentence on stderr that begins with "posw: " and names problem and remedy (log lines aside), and an exit code other
than 0; nothing may crash, hang or fail an assertion; and when the fault is removed, the chain is the one that was there before.

    POSW=build/posw python3 tests/functional/trial_faults.py                 all, about a minute and a half
    POSW=build/posw python3 tests/functional/trial_faults.py FullDisk        one class
"""

import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from posw_process import ADDRESS, COMMAND_S, SECRET, NotReady, Node, RpcError, Stream, complaints, may_mount, posw

# Blocks only when asked for. Those of a chain with an hour between blocks may run two hours ahead of the clock, so other nodes import them.
QUIET = ("dev", "--no-mining", "--block-time", "3600")
STOP_S = 1.0  # on SIGTERM and SIGINT, of a machine that has nothing else to do
RANDOM = random.Random(20260131)
RESTORE = ("restore", "move it away|remove it|move .* away")


def stop_limit():
    """A busy machine gives the node only a part of its time."""
    return STOP_S * max(1.0, os.getloadavg()[0] / os.cpu_count())


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="posw-faults-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def check_sentence(self, result, *patterns):
        """One sentence of posw, a code that says failure and no signal, and each pattern found in it."""
        said = complaints(result.err)
        self.assertEqual(len(said), 1, result)
        self.assertTrue(said[0].startswith("posw: "), result)
        self.assertIn(result.code, (1, 2), result)
        for pattern in patterns:
            self.assertRegex(said[0], pattern, result)

    def refused(self, *args, says=(), before_exec=None):
        self.check_sentence(posw(*args, timeout=20, before_exec=before_exec), *says)

    def check_verified(self, datadir, number=None, chain=None):
        result = posw("db", "verify", "--chain", chain or os.path.join(datadir, "chain.json"), "--datadir", datadir, "--json")
        self.assertEqual(result.code, 0, result)
        if number is not None:
            self.assertEqual(json.loads(result.out)["height"], number, result)

    def tip_of(self, datadir):
        with Node(*QUIET, "--datadir", datadir) as node:
            return node.tip()


def grow(node, blocks, txs=10, data=b""):
    """Blocks with transfers of account 1; their tip."""
    nonce = node.nonce()
    for _ in range(blocks):
        if txs > 0:
            node.send(nonce, txs, data=data)
        nonce += txs
        node.rpc("evm_mine")
    return node.tip()


def make_datadir(path, blocks=60, txs=10, args=()):
    """A kept chain; its tip."""
    with Node(*QUIET, *args, "--datadir", path) as node:
        tip = grow(node, blocks, txs)
        node.stop()
        return tip


class WithChain(Case):
    """One chain for the whole class; each test works on a copy."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="posw-faults-")
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.original = os.path.join(cls.shared, "original")
        cls.tip = make_datadir(cls.original)

    def copy(self, name="copy"):
        path = self.path(name)
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.original, path)
        return path

    def check_whole(self, datadir):
        self.assertEqual(self.tip_of(datadir), self.tip)
        self.check_verified(datadir, self.tip[0])


def flip(path, at, size=3):
    """Inverts bytes; a negative place counts from the end."""
    with open(path, "r+b") as file:
        file.seek(at, os.SEEK_SET if at >= 0 else os.SEEK_END)
        place = file.tell()
        data = file.read(size)
        file.seek(place)
        file.write(bytes(byte ^ 0xFF for byte in data))


def cut(path, size):
    os.truncate(path, size if size >= 0 else os.path.getsize(path) + size)


class DamagedFiles(WithChain):
    """Damage, the sentence, then the file as it was: the chain must be the same."""

    def damage(self, name, how, says, verify_says=None):
        """Without verify_says the node itself refuses to start; with it only verify reads that far."""
        datadir = self.copy()
        path = os.path.join(datadir, name)
        with open(path, "rb") as file:
            sound = file.read()
        how(path)
        if verify_says is None:
            self.refused(*QUIET, "--datadir", datadir, "--port", "0", says=says)
            self.refused("export", "--chain", os.path.join(datadir, "chain.json"), "--datadir", datadir, self.path("out.rlp"), says=says)
            self.assertFalse(os.path.exists(self.path("out.rlp")))
        else:
            with Node(*QUIET, "--datadir", datadir) as node:
                self.assertEqual(node.tip(), self.tip)
                self.assertEqual(node.stop()[0].code, 0)
        self.refused("db", "verify", "--chain", os.path.join(datadir, "chain.json"), "--datadir", datadir, says=verify_says or says)
        with open(path, "wb") as file:
            file.write(sound)
        self.check_whole(datadir)

    def test_bodies(self):
        for name in ("blocks/blk00000.dat", "blocks/exe00000.dat"):
            place = re.escape(name)
            with self.subTest(name):
                self.damage(name, lambda path: flip(path, os.path.getsize(path) // 2), None, ("block [0-9]+: ", *RESTORE))
                self.damage(name, lambda path: flip(path, 30), None, ("block 0: ", *RESTORE))
                self.damage(name, lambda path: flip(path, -5), (place, "checksum", *RESTORE))
                for size in (-1, -30, 1000, 0):
                    self.damage(name, lambda path, size=size: cut(path, size), (place, "ends inside", *RESTORE))
                self.damage(name, os.unlink, (place, "is missing", *RESTORE))

    def test_a_tail_that_was_never_committed(self):
        datadir = self.copy()
        for name in ("blk00000.dat", "exe00000.dat", "blk00001.dat"):
            with open(os.path.join(datadir, "blocks", name), "ab") as file:
                file.write(os.urandom(5000))
        self.check_whole(datadir)

    def test_state(self):
        name, page = "state/data.mdb", 4096
        for size in (0, 1, page, 2 * page, 3 * page + 5):
            with self.subTest(size=size):
                self.damage(name, lambda path, size=size: cut(path, size), ("state", *RESTORE))
        self.damage(name, lambda path: cut(path, os.path.getsize(path) // 2), ("data.mdb is cut short", *RESTORE))
        self.damage(name, os.unlink, ("holds blocks, but .*state is missing", *RESTORE))
        for at in (16, page + 16):  # LMDB's magic number of either meta page
            self.damage(name, lambda path, at=at: flip(path, at), ("state", *RESTORE))
        self.damage(name, lambda path: (flip(path, 0, 160), flip(path, page, 160)), ("state", *RESTORE))

    def test_bits_of_the_meta_pages(self):
        """Whatever changes there: refused, or the same chain."""
        datadir = self.copy()
        path = os.path.join(datadir, "state/data.mdb")
        chain = os.path.join(datadir, "chain.json")
        for at in range(16, 152, 4):
            place = at + RANDOM.choice((0, 4096))
            flip(path, place, 1)
            result = posw("db", "verify", "--chain", chain, "--datadir", datadir, "--json", timeout=20)
            if result.code == 0:
                self.assertEqual(json.loads(result.out)["height"], self.tip[0], f"byte {place}")
            else:
                self.check_sentence(result)
            flip(path, place, 1)
        self.check_whole(datadir)

    def test_lost_rows(self):
        """A state that has lost the row that names its genesis must not be begun anew."""
        datadir = self.copy()
        path = os.path.join(datadir, "state/data.mdb")
        with open(path, "rb") as file:
            sound = file.read()
        for key in (b"chain.genesis", b"chain.spec", b"chain.format", b"end.blocks"):
            with open(path, "wb") as file:
                file.write(sound.replace(key, key.upper()))
            self.refused("db", "verify", "--chain", os.path.join(datadir, "chain.json"), "--datadir", datadir, says=RESTORE)
        with open(path, "wb") as file:
            file.write(sound)
        self.check_whole(datadir)

    def test_a_file_that_is_cut_while_it_is_in_use(self):
        datadir = self.copy()
        path = os.path.join(datadir, "state/data.mdb")
        with open(path, "rb") as file:
            sound = file.read()
        with Node(*QUIET, "--datadir", datadir) as node:
            cut(path, 8192)
            with contextlib.suppress(Exception):
                for i in range(1, 60):
                    node.rpc("eth_getTransactionByHash", "0x%064x" % RANDOM.getrandbits(256))
                    node.rpc("eth_getBlockByNumber", hex(i), True)
            self.check_sentence(node.wait(), "cut short or cannot be read", "check the disk")
        with open(path, "wb") as file:
            file.write(sound)
        self.check_whole(datadir)

    def test_journal(self):
        """Waiting transactions are worth a warning, not a node."""
        for content in (os.urandom(50000), bytes(50000), b"\x00\x00\x00\x05hello"):
            datadir = self.copy()
            with open(os.path.join(datadir, "mempool.journal"), "wb") as file:
                file.write(content)
            self.check_whole(datadir)
        datadir = self.copy()
        os.unlink(os.path.join(datadir, "mempool.journal"))
        os.mkfifo(os.path.join(datadir, "mempool.journal"))
        self.check_whole(datadir)


class WrongPlaces(WithChain):
    def test_port_in_use(self):
        datadir = self.copy()
        with Node("dev", "--no-mining") as other:
            self.refused(*QUIET, "--datadir", datadir, "--port", str(other.port), says=(f"port {other.port} ", "in use", "--port"))
        self.check_whole(datadir)

    def test_second_node(self):
        datadir, chain = self.copy(), os.path.join(self.original, "chain.json")
        with Node(*QUIET, "--datadir", datadir) as node:
            says = (re.escape(datadir), f"in use by process {node.process.pid}", "stop it, or choose another")
            self.refused(*QUIET, "--datadir", datadir, "--port", "0", says=says)
            self.refused("node", "--chain", chain, "--datadir", datadir, "--port", "0", says=says)
            self.refused("db", "verify", "--chain", chain, "--datadir", datadir, says=says)
            self.assertEqual(node.tip(), self.tip)
        self.check_whole(datadir)

    def test_datadir_of_another_chain(self):
        datadir = self.copy()
        make_datadir(self.path("other"), 1, txs=0, args=("--chain-id", "4242"))  # not by its second of birth alone
        other = self.path("other", "chain.json")
        says = (re.escape(datadir), "genesis 0x[0-9a-f]{64}", "choose another")
        self.refused("node", "--chain", other, "--datadir", datadir, "--port", "0", says=says)
        self.refused("db", "verify", "--chain", other, "--datadir", datadir, says=says)
        self.check_whole(datadir)

    def test_datadirs_that_cannot_be(self):
        chain, file = os.path.join(self.original, "chain.json"), self.path("file")
        with open(file, "w") as f:
            f.write("x")
        cases = [(file, "in the way: a directory is needed"), (file + "/below", "in the way"), ("/dev/null", "in the way"),
                 ("", "empty"), (self.path("n" * 300), "File name too long; choose a shorter"),
                 (self.path("d/" * 3000), "too long a path; choose a shorter"), ("/proc/posw", "cannot create")]
        for datadir, says in cases:
            with self.subTest(datadir[:60]):
                self.refused("node", "--chain", chain, "--datadir", datadir, "--port", "0", says=(says,))
        with open(file) as f:
            self.assertEqual(f.read(), "x")

    def test_other_things_in_the_place_of_files(self):
        def directory(path):
            os.mkdir(path)

        def pipe(path):
            os.mkfifo(path)

        for name in ("LOCK", "chain.json", "state/data.mdb", "blocks/blk00000.dat", "blocks/exe00000.dat"):
            for make in (directory, pipe):
                if (name, make) == ("LOCK", pipe):
                    continue  # a pipe can be locked
                with self.subTest(name, make=make.__name__):
                    datadir = self.copy()
                    os.unlink(os.path.join(datadir, name))
                    make(os.path.join(datadir, name))
                    self.refused(*QUIET, "--datadir", datadir, "--port", "0")

    def test_read_only(self):
        chain = os.path.join(self.original, "chain.json")
        if may_mount():
            with small_disk(self.path("disk"), "64m") as disk:
                datadir = os.path.join(disk.path, "copy")
                shutil.copytree(self.original, datadir)
                disk.remount("ro")
                for args in ([*QUIET, "--datadir", datadir], ["node", "--chain", chain, "--datadir", datadir, "--no-network"],
                             [*QUIET, "--datadir", os.path.join(disk.path, "new")]):
                    self.refused(*args, "--port", "0", says=("Read-only", "choose a place|remount"))
                disk.remount("rw")
                self.check_whole(datadir)
            return
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere and nothing may be mounted")
        datadir = self.copy()
        os.chmod(os.path.join(datadir, "LOCK"), 0o400)
        os.chmod(datadir, 0o500)
        try:
            self.refused(*QUIET, "--datadir", datadir, "--port", "0", says=("Permission denied", "owner and mode"))
        finally:
            os.chmod(datadir, 0o700)
            os.chmod(os.path.join(datadir, "LOCK"), 0o600)
        self.check_whole(datadir)

    def test_wrong_chain_files(self):
        with open(os.path.join(self.original, "chain.json")) as file:
            sound = json.load(file)
        text = json.dumps(sound)

        def without(key):
            return json.dumps({k: v for k, v in sound.items() if k != key})

        def changed(**keys):
            return json.dumps({**sound, **keys})

        cases = {
            "nothing": ("", "not valid JSON"), "no JSON": ("hello", "line 1"), "a list": ("[]", "is a list"), "cut": (text[:200], "not valid JSON"),
            "rubbish behind": (text + "x", "not valid JSON"), "deep": ("[" * 100000, "depth"), "two of a key": (text[:-1] + ', "chainId": 5}', "chainId"),
            "no chain id": (without("chainId"), "chainId"), "unknown key": (changed(blcokTime=1), "blcokTime"), "text for a number": (changed(blockTime="x"), "blockTime"),
            "negative": (changed(blockTime=-1), "blockTime is negative"), "zero": (changed(blockTime=0), "blockTime"), "fraction": (changed(window=1.5), "window"),
            "huge": (changed(window=2**62), "window"), "unknown proof of work": (changed(pow="sha256"), "pow"),
            "unknown preset": (changed(weight={"preset": "cubic"}), "preset"), "short unbonding": (changed(unbonding=1), "unbonding"),
            "bad address": (changed(accounts={"0x1234": "1 coin"}), "0x1234"), "bad amount": (changed(accounts={ADDRESS[0]: "1 cow"}), "amount"),
        }
        chain, datadir = self.path("chain.json"), self.copy()
        for name, (content, says) in cases.items():
            with self.subTest(name):
                with open(chain, "w") as file:
                    file.write(content)
                says = (re.escape(chain), says)
                self.refused("chain", "check", chain, says=says)
                self.refused("node", "--chain", chain, "--datadir", self.path("new"), "--port", "0", says=says)
                self.refused("node", "--chain", chain, "--datadir", datadir, "--port", "0", says=says)
        for path, says in ((self.path("none"), "No such file"), (self.folder, "not a regular file"), ("/dev/zero", "not a regular file")):
            self.refused("node", "--chain", path, "--datadir", datadir, "--port", "0", says=(re.escape(path), says))
        self.assertFalse(os.path.exists(self.path("new")))
        self.check_whole(datadir)


class SmallDisk:
    def __init__(self, path, size):
        self.path = path
        os.makedirs(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.path], check=True)


@contextlib.contextmanager
def small_disk(path, size):
    disk = SmallDisk(path, size)
    try:
        yield disk
    finally:
        subprocess.run(["umount", path], check=True)


@unittest.skipUnless(may_mount(), "FULL DISK NOT TESTED: only root may mount a small file system")
class FullDisk(Case):
    def fill(self, node):
        """Big blocks until the node stops; the last tip that it told, and what it said at the end."""
        tip, nonce = node.tip(), node.nonce()
        with contextlib.suppress(Exception):
            for _ in range(2000):
                node.send(nonce, 50, data=bytes(RANDOM.randrange(3000)))
                nonce += 50
                node.rpc("evm_mine", 2)
                tip = node.tip()
        return tip, node.wait()

    def check_full(self, size_kb):
        with small_disk(self.path(f"disk{size_kb}"), f"{size_kb}k") as disk:
            datadir = os.path.join(disk.path, "data")
            with Node(*QUIET, "--datadir", datadir) as node:
                tip, result = self.fill(node)
            self.assertGreater(tip[0], 0)
            self.check_sentence(result, "no space left", "free some space", "nothing is lost")
            self.check_verified(datadir)  # still full
            disk.remount(f"size={4 * size_kb + 8192}k")
            self.check_verified(datadir)
            with Node(*QUIET, "--datadir", datadir) as node:
                self.assertEqual(node.rpc("eth_getBlockByNumber", hex(tip[0]), False)["hash"], tip[1])
                self.assertLessEqual(node.tip()[0], tip[0] + 1)  # the first of two that were asked for may have got in
                now = grow(node, 3, 0)
                self.assertEqual(node.stop()[0].code, 0)
            self.assertEqual(self.tip_of(datadir), now)
            self.check_verified(datadir, now[0])

    def test_while_mining(self):
        for size_kb in (2048, 4096):
            with self.subTest(size_kb=size_kb):
                self.check_full(size_kb)

    def test_from_the_start(self):
        """So small that not even the beginning fits: made larger, the same command works."""
        for size_kb in (4, 16, 24, 40, 64):
            with self.subTest(size_kb=size_kb), small_disk(self.path(f"tiny{size_kb}"), f"{size_kb}k") as disk:
                datadir = os.path.join(disk.path, "data")
                try:
                    with Node(*QUIET, "--datadir", datadir):
                        pass
                except NotReady as error:
                    self.check_sentence(error.result, "[Nn]o space left", "free some space")
                disk.remount("size=16m")
                with Node(*QUIET, "--datadir", datadir) as node:
                    tip = grow(node, 3)
                self.assertEqual(self.tip_of(datadir), tip)

    def test_import_and_export(self):
        source = self.path("source")
        tip = make_datadir(source, 60, 30)
        chain, blocks = os.path.join(source, "chain.json"), self.path("blocks.rlp")
        self.assertEqual(posw("export", "--chain", chain, "--datadir", source, blocks).code, 0)
        for size_kb, batch in ((200, 100), (400, 1), (700, 10)):
            with self.subTest(size_kb=size_kb, batch=batch), small_disk(self.path(f"disk{size_kb}"), f"{size_kb}k") as disk:
                datadir = os.path.join(disk.path, "data")
                command = ["import", "--chain", chain, "--datadir", datadir, "--commit-blocks", str(batch), blocks]
                self.refused(*command, says=("could not be stored", "no space left", "free some space"))
                self.check_verified(datadir, chain=chain)
                self.refused("export", "--chain", chain, "--datadir", source, os.path.join(disk.path, "b.rlp"), says=("No space left", "free some space"))
                self.assertEqual([n for n in os.listdir(disk.path) if n != "data"], [])
                disk.remount("size=32m")
                result = posw(*command)
                self.assertEqual(result.code, 0, result)
                self.check_verified(datadir, tip[0], chain)


class Signals(Case):
    def check_stops(self, node, number):
        result, seconds = node.stop(number)
        self.assertEqual((result.code, complaints(result.err)), (0, []), result)
        self.assertLessEqual(seconds, stop_limit())

    def test_while_mining_under_load(self):
        datadir = self.path("data")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            with Node("dev", "--datadir", datadir) as node, load(node, 8):
                node.send(node.nonce(), 400)
                time.sleep(1.3)
                self.check_stops(node, number)
        self.check_verified(datadir)

    def test_in_the_middle_of_a_long_request(self):
        datadir = self.path("data")
        with Node("dev", "--datadir", datadir) as node:
            answers = []

            def mine():
                with contextlib.suppress(Exception):
                    answers.append(node.rpc("evm_mine", 10000))

            thread = threading.Thread(target=mine)
            thread.start()
            time.sleep(0.5)
            self.check_stops(node, signal.SIGTERM)
            thread.join()
        self.assertEqual(answers, [])
        self.check_verified(datadir)

    def test_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Node("dev", "--datadir", self.path("data")) as node:
                self.check_stops(node, number)
        with Node("dev", "--datadir", self.path("data")) as node:  # nobody loses patience
            for _ in range(5):
                node.process.send_signal(signal.SIGINT)
            self.check_stops(node, signal.SIGINT)

    def test_import(self):
        source = self.path("source")
        tip = make_datadir(source, 100, 60)
        chain, blocks = os.path.join(source, "chain.json"), self.path("blocks.rlp")
        self.assertEqual(posw("export", "--chain", chain, "--datadir", source, blocks).code, 0)
        datadir, interrupted, killed, longest = self.path("data"), 0, 0, 0.14
        for round_number in range(40):
            if round_number >= 8 and interrupted > 0 and killed > 2:
                break
            command = ["import", "--chain", chain, "--datadir", datadir, "--commit-blocks", RANDOM.choice(("1", "7", "50")), blocks]
            for number in (signal.SIGKILL, signal.SIGTERM):
                code = self.import_and_signal(command, number, longest)
                if code == -signal.SIGTERM:  # it had not begun, and held nothing: then a busy machine needs more time to begin
                    longest = min(longest * 1.5, 10)
                elif code == 0:  # it was done: from the beginning
                    longest = max(longest / 1.5, 0.05)
                    shutil.rmtree(datadir)
                    continue
                interrupted += code == 1
                killed += code == -signal.SIGKILL
                if os.path.exists(os.path.join(datadir, "state")):
                    self.check_verified(datadir, chain=chain)
        self.assertGreater(killed, 2)
        self.assertGreater(interrupted, 0)
        self.assertEqual(posw("import", "--chain", chain, "--datadir", datadir, blocks).code, 0)
        self.check_verified(datadir, tip[0], chain)
        shutil.copy(chain, datadir)
        self.assertEqual(self.tip_of(datadir), tip)

    def import_and_signal(self, command, number, longest):
        with subprocess.Popen([os.fspath(POSW_PATH), *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            time.sleep(0.02 + RANDOM.random() * (longest - 0.02))
            start = time.monotonic()
            process.send_signal(number)
            err = process.communicate(timeout=COMMAND_S)[1]
            if process.returncode == 1:
                self.assertLessEqual(time.monotonic() - start, stop_limit())
                self.assertEqual(len(complaints(err)), 1, err)
                self.assertRegex(err, "interrupted after block [0-9]+; run the same command again")
            return process.returncode


POSW_PATH = posw.__globals__["POSW"]


@contextlib.contextmanager
def load(node, threads):
    """Clients who ask for whole blocks as fast as they can."""
    body = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "eth_getBlockByNumber", "params": ["latest", True]} for i in range(200)]).encode()
    request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    ended = threading.Event()

    def ask():
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", node.port), timeout=5) as s:
                while not ended.is_set():
                    s.sendall(request)
                    while s.recv(1 << 20).count(b"HTTP/1.1") == 0 and not ended.is_set():
                        pass

    workers = [threading.Thread(target=ask, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        ended.set()
        for worker in workers:
            worker.join(10)


class Kill9(Case):
    ROUNDS = 10

    def start(self):
        """A real node with a keystore, mining as fast as it may."""
        if not os.path.exists(self.path("chain.json")):
            with open(self.path("key"), "w") as file:
                file.write("%064x\n" % SECRET[0])
            with open(self.path("password"), "w") as file:
                file.write("secret\n")
            accounts = ",".join(f"{a}=1000000coin" for a in ADDRESS)
            for args in (["wallet", "import", "--key-file", self.path("key"), "--light", "--keystore", self.path("keys"), "--password-file", self.path("password")],
                         ["chain", "new", "--name", "Faults", "--ticker", "FLT", "--chain-id", "1337", "--pow", "keccak256", "--block-time", "1",
                          "--difficulty", "20000", "--weight", "pow", "--accounts", accounts, self.path("chain.json")]):
                result = posw(*args)
                self.assertEqual(result.code, 0, result)
        return Node("node", "--chain", self.path("chain.json"), "--datadir", self.path("data"), "--no-network", "--mine", ADDRESS[0], "--keystore", self.path("keys"),
                    "--password-file", self.path("password"))

    def test_while_mining_with_transactions(self):
        seen = {}
        for _ in range(self.ROUNDS):
            with self.start() as node:
                self.assertLess(node.ready_s, 1.0)
                self.check_all_there(node, seen)
                nonce, end = node.nonce(), time.monotonic() + 0.2 + RANDOM.random()
                while time.monotonic() < end:
                    with contextlib.suppress(RpcError):  # those of the last round are still being read back: "already known"
                        node.send(nonce, 20)
                    nonce += 20
                    number, hash_, _ = node.tip()
                    seen[number] = hash_
            self.assertEqual(complaints(node.stderr()), [])
        with self.start() as node:
            self.check_all_there(node, seen)
            self.assertEqual(node.stop()[0].code, 0)
        self.assertGreater(len(seen), 3)
        self.check_verified(self.path("data"), chain=self.path("chain.json"))

    def check_all_there(self, node, seen):
        """Every block that was ever told."""
        for answer, hash_ in zip(node.batch([("eth_getBlockByNumber", [hex(n), False]) for n in seen] or [("net_version", [])]), seen.values()):
            self.assertEqual(answer["result"]["hash"], hash_)


class DevelopmentTime(Case):
    def test_many_blocks_then_a_restart(self):
        """evm_mine runs ahead of the clock; after a restart time goes on from the tip, at its own pace."""
        datadir = self.path("data")
        with Node("dev", "--datadir", datadir) as node:
            for _ in range(3):
                node.rpc("evm_mine", 1000)
            before = node.rpc("eth_getBlockByNumber", "latest", False)
            node.stop()
        self.assertGreaterEqual(int(before["number"], 16), 3000)
        with Node("dev", "--datadir", datadir) as node:
            self.assertLess(node.ready_s, 1.0)
            first = node.rpc("eth_getBlockByNumber", "latest", False)
            self.assertGreaterEqual(int(first["number"], 16), int(before["number"], 16))
            time.sleep(4.2)
            last = node.rpc("eth_getBlockByNumber", "latest", False)
            blocks = int(last["number"], 16) - int(first["number"], 16)
            seconds = int(last["timestamp"], 16) - int(first["timestamp"], 16)
            self.assertIn(blocks, range(3, 7))
            self.assertIn(seconds, range(3, 7))
            node.rpc("evm_increaseTime", 1000)
            node.rpc("evm_mine")
            self.assertGreaterEqual(int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16), int(last["timestamp"], 16) + 1000)
            self.assertEqual(node.stop()[0].code, 0)
        self.check_verified(datadir)


def limited(what, value):
    def set_limit():
        resource.setrlimit(what, (value, value))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return set_limit


class Limits(WithChain):
    def test_address_space(self):
        """The state's map takes what it gets: 4 GB and much less will do."""
        for megabytes in (4096, 512):
            datadir = self.copy()
            with Node(*QUIET, "--datadir", datadir, before_exec=limited(resource.RLIMIT_AS, megabytes << 20)) as node:
                self.assertEqual(node.tip(), self.tip)
                tip = grow(node, 5)
                self.assertEqual(node.stop()[0].code, 0)
            self.assertEqual(self.tip_of(datadir), tip)
        self.refused(*QUIET, "--datadir", datadir, "--port", "0", says=("memory|address space", "raise|give"),
                     before_exec=limited(resource.RLIMIT_AS, 50 << 20))
        self.assertEqual(self.tip_of(datadir), tip)

    def test_memory_runs_out(self):
        datadir = self.copy()
        with Node(*QUIET, "--datadir", datadir) as node:
            room = (int(node.memory_mb("VmSize")) + 3) << 20
            resource.prlimit(node.process.pid, resource.RLIMIT_AS, (room, room))
            with contextlib.suppress(Exception):
                for nonce in range(node.nonce(), 20000, 100):
                    node.send(nonce, 100, data=bytes(1000))
            if node.process.poll() is None:  # what asked for too much was refused, and the node goes on
                self.assertEqual(node.tip(), self.tip)
                self.assertEqual(node.stop()[0].code, 0)
            else:
                self.check_sentence(node.wait(), "out of memory", "more memory", "nothing is lost")
        self.check_whole(datadir)

    def test_open_files(self):
        datadir = self.copy()
        with Node(*QUIET, "--datadir", datadir, before_exec=limited(resource.RLIMIT_NOFILE, 64)) as node:
            sockets = [socket.create_connection(("127.0.0.1", node.port), timeout=2) for _ in range(200)]
            answers = [ask_block_number(s) for s in sockets]
            self.assertGreater(answers.count("200"), 5)
            self.assertEqual(answers.count("200") + answers.count("503"), 200, answers)
            for s in sockets:
                s.close()
            until(self, 5, lambda: ask_once(node) == "200")
            tip = grow(node, 3)
            result, _ = node.stop()
            self.assertEqual((result.code, complaints(result.err)), (0, []), result)
        self.assertEqual(self.tip_of(datadir), tip)
        for files in (5, 8, 10, 11, 12, 13, 14, 16, 20, 30):
            with self.subTest(files=files):
                self.refused(*QUIET, "--datadir", datadir, "--port", "0", says=("open files", "ulimit -n"),
                             before_exec=limited(resource.RLIMIT_NOFILE, files))

    def test_file_size(self):
        datadir = self.copy()
        size = max(os.path.getsize(os.path.join(datadir, n)) for n in ("state/data.mdb", "blocks/blk00000.dat")) + 40000
        with Node(*QUIET, "--datadir", datadir, before_exec=limited(resource.RLIMIT_FSIZE, size)) as node:
            tip = self.tip
            with contextlib.suppress(Exception):
                for _ in range(400):
                    node.rpc("evm_mine", 2)
                    tip = node.tip()
            self.check_sentence(node.wait(), "could not be stored", "limits")
        with Node(*QUIET, "--datadir", datadir) as node:
            self.assertEqual(node.rpc("eth_getBlockByNumber", hex(tip[0]), False)["hash"], tip[1])
        self.check_verified(datadir)

    def test_closed_standard_streams(self):
        """Their numbers must not become those of data files."""
        for redirection, code in ((">&-", 0), ("2>&-", 0), (">&- 2>&- <&-", 0), (">/dev/full", 1)):
            with self.subTest(redirection):
                datadir = self.copy()
                script = f'"$0" dev --no-mining --block-time 3600 --datadir "$1" --port 0 --json-ready {redirection} & sleep 0.5; kill -TERM $! 2>/dev/null; wait $!'
                done = subprocess.run(["sh", "-c", script, POSW_PATH, datadir], capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, code, done.stderr)
                if code == 1:
                    self.assertEqual(complaints(done.stderr), ["posw: standard output cannot be written to: give it a file or a terminal that can"])
                self.check_whole(datadir)


def ask_block_number(s):
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
    try:
        s.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = s.recv(4096)
    except ConnectionError:
        return "503"  # it was closed behind that answer
    return answer[9:12].decode()


def ask_once(node):
    with socket.create_connection(("127.0.0.1", node.port), timeout=2) as s:
        return ask_block_number(s)


def until(case, seconds, ask):
    end = time.monotonic() + seconds
    while not ask():
        case.assertLess(time.monotonic(), end)
        time.sleep(0.05)


class Memory(Case):
    """Resident memory comes back to a bound. AFTER_MB is what may be left after everything below, PEAK_MB the most on the way."""
    AFTER_MB, PEAK_MB = 48, 80

    def bounded(self, node, most, what):
        self.assertLessEqual(node.memory_mb(), most, f"resident memory after {what}")

    def test_everything_at_once(self):
        with Node(*QUIET, "--datadir", self.path("data")) as node:
            self.block_numbers(node)
            self.bounded(node, self.AFTER_MB, "200,000 eth_blockNumber")
            self.transactions(node)
            self.subscriptions(node)
            self.bounded(node, self.PEAK_MB, "2,000 subscriptions")
            self.filters(node)
            node.connection.close()
            node.connection = None
            until(self, 10, lambda: node.memory_mb() <= self.AFTER_MB)
            self.assertEqual(node.stop()[0].code, 0)

    def block_numbers(self, node):
        many = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "eth_blockNumber", "params": []} for i in range(1000)])
        one = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
        for _ in range(190):
            node.post(many)
        for _ in range(10000):
            node.post(one)

    def transactions(self, node):
        for nonce in range(0, 20000, 200):
            node.send(nonce, 200)
        self.assertEqual(int(node.rpc("txpool_status")["pending"], 16), 20000)
        self.bounded(node, self.PEAK_MB, "20,000 waiting transactions")
        while int(node.rpc("txpool_status")["pending"], 16) > 0:
            node.rpc("evm_mine")
        self.assertEqual(node.nonce(), 20000)

    def subscriptions(self, node):
        kinds = (["newHeads"], ["newPendingTransactions"], ["logs", {"address": ADDRESS[1]}])
        for _ in range(10):
            streams = []
            for i in range(200):
                streams.append(Stream(node.port))
                streams[-1].send({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": kinds[i % 3]})
            for stream in streams:
                self.assertIn("result", stream.receive())
            node.rpc("evm_mine")
            for stream in streams:
                stream.close()

    def filters(self, node):
        made, refused = [], 0
        kinds = (("eth_newBlockFilter", []), ("eth_newPendingTransactionFilter", []),
                 ("eth_newFilter", [{"address": [ADDRESS[1]] * 20, "topics": [["0x" + "11" * 32] * 10]}]))
        for _ in range(10):
            for answer in node.batch([kinds[i % 3] for i in range(1000)]):
                if "result" in answer:
                    made.append(answer["result"])
                else:
                    self.assertRegex(answer["error"]["message"], "too many filters")
                    refused += 1
        self.assertEqual(len(made) + refused, 10000)
        self.bounded(node, self.PEAK_MB, "10,000 filters")
        for at in range(0, len(made), 1000):
            node.batch([("eth_uninstallFilter", [filter_id]) for filter_id in made[at:at + 1000]])

    def test_readers_who_do_not_read(self):
        """Answers of all clients together that wait to be read have a limit of 256 MiB."""
        with Node("dev", "--no-mining") as node:
            grow(node, 1, 40, bytes(60000))
            body = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "eth_getBlockByNumber", "params": ["0x1", True]} for i in range(4)]).encode()
            self.assertGreater(len(node.post(body)), 10 << 20)
            sockets = []
            for _ in range(100):
                s = socket.socket()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.connect(("127.0.0.1", node.port))
                s.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                sockets.append(s)
            node.rpc("eth_blockNumber")
            self.bounded(node, 256 + self.PEAK_MB, "100 readers who do not read")
            for s in sockets:
                s.close()
            until(self, 10, lambda: node.memory_mb() <= self.PEAK_MB)


if __name__ == "__main__":
    unittest.main()
