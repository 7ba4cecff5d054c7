"""The wallet from outside: mnemonics, the address book, offline signing, messages, waiting, history.

POSW names the binary (default: build/posw). See test_cli.py, whose tools these tests use.

    POSW=build/posw python3 tests/functional/test_wallet.py            all
    POSW=build/posw python3 tests/functional/test_wallet.py Book       one class
"""

import json
import os
import pty
import stat
import unittest

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


for name in [n for n in dir(test_cli.Terminal) if n.startswith("test_")]:
    setattr(TypedMnemonic, name, None)  # they ran already


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


if __name__ == "__main__":
    unittest.main()
