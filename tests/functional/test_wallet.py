"""The wallet from outside: mnemonics, the address book, offline signing, messages, waiting, history.

POSW names the binary (default: build/posw). See test_cli.py, whose tools these tests use.

    POSW=build/posw python3 tests/functional/test_wallet.py            all
    POSW=build/posw python3 tests/functional/test_wallet.py Book       one class
"""

import http.server
import json
import os
import re
import signal
import stat
import subprocess
import threading
import unittest
import urllib.request

import test_cli
from test_cli import ADDRESS, COIN, MNEMONIC, NOBODY, SECRET, STAKING, Node, posw

ABANDON = "abandon " * 11 + "about"


class Case(test_cli.Case):
    """With a home of its own, where the address book is."""

    def setUp(self):
        super().setUp()
        before = os.environ.get("HOME")
        os.environ["HOME"] = self.dir
        self.addCleanup(lambda: os.environ.pop("HOME") if before is None else os.environ.__setitem__("HOME", before))


class Mnemonics(Case):
    def imported(self, *args):
        words = self.write("words", MNEMONIC)
        return self.json(posw("wallet", "import", *self.keys(), "--light", "--mnemonic-file", words, "--json", *args))

    def test_new_with_several(self):
        made = self.json(posw("wallet", "new", "--mnemonic", "--count", "3", *self.keys(), "--light", "--json"))
        self.assertEqual([k["derivation"] for k in made["keys"]], ["m/44'/60'/0'/0/%d" % i for i in range(3)])
        again = self.json(posw("wallet", "import", "--keystore", self.path("other"), "--password-file", self.path("password"), "--light",
                               "--mnemonic-file", self.write("w", made["mnemonic"]), "--count", "3", "--json"))
        self.assertEqual([k["address"] for k in again["keys"]], [k["address"] for k in made["keys"]])

    def test_paths(self):
        several = self.imported("--count", "2")
        self.assertEqual([k["address"] for k in several["keys"]], ADDRESS)
        # Those that are there stay; the rest comes in.
        text = self.ok(posw("wallet", "import", *self.keys(), "--light", "--mnemonic-file", self.path("words"), "--count", "3")).out
        self.assertEqual(text.count("(it was there)"), 2)
        self.assertIn("derivation m/44'/60'/0'/0/2", text)
        # Ledger Live counts in the third number; MyEtherWallet's old Ledger path has four.
        live = self.imported("--path", "m/44'/60'/1'/0/0")
        self.assertNotIn(live["address"], ADDRESS)
        old = self.imported("--path", "m/44'/60'/0'/3")
        self.assertEqual(old["derivation"], "m/44'/60'/0'/3")

    def test_passphrase(self):
        made = self.imported("--passphrase-file", self.write("pp", "TREZOR\n"))
        self.assertNotIn(made["address"], ADDRESS)

    def test_refusals(self):
        words = ("wallet", "import", *self.keys(), "--light", "--mnemonic-file", self.write("words", MNEMONIC))
        self.misused(posw(*words, "--path", "44/60"), "--path", "not a derivation path")
        self.misused(posw(*words, "--path", "m"), "master key")
        self.misused(posw(*words, "--count", "0"), "--count")
        self.misused(posw(*words, "--count", "101"), "--count")
        self.misused(posw(*words, "--count", "2", "--path", "m/2147483647"), "beyond the last key")
        self.misused(posw(*words, "--index", "1", "--path", "m/1"), "give --index or --path")
        self.misused(posw("wallet", "new", *self.keys(), "--no-mnemonic", "--count", "2"), "do not go with --no-mnemonic")
        self.refused(posw("wallet", "import", "--mnemonic", *self.keys()), "no terminal", "--mnemonic-file")
        mistyped = ("wallet", "import", *self.keys(), "--mnemonic-file")
        self.refused(posw(*mistyped, self.write("w", ABANDON.replace("about", "abuot"))), "word 12", "'abuot'", "did you mean about?")
        self.refused(posw(*mistyped, self.write("w", ABANDON.replace("about", "zebra"))), "checksum")
        self.assertEqual(len(os.listdir(self.path("keys"))), 1)  # of the two with --path m/2147483647, the first


class TypedMnemonic(test_cli.Terminal):
    """A mnemonic typed on a terminal is not shown there. (The tests of passwords are those of test_cli.)"""

    def test_typed(self):
        self.write("password", "open sesame\n")
        pid, fd = self.start("wallet", "import", "--mnemonic", "--light", "--keystore", self.path("keys"), "--password-file", self.path("password"))
        self.read_until(fd, "The mnemonic (not shown): ")
        self.type(fd, MNEMONIC + "\n")
        text = self.read_until(fd, "derivation")
        self.assertEqual(self.finish(pid), 0)
        self.assertIn(ADDRESS[0], text)
        self.assertNotIn("junk", text)


class Book(Case):
    def book(self, *args):
        return posw("wallet", "book", *args)

    def test_add_list_remove(self):
        self.assertIn("empty", self.ok(self.book()).err)
        added = self.json(self.book("add", "alice", ADDRESS[1].lower(), "--json"))
        self.assertEqual(added, {"name": "alice", "address": ADDRESS[1]})
        self.ok(self.book("add", "Cold-Wallet_2.b", NOBODY))
        path = self.path(".posw", "book.json")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(self.ok(self.book("list")).out, "%s  alice\n%s  Cold-Wallet_2.b\n" % (ADDRESS[1], NOBODY))
        self.assertEqual([e["name"] for e in self.json(self.book("list", "--json"))["names"]], ["alice", "Cold-Wallet_2.b"])
        # A name does not move by itself, not even in another case.
        self.refused(self.book("add", "ALICE", NOBODY), "in the address book already", ADDRESS[1])
        self.ok(self.book("remove", "Alice"))
        self.refused(self.book("remove", "alice"), "no name 'alice'")
        self.assertEqual(len(self.json(self.book("--json"))["names"]), 1)

    def test_refusals(self):
        for name in ("0xabc", "1st", "a b", "all", "none", "x" * 33, ADDRESS[0], ADDRESS[0][2:]):
            with self.subTest(name):
                self.misused(self.book("add", name, NOBODY), "name")
        self.misused(self.book("add", "alice", ADDRESS[0][:-1] + "7"), "checksum")
        self.misused(self.book("add", "alice", "0x12"), "is not an address")
        self.misused(self.book("add", "alice"), "add NAME ADDRESS")
        self.misused(self.book("list", "alice"), "add NAME ADDRESS")
        self.misused(self.book("frob"), "add NAME ADDRESS")
        os.makedirs(self.path(".posw"), exist_ok=True)
        self.write(".posw/book.json", "{}")
        self.refused(self.book("list"), "book.json", "not an address book")
        # Plain addresses still work; the broken file is told.
        result = self.refused(posw("wallet", "export", NOBODY, *self.keys()), "there is no key of")
        self.assertNotIn("note: the address book", result.err)
        self.misused(posw("wallet", "export", "alice", *self.keys()), "'alice' is not an address", "address book")
        with open(self.path(".posw", "book.json")) as f:
            self.assertEqual(f.read(), "{}")

    def test_names_everywhere(self):
        self.import_dev_keys()
        self.ok(self.book("add", "me", ADDRESS[1]))
        self.ok(self.book("add", "alice", ADDRESS[0]))
        self.assertEqual(self.ok(posw("wallet", "list", *self.keys()[:2])).out.splitlines()[1].split()[:2], [ADDRESS[1], "(me)"])
        self.assertEqual(self.ok(posw("wallet", "export", "me", "--private-key", *self.keys())).out, SECRET[1] + "\n")
        with Node("dev", "--no-mining") as node:
            sent = self.ok(node.run("send", "--from", "me", "--to", "ALICE", "--amount", "1 gwei", "--wait", *self.keys()))
            self.assertIn("from %s (me) to %s (alice)" % (ADDRESS[1], ADDRESS[0]), sent.out)
            self.ok(node.run("stake", "add", "--from", "me", "--miner", "alice", "--amount", "3000", "--wait", *self.keys()))
            page = self.ok(posw("stake", "status", "me", "--rpc", node.rpc_url)).out
            self.assertIn("for the miner %s (alice)" % ADDRESS[0], page)
            self.misused(posw("stake", "status", "bob", "--rpc", node.rpc_url), "'bob' is not an address", "posw wallet book list")


class Amounts(Case):
    def test_units_and_checksums(self):
        send = ("send", "--from", ADDRESS[0], "--to", NOBODY, *self.keys(), "--amount")
        for amount in ("0.1234567890123456789 coin", "0.5 wei", "1.0000000001 gwei", "1 finney", "1e18 wei", "-1", "", "1 coin coin", "0x10"):
            with self.subTest(amount):
                self.misused(posw(*send, amount), "--amount must be an amount")
        for amount in ("0.123456789012345678 coin", "12.5 coins", "3 gwei", "1.000000001 gwei", "1 wei", "7"):
            with self.subTest(amount):
                self.refused(posw(*send, amount), "there is no key of")  # understood: the next step is the key


class Chained(Case):
    """With a development chain; a block is made whenever a command has sent something and waits (Node.run)."""

    def setUp(self):
        super().setUp()
        self.import_dev_keys()
        self.node = Node("dev", "--no-mining")
        self.addCleanup(self.node.close)

    def online(self, *args):
        return posw(*args, "--rpc", self.node.rpc_url)

    def between(self, answer):
        """The address of a node that answers answer(body, forward), both bytes; forward(body) is what the real one says."""

        def forward(body):
            request = urllib.request.Request(self.node.rpc_url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as said:
                return said.read()

        class Between(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                text = answer(handler.rfile.read(int(handler.headers["Content-Length"])), forward)
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(text)))
                handler.end_headers()
                handler.wfile.write(text)

            def log_message(handler, *args):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Between)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        for step in (server.server_close, serving.join, server.shutdown):  # the last one first
            self.addCleanup(step)
        return "http://127.0.0.1:%d" % server.server_address[1]


class Offline(Chained):
    def unsigned(self, name="tx.json", *args):
        args = args or ("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "12.5 coin")
        return self.json(self.online(*args, "--keystore", self.path("nothing"), "--offline", self.path(name), "--json"))

    def edit(self, name, change):
        with open(self.path(name)) as f:
            content = json.load(f)
        change(content)
        return self.write("edited.json", json.dumps(content))

    def test_there_and_back(self):
        made = self.unsigned()
        self.assertEqual(made["file"], self.path("tx.json"))
        self.assertNotIn("hash", made)
        shown = self.ok(posw("tx", "show", self.path("tx.json"))).out
        genesis = self.node.call("eth_getBlockByNumber", "0x0", False)["hash"]
        for part in ("12.5 coin from %s to %s" % (ADDRESS[1], NOBODY), "fee          at most 0.", "posw dev", "chain id 1337",
                     "genesis      " + genesis, "nonce        0", "signed       no"):
            self.assertIn(part, shown)
        self.refused(self.online("tx", "send", self.path("tx.json")), "not signed yet", "posw tx sign")
        self.refused(posw("tx", "sign", self.path("tx.json"), *self.keys(), "--chain-id", "1"), "chain id 1337", "nothing was signed")
        text = self.ok(posw("tx", "sign", self.path("tx.json"), *self.keys(), "--chain-id", "1337")).out
        self.assertIn(shown.splitlines()[0], text)  # before the password, what is signed
        self.refused(posw("tx", "sign", self.path("tx.json"), *self.keys()), "is signed already")
        signed = self.json(posw("tx", "show", self.path("tx.json"), "--json"))
        self.assertEqual((signed["isSigned"], signed["file"]["valueWei"]), (True, str(25 * COIN // 2)))
        sent = self.json(self.node.run("tx", "send", self.path("tx.json"), "--wait", "--json"))
        self.assertEqual((sent["hash"], sent["succeeded"], sent["confirmations"]), (signed["hash"], True, 1))
        self.assertEqual(int(self.node.call("eth_getBalance", NOBODY, "latest"), 16), 25 * COIN // 2)
        self.refused(self.online("tx", "send", self.path("tx.json")), "the transaction %s was sent already" % signed["hash"], "in block 1.", "Nothing was sent")

    def test_sent_before(self):
        for name in ("one.json", "two.json"):  # with the same nonce
            self.unsigned(name, "send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "1" if name == "one.json" else "2")
            self.ok(posw("tx", "sign", self.path(name), *self.keys()))
        sent = self.json(self.online("tx", "send", self.path("one.json"), "--json"))
        again = self.online("tx", "send", self.path("one.json"))
        self.refused(again, "was sent already, and waits in the node's pool", "posw tx wait " + sent["hash"])
        self.node.call("evm_mine")
        self.refused(self.online("tx", "send", self.path("two.json")), "the nonce 0 of %s is used already" % ADDRESS[1], "another one took its place", "--offline")
        self.assertEqual(int(self.node.call("eth_getBalance", NOBODY, "latest"), 16), COIN)

    def test_staking_calls_in_words(self):
        words = {
            ("stake", "add", "--miner", ADDRESS[0], "--amount", "3000"): "stake of 3000 coin by %s for the miner %s" % (ADDRESS[1], ADDRESS[0]),
            ("stake", "signer", "--signer", NOBODY): "signer of the miner %s: %s" % (ADDRESS[1], NOBODY),
            ("stake", "remove", "--amount", "10", "--gas", "99999"): "removal of 10 coin of %s from the stake of the miner %s" % (ADDRESS[1], ADDRESS[1]),
            ("stake", "withdraw", "--gas", "99999"): "withdrawal of the unlocked coins of " + ADDRESS[1],
            ("send", "--to", STAKING, "--amount", "1", "--data", "0x01020304", "--gas", "99999"): "(the staking contract), with 4 bytes of data that are not",
        }
        for i, (args, text) in enumerate(words.items()):
            with self.subTest(args):
                self.unsigned("%d.json" % i, *args, "--from", ADDRESS[1])
                self.assertIn(text, self.ok(posw("tx", "show", self.path("%d.json" % i))).out)
        # A call with coins that the function does not take is not made to look harmless.
        path = self.edit("3.json", lambda f: f.update(valueWei=str(COIN)))
        self.assertIn("1 coin from", self.ok(posw("tx", "show", path)).out)

    def test_refusals(self):
        self.unsigned()
        self.refused(self.online("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "1", "--offline", self.path("tx.json")), "tx.json")
        self.misused(self.online("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "1", "--offline", self.path("b.json"), "--wait"), "nothing to wait for")
        self.refused(posw("tx", "show", self.path("missing")), self.path("missing"))
        self.refused(posw("tx", "show", self.write("bad", "{}")), "not a transaction file", "--offline")
        self.refused(posw("tx", "show", self.edit("tx.json", lambda f: f.update(poswTransaction=2))), "version 2")
        self.refused(posw("tx", "show", self.edit("tx.json", lambda f: f.update(memo="x"))), "members that are not known")
        self.refused(posw("tx", "sign", self.edit("tx.json", lambda f: f.update({"from": NOBODY})), *self.keys()), "there is no key of")
        self.ok(posw("tx", "sign", self.path("tx.json"), *self.keys()))
        self.refused(self.online("tx", "send", self.edit("tx.json", lambda f: f.update(valueWei="1"))), "another transaction than the one that is signed")
        self.refused(self.online("tx", "send", self.edit("tx.json", lambda f: f["chain"].update(genesis="0x" + "00" * 32))),
                     "another genesis block", "nothing was sent")
        with Node("dev", "--no-mining", "--chain-id", "1338") as other:
            self.refused(posw("tx", "send", self.path("tx.json"), "--rpc", other.rpc_url), "chain id 1337", "chain id 1338", "nothing was sent")


class Liars(Chained):
    """A node that tells something else than the truth: what would the user sign?"""

    SEND = ("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "1")

    def liar(self, **lies):
        """The address of a node that answers these methods so, and others as the real one does."""
        asked = self.asked = []

        def answer(body, forward):
            call = json.loads(body)
            asked.append(call["method"])
            if call["method"] not in lies:
                return forward(body)
            return json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": lies[call["method"]]}).encode()

        return self.between(answer)

    def test_absurd_fees(self):
        """Nobody pays a fortune as a fee because a node says so; who means it says it."""
        for lie in ({"eth_maxPriorityFeePerGas": hex(COIN // 20999)}, {"eth_feeHistory": {"baseFeePerGas": [hex(COIN // 41999)]}},
                    {"eth_estimateGas": hex(10**9)}):
            with self.subTest(lie):
                url = self.liar(**lie)
                self.refused(posw(*self.SEND, *self.keys(), "--rpc", url), "asks for fees of up to ", "nothing was signed", "--max-fee")
                self.refused(posw(*self.SEND, "--offline", self.path("tx.json"), "--rpc", url), "asks for fees of up to ")
                self.assertFalse(os.path.exists(self.path("tx.json")))
                self.assertNotIn("eth_sendRawTransaction", self.asked)
        url = self.liar(eth_maxPriorityFeePerGas=hex(COIN // 20999))
        sent = self.json(posw(*self.SEND, *self.keys(), "--rpc", url, "--max-fee", "%d wei" % (COIN // 20000), "--json"))
        self.assertEqual((sent["costAtMostWei"], sent["maxFeePerGasWei"]), (str(21000 * (COIN // 20000)), str(COIN // 20000)))

    def test_another_chain(self):
        """A signature for a chain that the user did not mean would move its coins there."""
        url = self.liar(eth_chainId="0x1")
        for args in (self.SEND, ("stake", "add", "--from", ADDRESS[1], "--amount", "3000")):
            self.refused(posw(*args, *self.keys(), "--chain-id", "1337", "--rpc", url), "chain with the id 1, not 1337", "nothing was signed")
            self.assertNotIn("eth_sendRawTransaction", self.asked)
        self.misused(posw(*self.SEND, *self.keys(), "--chain-id", "0", "--rpc", url), "--chain-id")
        self.ok(self.online(*self.SEND, *self.keys(), "--chain-id", "1337"))

    def test_a_name_that_passes_for_an_id(self):
        """What is signed stands before what the node calls it."""
        url = self.liar(posw_chainParameters={"name": "My Chain (MINE), chain id 424242", "ticker": "MINE", "genesisHash": "0x" + "12" * 32, "gasLimit": "0x1c9c380"})
        self.ok(posw(*self.SEND, "--offline", self.path("named.json"), "--rpc", url))
        self.assertRegex(self.ok(posw("tx", "show", self.path("named.json"))).out, r"(?m)^for +chain id 1337, called My Chain \(MINE\), chain id 424242 \(MINE\)$")

    def test_unattended_with_a_node_elsewhere(self):
        """Where nobody sees what is signed, a node that is not on this machine does not choose the chain."""
        url = self.liar().replace("127.0.0.1", "0.0.0.0")  # reached all the same, but not a name for this machine
        for args in (self.SEND, ("stake", "withdraw", "--from", ADDRESS[1])):
            self.misused(posw(*args, *self.keys(), "--rpc", url), "--chain-id N is needed", "not on this machine")
            self.assertNotIn("eth_sendRawTransaction", self.asked)
        for host in ("127.evil.example", "localhost.evil.example", "[::2]", "128.0.0.1"):  # nothing is asked of them
            with self.subTest(host):
                self.misused(posw(*self.SEND, *self.keys(), "--rpc", "http://%s:1" % host), "--chain-id N is needed")
        self.ok(posw(*self.SEND, "--offline", self.path("tx.json"), *self.keys(), "--rpc", url))  # signed elsewhere, by who reads it
        self.ok(posw(*self.SEND, *self.keys(), "--chain-id", "1337", "--rpc", url))
        for host in ("localhost", "127.0.0.1"):
            self.ok(posw(*self.SEND, *self.keys(), "--rpc", self.node.rpc_url.replace("127.0.0.1", host)))


    def test_a_node_that_is_behind(self):
        """Coins that it has not heard of yet are not gone."""
        status = self.node.call("posw_status")
        note = "note: the node is catching up with the chain and stands at block 0: it does not know yet what came later\n"
        for syncing in (True, False):
            url = self.liar(posw_status={**status, "syncing": syncing}, eth_getBalance="0x0")
            result = self.refused(posw(*self.SEND, *self.keys(), "--rpc", url), "insufficient funds")
            self.assertEqual(note in result.err, syncing)
            self.assertEqual(self.ok(posw("stake", "status", ADDRESS[1], "--rpc", url)).err, note if syncing else "")


class Unsure(Chained):
    """Whatever ends the command after it has sent something, its user knows what: or it would be paid twice."""

    SEND = Liars.SEND

    def test_an_answer_that_is_lost(self):
        def answer(body, forward):
            said = forward(body)
            return b"" if json.loads(body)["method"] == "eth_sendRawTransaction" else said

        url = self.between(answer)
        for more in ((), ("--wait",), ("--json",)):
            with self.subTest(more):
                result = self.refused(posw(*self.SEND, *self.keys(), "--rpc", url, *more), "")
                told = re.search("may have arrived all the same: before you send anew, ask 'posw tx wait (0x[0-9a-f]{64})'", result.err)
                self.assertIsNotNone(told, str(result))
                self.assertIsNotNone(self.node.call("eth_getTransactionByHash", told[1]))

    def test_an_interrupted_wait(self):
        for more in ((), ("--json",)):
            with self.subTest(more):
                process = subprocess.Popen([test_cli.POSW, *self.SEND, *self.keys(), "--wait", "--timeout", "30", "--rpc", self.node.rpc_url, *more],
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
                try:
                    line = process.stderr.readline()
                finally:
                    process.send_signal(signal.SIGINT)
                    process.communicate(timeout=test_cli.COMMAND_S)
                told = re.match("note: sent as (0x[0-9a-f]{64});", line)
                self.assertIsNotNone(told, line)
                self.assertIsNotNone(self.node.call("eth_getTransactionByHash", told[1]))

    def test_a_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([test_cli.POSW, *self.SEND, *self.keys(), "--rpc", self.node.rpc_url, "--json"], stdout=full,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=test_cli.COMMAND_S)
        told = re.search("note: the transaction (0x[0-9a-f]{64}) was sent", done.stderr)
        self.assertIsNotNone(told, done.stderr)
        self.assertEqual(done.returncode, 1)
        self.assertIsNotNone(self.node.call("eth_getTransactionByHash", told[1]))


class BeforeThePassword(test_cli.Terminal):
    """Who types a password sees first what is signed with it. (The other tests of terminals are those of test_cli.)"""

    def test_page(self):
        self.import_dev_keys()
        with Node("dev", "--no-mining") as node:
            pid, fd = self.start("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "12.5 coin", "--keystore", self.path("keys"), "--rpc", node.rpc_url)
            page = self.read_until(fd, "Password: ")
            for part in ("12.5 coin from %s to %s" % (ADDRESS[1], NOBODY), "fee          at most 0.0000441 coin", "chain id 1337", "nonce        0"):
                self.assertIn(part, page)
            self.type(fd, "open sesame\n")
            self.assertIn("transaction  0x", self.read_until(fd, "node's pool"))
            self.assertEqual(self.finish(pid), 0)


for name in [n for n in dir(test_cli.Terminal) if n.startswith("test_")]:
    setattr(TypedMnemonic, name, None)  # they ran already
    setattr(BeforeThePassword, name, None)


class Waiting(Chained):
    def send(self, *args):
        return self.online("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "1", *self.keys(), *args)

    def wait(self, *args):
        return self.online("tx", "wait", *args)

    def test_cost_in_a_sentence(self):
        result = self.ok(self.send())
        self.assertRegex(result.out, r"(?m)^cost +at most 0\.\d+ coin, likely 0\.\d+; it will be in one of the next 2 blocks$")
        sent = self.json(self.send("--json"))
        self.assertEqual(int(sent["costAtMostWei"]), 21000 * int(sent["maxFeePerGasWei"]))
        self.assertLess(int(sent["costLikelyWei"]), int(sent["costAtMostWei"]))
        self.assertEqual(sent["withinBlocks"], 2)
        self.node.mine(1)
        paid = self.node.call("eth_getTransactionReceipt", sent["hash"])
        self.assertEqual(int(paid["gasUsed"], 16) * int(paid["effectiveGasPrice"], 16), int(sent["costLikelyWei"]))
        gap = self.ok(self.send("--nonce", "4"))  # 2 is the next one
        self.assertIn("; it will wait for 2 transactions of this sender before it", gap.out)
        self.assertEqual(self.json(self.send("--nonce", "5", "--json"))["withinBlocks"], 0)
        self.assertIn("one of the next 2 blocks", self.ok(self.send("--nonce", "2")).out)
        low = self.ok(self.send("--tip", "1 wei"))
        self.assertIn("its tip is lower than usual", low.out)

    def test_risk_and_value(self):
        sent = self.json(self.send("--json"))
        self.node.mine(1)
        z = self.json(posw("lab", "confirmations", "--q", "0.1", "--risk", "0.001", "--json"))["confirmations"]
        risk = ("--wait-risk", "0.001", "--attacker", "0.1")
        late = self.refused(self.wait(sent["hash"], *risk, "--timeout", "1"), "has 1 of %d confirmations" % z)
        self.assertIn("10 % of the hash", late.err)
        self.node.mine(z - 1)
        done = self.json(self.wait(sent["hash"], *risk, "--json"))
        self.assertEqual([done[k] for k in ("confirmations", "confirmationsWanted", "final", "reorganisations")], [z, z, False, 0])
        # By value: each confirmation is backed by a ticket, which loses 30 % of its price.
        price = int(self.node.call("posw_getEpoch")["ticketPrice"], 16)
        self.assertGreater(price, 0)
        self.node.mine(1)
        for tickets, wanted in ((1, 4), (2, 7)):  # ceil(tickets / 0.3)
            done = self.json(self.wait(sent["hash"], "--wait-value", "%d wei" % (tickets * price), "--timeout", "9", "--json"))
            self.assertEqual(done["confirmationsWanted"], wanted)
        # More than all tickets of a window lose, which come back then: no number of them is enough.
        reorg, window = (int(self.node.call("posw_chainParameters")[key], 16) for key in ("maxReorg", "window"))
        late = self.refused(self.wait(sent["hash"], "--wait-value", "%d wei" % ((window * 3 // 10 + 1) * price), "--timeout", "1"), "of %d confirmations" % (reorg + 1))
        self.assertIn("which makes it final for the node: all tickets of a window lose less than that", late.err)
        # What is final for the node needs no more waiting, whatever was asked for.
        self.node.mine(reorg + 1)
        done = self.json(self.wait(sent["hash"], "--wait-value", "%d wei" % (20000 * price), "--json"))
        self.assertTrue(done["final"])
        self.assertIn("it is final for the node", self.ok(self.wait(sent["hash"], *risk)).out)

    def test_refusals(self):
        any_hash = "0x" + "12" * 32
        self.misused(self.wait("0x12"), "is not the hash of a transaction")
        for args, part in ((("--wait-risk", "0"), "--wait-risk"), (("--wait-risk", "1"), "--wait-risk"), (("--wait-risk", "often"), "--wait-risk"),
                           (("--wait-risk", "0.1", "--attacker", "0.5"), "--attacker"), (("--attacker", "0.2"), "--attacker goes with --wait-risk"),
                           (("--wait-risk", "1e-300", "--attacker", "0.4999"), "no number of confirmations"), (("--wait-value", "much"), "--wait-value"),
                           (("--timeout", "0"), "--timeout")):
            with self.subTest(args):
                self.misused(self.wait(any_hash, *args), part)
        unknown = self.refused(self.wait(any_hash, "--timeout", "1"), "in no block after 1 s")
        self.assertIn("note: the node does not know this transaction", unknown.err)
        with Node("dev", "--no-mining", "--weight", "pow") as other:
            self.misused(posw("tx", "wait", any_hash, "--wait-value", "1", "--rpc", other.rpc_url), "needs a chain with tickets")


class History(Chained):
    def history(self, *args, url=None):
        return posw("wallet", "history", *args, "--rpc", url or self.node.rpc_url)

    def do(self, *args):
        return self.json(self.node.run(*args, *self.keys(), "--json"))

    def balance(self, address):
        return int(self.node.call("eth_getBalance", address, "latest"), 16)

    def test_it_adds_up(self):
        """What history tells is exactly what the balances moved by."""
        before = [self.balance(a) for a in ADDRESS]
        self.do("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "5", "--wait")
        self.do("send", "--from", ADDRESS[0], "--to", ADDRESS[1], "--amount", "2", "--wait")
        self.do("send", "--from", ADDRESS[1], "--to", ADDRESS[1], "--amount", "1", "--wait")
        self.do("stake", "add", "--from", ADDRESS[1], "--miner", ADDRESS[0], "--amount", "3000", "--wait")
        self.node.run("send", "--from", ADDRESS[1], "--to", STAKING, "--amount", "7", "--gas", "60000", "--wait", *self.keys())  # fails there
        mine, his = self.json(self.history(ADDRESS[1], "--json")), self.json(self.history(ADDRESS[0], "--json"))
        self.assertEqual([e["kind"] for e in mine["entries"]], ["sent", "received", "self", "staking", "staking"])
        self.assertEqual([e["failed"] for e in mine["entries"]], [False] * 4 + [True])
        self.assertEqual((mine["sentWei"], mine["receivedWei"], mine["minedWei"]), (str(5 * COIN), str(2 * COIN), "0"))
        self.assertEqual(self.balance(ADDRESS[1]), before[1] - 3003 * COIN - int(mine["feesWei"]))
        kinds = [e["kind"] for e in his["entries"]]
        self.assertEqual((kinds.count("mined"), kinds.count("sent"), kinds.count("named"), len(kinds)), (self.node.height(), 1, 1, self.node.height() + 2))
        self.assertEqual(self.balance(ADDRESS[0]), before[0] - 2 * COIN - int(his["feesWei"]) + int(his["minedWei"]))
        self.assertEqual((his["fromBlock"], his["toBlock"], his["complete"]), (0, self.node.height(), True))
        page = self.ok(self.history(ADDRESS[1])).out
        for part in ("5 coin from %s to %s" % (ADDRESS[1], NOBODY), "stake of 3000 coin by", "it failed", "received  2 coin", "that is all"):
            self.assertIn(part, page)

    def test_range(self):
        self.do("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "5", "--wait")
        self.node.mine(300)  # two requests
        top = self.node.height()
        part = self.json(self.history(ADDRESS[1], "--blocks", "10", "--json"))
        self.assertEqual((part["fromBlock"], part["toBlock"], part["entries"]), (top - 9, top, []))
        self.assertIn("blocks    %d to %d were looked at; earlier ones were not" % (top - 9, top), self.ok(self.history(ADDRESS[1], "--blocks", "10")).out)
        self.assertEqual(len(self.json(self.history(ADDRESS[1], "--json"))["entries"]), 1)
        first = self.json(self.history(ADDRESS[1], "--to-block", "1", "--json"))
        self.assertEqual((first["fromBlock"], first["toBlock"], len(first["entries"])), (0, 1, 1))
        self.misused(self.history(ADDRESS[1], "--to-block", str(top + 1)), "--to-block")
        self.misused(self.history(ADDRESS[1], "--blocks", "0"), "--blocks")
        self.misused(self.history("bob"), "'bob' is not an address")

    def test_interrupt(self):
        """Ctrl-C during the second request: what was found is printed, and which blocks were looked at."""
        self.node.mine(300)
        asked, process, is_known = [], [], threading.Event()

        def answer(body, forward):
            asked.append(body.count(b"ots_getBlockDetails"))
            if sum(n > 0 for n in asked) == 2:
                is_known.wait(60)
                os.kill(process[0].pid, signal.SIGINT)
            return forward(body)

        command = [test_cli.POSW, "wallet", "history", NOBODY, "--json", "--rpc", self.between(answer)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            process.append(child)
            is_known.set()
            out, err = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 0, err)
        told = json.loads(out)
        self.assertEqual((told["toBlock"], told["complete"]), (300, False))
        self.assertEqual(told["fromBlock"], 51)  # the first request's 250 blocks


if __name__ == "__main__":
    unittest.main()
