"""The command line, from outside: the real binary, its own files, and what a person reads when something is wrong.

POSW names the binary (default: build/posw). Python's standard library only. Every process has a time limit and is ended
by its own process id; everything is written to temporary folders.

    POSW=build/posw python3 tests/functional/test_cli.py            all
    POSW=build/posw python3 tests/functional/test_cli.py Wallet     one class
"""

import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import termios
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
POSW = os.path.abspath(os.environ.get("POSW", os.path.join(HERE, "..", "..", "build", "posw")))
COMMAND_S = 60
COIN = 10**18

MNEMONIC = "test test test test test test test test test test test junk"
# The first two accounts of that mnemonic, as every Ethereum wallet shows them.
ADDRESS = ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]
SECRET = ["0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
          "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"]
NOBODY = "0x0000000000000000000000000000000000000001"
STAKING = "0x00000000000000000000000000000000706F7377"


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __str__(self):
        return "posw %s\nexit code %s\nstdout: %s\nstderr: %s" % (" ".join(self.args), self.code, self.out, self.err)


def posw(*args, stdin="", env=None):
    """Runs a command to its end, away from any terminal."""
    done = subprocess.run([POSW, *args], input=stdin, capture_output=True, text=True, timeout=COMMAND_S, env=env,
                          start_new_session=True)
    return Result(args, done.returncode, done.stdout, done.stderr)


class Node:
    """A running node. Ends with the `with` block, by its process id."""

    def __init__(self, *args):
        self.process = subprocess.Popen([POSW, *args, "--port", "0", "--json-ready", "--log-level", "warn"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            raise AssertionError("no node: " + self.process.communicate()[1])
        self.ready = json.loads(line)
        self.rpc_url = self.ready["rpc"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """SIGTERM; returns (exit code, seconds that it took, stderr)."""
        if self.process.poll() is None:
            begin = time.monotonic()
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
            took = time.monotonic() - begin
        else:
            took = 0.0
        err = self.process.communicate()[1] if not self.process.stderr.closed else ""
        return self.process.returncode, took, err

    def call(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.rpc_url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=15) as answer:
            value = json.load(answer)
        if "error" in value:
            raise AssertionError("%s: %s" % (method, value["error"]))
        return value["result"]

    def height(self):
        return int(self.call("eth_blockNumber"), 16)

    def mine(self, count):
        for _ in range(count):
            self.call("evm_mine")

    def mine_to(self, height):
        self.mine(max(0, height - self.height()))

    def run(self, *args):
        """A command that waits for blocks, on a chain that makes them only when told."""
        args = (*args, "--rpc", self.rpc_url)
        with subprocess.Popen([POSW, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              text=True, start_new_session=True) as process:
            try:
                end = time.monotonic() + COMMAND_S
                while True:
                    try:
                        out, err = process.communicate(timeout=0.05)
                        return Result(args, process.returncode, out, err)
                    except subprocess.TimeoutExpired:
                        if time.monotonic() > end:
                            raise
                        if int(self.call("txpool_status")["pending"], 16) > 0:
                            self.mine(1)
            finally:
                if process.poll() is None:
                    process.kill()


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="posw-cli-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), "w" if isinstance(text, str) else "wb") as f:
            f.write(text)
        return self.path(name)

    def ok(self, result):
        self.assertEqual(result.code, 0, str(result))
        return result

    def json(self, result):
        return json.loads(self.ok(result).out)

    def refused(self, result, *parts, code=1):
        """One sentence on stderr that contains every part, nothing else there; the exit code."""
        self.assertEqual(result.code, code, str(result))
        lines = [line for line in result.err.splitlines() if line.startswith("posw: ")]
        self.assertEqual(len(lines), 1, str(result))
        for part in parts:
            self.assertIn(part, lines[0], str(result))
        return result

    def misused(self, result, *parts):
        """Wrong usage points at the help."""
        return self.refused(result, *parts, "--help'", code=2)

    def keys(self):
        """Options of a keystore in this test's folder."""
        if not os.path.exists(self.path("password")):
            self.write("password", "open sesame\n")
        return ("--keystore", self.path("keys"), "--password-file", self.path("password"))

    def import_dev_keys(self):
        for i in range(2):
            self.ok(posw("wallet", "import", *self.keys(), "--light", "--key-file", self.write("secret", SECRET[i] + "\n")))


# ---- help, options, config file ----


def all_commands():
    """Those of posw, then those of `posw lab`."""
    return commands_in(posw("--help").out) + commands_in(posw("lab", "--help").out)


def commands_in(text):
    section = text.split("Commands:\n", 1)[1].split("\n\n", 1)[0]
    return [re.match(r"  ((?:[a-z-]+ ?)+?)  ", line).group(1).strip() for line in section.splitlines()]


class Help(Case):
    def test_list(self):
        names = all_commands()
        for name in ("dev", "node", "status", "chain new", "chain check", "chain show", "wallet new", "wallet list", "wallet import",
                     "wallet export", "send", "stake add", "stake remove", "stake withdraw", "stake status", "stake signer", "import",
                     "export", "db verify", "lab", "man", "completion", "lab double-spend"):
            self.assertIn(name, names)

    def test_every_command(self):
        for name in all_commands():
            with self.subTest(name):
                result = self.ok(posw(*name.split(), "--help"))
                self.assertEqual(result.err, "")
                self.assertIn("Usage: posw %s" % name, result.out)
                self.assertRegex(result.out, r"\nExample:\n(  .*\n)*  posw %s" % name)
                self.assertIn("--help ", result.out)
                self.assertEqual(self.ok(posw(*name.split(), "-h")).out, result.out)

    def test_a_full_disk(self):
        """What could not be written is no success."""
        chain = self.path("c.json")
        self.ok(posw("chain", "new", "--name", "C", "--ticker", "C", "--chain-id", "4242", chain))
        for args in (("--help",), ("send", "--help"), ("chain", "show", chain), ("man",), ("completion", "bash")):
            with self.subTest(args), open("/dev/full", "w") as full:
                done = subprocess.run([POSW, *args], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=COMMAND_S)
                self.refused(Result(args, done.returncode, "", done.stderr), "the output could not be written")

    def test_groups(self):
        for group in ("chain", "wallet", "stake", "db", "lab"):
            self.assertIn("posw %s COMMAND" % group, self.ok(posw(group, "--help")).out)
            self.assertEqual(posw(group).code, 2)

    def test_version(self):
        self.assertRegex(self.ok(posw("--version")).out, r"^posw \d+\.\d+\.\d+\n$")

    def test_unknown(self):
        self.assertEqual(posw().code, 2)
        self.misused_anywhere(posw("frobnicate"), "unknown command 'frobnicate'")
        for words, meant in ((["nod"], "(did you mean 'node'?)"), (["chian", "new"], "'chian new' (did you mean 'chain new'?)"),
                             (["walet", "list"], "(did you mean 'wallet"), (["chain", "nwe"], "(did you mean 'chain new'?)"),
                             (["node", "--datadri", "x"], "--datadri (did you mean --datadir?)")):
            self.misused_anywhere(posw(*words), meant)
        self.assertNotIn("did you mean", posw("node", "--frobnicate").err)
        self.misused_anywhere(posw("chain", "frobnicate"), "unknown command 'chain frobnicate'")
        for name in all_commands():
            with self.subTest(name):
                self.misused(posw(*name.split(), "--frobnicate"), "unknown option --frobnicate", "posw %s --help" % name)
        self.misused(posw("dev", "-x"), "unknown option -x")
        self.misused(posw("dev", "--json-ready=yes"), "--json-ready takes no value")
        self.misused(posw("dev", "--port"), "--port needs a value")
        self.misused(posw("dev", "surplus"), "unexpected argument 'surplus'")
        self.misused(posw("chain", "check"), "an argument is missing")

    def misused_anywhere(self, result, *parts):
        self.refused(result, *parts, code=2)

    def test_values(self):
        for args, part in (
            (("dev", "--port", "99999"), "--port"),
            (("dev", "--port", "-1"), "--port"),
            (("dev", "--accounts", "0"), "--accounts"),
            (("dev", "--weight", "heavy"), "--weight"),
            (("dev", "--mnemonic", "test test"), "--mnemonic"),
            (("dev", "--log-level", "loud"), "--log-level"),
            (("node",), "--chain FILE and --datadir DIR are needed"),
            (("localnet", "2", "--no-network"), "unknown option --no-network"),  # its nodes are on the loopback, and know each other
            (("localnet", "2", "--listen", "127.0.0.2"), "unknown option --listen"),
        ):
            with self.subTest(args):
                self.misused(posw(*args), part)

    def test_man_and_completion(self):
        man = self.ok(posw("man")).out + self.ok(posw("lab", "man")).out
        script = self.ok(posw("completion", "bash")).out
        for name in all_commands():
            self.assertIn("posw %s" % name, man)
        self.ok_shell("bash", script)
        for name in all_commands():
            if name.split()[0] == "lab":  # a program of its own, looked at below
                continue
            for option in re.findall(r"^  (--[a-z0-9-]+)", self.ok(posw(*name.split(), "--help")).out, re.M):
                self.assertTrue("\\-\\-" + option[2:].replace("-", "\\-") in man, option)
                words = re.search(r'^    "%s ?"\*\) words="([^"]*)"' % re.escape(name), script, re.M)
                self.assertIn(option, words[1].split(), name)
        self.assertTrue(self.ok(posw("completion", "zsh")).out.startswith("#compdef posw"))
        self.misused(posw("completion", "fish"), "bash or zsh")
        names = self.ok(posw("lab", "words")).out.split()
        self.assertEqual(["lab " + name for name in names], [name for name in all_commands() if name.startswith("lab ")])
        for name in names:
            every, valued = self.ok(posw("lab", "words", name)).out.splitlines()
            self.assertLessEqual({"--help", "--config"} & set(every.split()) | set(valued.split()), set(every.split()))

    def ok_shell(self, shell, script):
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=COMMAND_S)


class Config(Case):
    def test_unknown_key(self):
        config = self.write("posw.conf", "# a comment\nblock-time = 2\nfrobnicate = 1\n")
        self.refused(posw("dev", "--config", config), config, "line 3", "unknown key 'frobnicate'", "posw dev --help")

    def test_bad_lines(self):
        for text, part in (("port\n", "line 1: write 'name = value'"), ("\njson-ready = perhaps\n", "line 2: json-ready is a switch"),
                           ("config = other\n", "unknown key 'config'")):
            with self.subTest(text):
                self.refused(posw("dev", "--config", self.write("posw.conf", text)), part)
        self.misused(posw("dev", "--config", self.write("posw.conf", "block-time = soon\n")), "--block-time")
        self.refused(posw("dev", "--config", self.path("missing")), self.path("missing"), "No such file")

    def test_is_used_and_the_command_line_wins(self):
        config = self.write("posw.conf", 'chain-id = 4711\naccounts = "3"\nno-mining = true\n')
        with Node("dev", "--config", config) as node:
            self.assertEqual(node.ready["chainId"], 4711)
            self.assertEqual(int(node.call("eth_getBalance", ADDRESS[1], "latest"), 16), 10000 * COIN)
        with Node("dev", "--config", config, "--chain-id", "4712") as node:
            self.assertEqual(node.ready["chainId"], 4712)


# ---- wallet ----


class Wallet(Case):
    def test_new(self):
        made = self.json(posw("wallet", "new", *self.keys(), "--light", "--json"))
        self.assertEqual(len(made["mnemonic"].split()), 12)
        self.assertRegex(os.path.basename(made["path"]),
                         r"^UTC--\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{9}Z--%s$" % made["address"][2:].lower())
        self.assertEqual(stat.S_IMODE(os.stat(made["path"]).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("keys")).st_mode), 0o700)
        with open(made["path"]) as f:
            content = json.load(f)
        self.assertEqual((content["version"], content["address"]), (3, made["address"][2:].lower()))
        self.assertEqual(content["crypto"]["kdfparams"]["n"], 4096)
        # The mnemonic gives the same key anywhere.
        again = self.json(posw("wallet", "import", "--keystore", self.path("other"), "--password-file", self.path("password"), "--light",
                               "--mnemonic-file", self.write("words", made["mnemonic"] + "\n"), "--json"))
        self.assertEqual(again["address"], made["address"])

    def test_new_is_strong_by_default_and_shows_the_mnemonic(self):
        result = self.ok(posw("wallet", "new", *self.keys(), "--words", "24"))
        words = re.search(r"^mnemonic +(.*)$", result.out, re.M).group(1).split()
        self.assertEqual(len(words), 24)
        with open(re.search(r"^key file +(.*)$", result.out, re.M).group(1)) as f:
            self.assertEqual(json.load(f)["crypto"]["kdfparams"]["n"], 131072)

    def test_new_without_mnemonic(self):
        made = self.json(posw("wallet", "new", *self.keys(), "--light", "--no-mnemonic", "--json"))
        self.assertNotIn("mnemonic", made)
        other = self.json(posw("wallet", "new", *self.keys(), "--light", "--no-mnemonic", "--json"))
        self.assertNotEqual(made["address"], other["address"])

    def test_new_refusals(self):
        self.misused(posw("wallet", "new", *self.keys(), "--words", "13"), "--words must be 12 or 24")
        self.refused(posw("wallet", "new", "--keystore", self.path("keys"), "--password-file", self.write("empty", "\n")), "empty password")
        self.refused(posw("wallet", "new", "--keystore", self.path("keys"), "--password-file", self.write("long", "x" * 1100)), "longer than")
        self.refused(posw("wallet", "new", "--keystore", self.path("keys"), "--password-file", self.write("bin", b"a\0b")), "not a text file")
        self.refused(posw("wallet", "new", "--keystore", self.path("keys")), "no terminal", "--password-file")
        self.refused(posw("wallet", "new", "--light", "--keystore", self.write("file", ""), "--password-file", self.write("password", "x")),
                     self.path("file"))
        self.assertFalse(os.path.exists(self.path("keys")))

    def test_the_default_keystore(self):
        env = dict(os.environ, HOME=self.dir)
        made = self.json(posw("wallet", "new", "--light", "--json", "--password-file", self.write("password", "x"), env=env))
        self.assertTrue(made["path"].startswith(self.path(".posw", "keystore")))
        self.assertIn(made["address"], self.ok(posw("wallet", "list", env=env)).out)

    def test_list(self):
        empty = self.ok(posw("wallet", "list", "--keystore", self.path("keys")))
        self.assertEqual(empty.out, "")
        self.assertIn("posw wallet new", empty.err)
        self.assertEqual(self.json(posw("wallet", "list", "--keystore", self.path("keys"), "--json"))["keys"], [])
        self.import_dev_keys()
        listed = self.json(posw("wallet", "list", "--keystore", self.path("keys"), "--json"))
        self.assertEqual([k["address"] for k in listed["keys"]], ADDRESS)
        self.assertEqual([line.split()[0] for line in self.ok(posw("wallet", "list", "--keystore", self.path("keys"))).out.splitlines()], ADDRESS)
        os.mkdir(self.path("keys", "folder"))
        self.write("keys/broken", "{}")
        listed = self.ok(posw("wallet", "list", "--keystore", self.path("keys")))
        self.assertEqual(len(listed.out.splitlines()), 2)
        self.assertIn(self.path("keys", "broken"), listed.err)
        self.refused(posw("wallet", "list", "--keystore", self.path("password")), self.path("password"))

    def test_import_mnemonic(self):
        words = self.write("words", "\n " + MNEMONIC.upper() + "  \n")
        for i in (1, 0):
            made = self.json(posw("wallet", "import", *self.keys(), "--light", "--mnemonic-file", words, "--index", str(i), "--json"))
            self.assertEqual(made["address"], ADDRESS[i])
        self.refused(posw("wallet", "import", *self.keys(), "--light", "--mnemonic-file", words), ADDRESS[0], "in the keystore already")
        self.refused(posw("wallet", "import", *self.keys(), "--mnemonic-file", self.write("w", MNEMONIC.replace("junk", "junc"))),
                     self.path("w"), "word 12")
        self.refused(posw("wallet", "import", *self.keys(), "--mnemonic-file", self.write("w", MNEMONIC.replace("junk", "test"))), self.path("w"))

    def test_export_round_trips(self):
        self.import_dev_keys()
        for i in range(2):
            secret = self.ok(posw("wallet", "export", ADDRESS[i], "--private-key", *self.keys())).out
            self.assertEqual(secret, SECRET[i] + "\n")
        # As a file, into another keystore, and out again as a key.
        text = self.ok(posw("wallet", "export", ADDRESS[1], "--keystore", self.path("keys"))).out
        self.assertEqual("0x" + json.loads(text)["address"], ADDRESS[1].lower())
        moved = ("--keystore", self.path("moved"), "--password-file", self.path("password"))
        self.assertEqual(self.json(posw("wallet", "import", *moved, "--light", "--json", self.write("exported.json", text)))["address"], ADDRESS[1])
        self.assertEqual(self.ok(posw("wallet", "export", ADDRESS[1].lower(), "--private-key", *moved)).out, SECRET[1] + "\n")

    def test_import_of_another_programs_key_file(self):
        # The second example of the Web3 secret storage definition (pbkdf2, no address in the file).
        foreign = self.write("foreign.json", json.dumps({
            "crypto": {"cipher": "aes-128-ctr", "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
                       "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46", "kdf": "pbkdf2",
                       "kdfparams": {"c": 262144, "dklen": 32, "prf": "hmac-sha256",
                                     "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
                       "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
            "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "version": 3}))
        keys = ("--keystore", self.path("keys"), "--password-file", self.write("password", "testpassword"))
        made = self.json(posw("wallet", "import", *keys, "--light", "--json", foreign))
        self.assertEqual(made["address"].lower(), "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b")
        self.assertEqual(self.ok(posw("wallet", "export", made["address"], "--private-key", *keys)).out,
                         "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d\n")
        # A file without an address inside is found by its name.
        name = "UTC--2026-01-01T00-00-00.0Z--008aeeda4d805471df9b2a5b0f38a0c3bcba786b"
        os.mkdir(self.path("named"))
        shutil.copy(foreign, self.path("named", name))
        self.ok(posw("wallet", "export", made["address"], "--private-key", "--keystore", self.path("named"), *keys[2:]))
        self.refused(posw("wallet", "export", ADDRESS[0], "--private-key", "--keystore", self.path("named"), *keys[2:]), "there is no key of")
        os.rename(self.path("named", name), self.path("named", "UTC--x--" + ADDRESS[0][2:].lower()))
        self.refused(posw("wallet", "export", ADDRESS[0], "--private-key", "--keystore", self.path("named"), *keys[2:]), "another address")

    def test_import_refusals(self):
        both = ("--key-file", self.write("k", SECRET[0]), "--mnemonic-file", self.write("m", MNEMONIC))
        self.misused(posw("wallet", "import", *self.keys()), "give one of")
        self.misused(posw("wallet", "import", *self.keys(), *both), "give one of")
        self.misused(posw("wallet", "import", *self.keys(), *both[:2], "--index", "1"), "--index belongs to --mnemonic and --mnemonic-file")
        for text in ("", "0x1234", "zz" * 32, "00" * 32, "ff" * 32):
            with self.subTest(text):
                self.refused(posw("wallet", "import", *self.keys(), "--key-file", self.write("k", text)), self.path("k"))
        self.refused(posw("wallet", "import", *self.keys(), "--key-file", self.path("missing")), self.path("missing"), "No such file")
        for text in ("", "not json", "{}", '{"version":3,"crypto":{}}'):
            with self.subTest(text):
                self.refused(posw("wallet", "import", *self.keys(), self.write("bad.json", text)), self.path("bad.json"))
        self.refused(posw("wallet", "import", *self.keys(), self.path("missing.json")), self.path("missing.json"))
        self.assertFalse(os.path.exists(self.path("keys")))

    def test_wrong_password(self):
        self.import_dev_keys()
        wrong = ("--keystore", self.path("keys"), "--password-file", self.write("wrong", "close sesame\n"))
        result = self.refused(posw("wallet", "export", ADDRESS[0], "--private-key", *wrong), "wrong password", self.path("keys"), "try again")
        self.assertNotIn(SECRET[0][2:], result.out + result.err)
        self.refused(posw("wallet", "export", ADDRESS[0], "--private-key", "--keystore", self.path("keys"), "--password-file",
                          self.path("missing")), self.path("missing"))

    def test_missing_and_damaged_keys(self):
        self.import_dev_keys()
        self.refused(posw("wallet", "export", NOBODY, *self.keys()), NOBODY, self.path("keys"), "posw wallet import")
        self.misused(posw("wallet", "export", "0x12", *self.keys()), "is not an address")
        self.misused(posw("wallet", "export", ADDRESS[0][:-1] + "7", *self.keys()), "checksum")
        path = self.json(posw("wallet", "list", "--keystore", self.path("keys"), "--json"))["keys"][0]["path"]
        with open(path) as f:
            text = f.read()
        for damaged in (text[:100], "", text.replace('"version":3', '"version":4')):
            with open(path, "w") as f:
                f.write(damaged)
            self.refused(posw("wallet", "export", ADDRESS[0], "--private-key", *self.keys()), path, "backup")
        with open(path, "w") as f:
            f.write(re.sub(r'"mac":"..', '"mac":"00', text))
        self.refused(posw("wallet", "export", ADDRESS[0], "--private-key", *self.keys()), path, "damaged")
        # The other key is not harmed.
        self.ok(posw("wallet", "export", ADDRESS[1], "--private-key", *self.keys()))


class Terminal(Case):
    """Passwords typed on a terminal."""

    def start(self, *args):
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(POSW, [POSW, *args])
        self.addCleanup(os.close, fd)
        return pid, fd

    def read_until(self, fd, text, seconds=20):
        got = b""
        end = time.monotonic() + seconds
        while text.encode() not in got:
            ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
            self.assertTrue(ready, "no %r in %r" % (text, got))
            try:
                piece = os.read(fd, 4096)
            except OSError:
                piece = b""
            self.assertTrue(piece, "ended without %r: %r" % (text, got))
            got += piece
        return got.decode()

    def type(self, fd, text):
        # the prompt comes just before the echo is off: wait until it is
        for _ in range(100):
            if not termios.tcgetattr(fd)[3] & termios.ECHO:
                break
            time.sleep(0.02)
        os.write(fd, text.encode())

    def finish(self, pid):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.fail("the command does not end")

    def new_key(self, first, second):
        pid, fd = self.start("wallet", "new", "--light", "--no-mnemonic", "--keystore", self.path("keys"))
        self.read_until(fd, "New password: ")
        self.type(fd, first + "\n")
        self.read_until(fd, "same again: ")
        self.type(fd, second + "\n")
        return pid, fd

    def test_new_and_unlock(self):
        pid, fd = self.new_key("typed secret", "typed secret")
        text = self.read_until(fd, "Keep a copy")
        self.assertEqual(self.finish(pid), 0)
        self.assertNotIn("typed secret", text)
        address = re.search(r"0x[0-9a-fA-F]{40}", text).group(0)
        pid, fd = self.start("wallet", "export", address, "--private-key", "--keystore", self.path("keys"))
        self.read_until(fd, "Password: ")
        self.type(fd, "typed secret\n")
        self.assertRegex(self.read_until(fd, "0x"), r"0x")
        self.assertEqual(self.finish(pid), 0)

    def test_two_different_ones(self):
        pid, fd = self.new_key("one", "two")
        self.read_until(fd, "the two passwords differ")
        self.assertEqual(self.finish(pid), 1)
        self.assertFalse(os.path.exists(self.path("keys")))

    def test_no_core_holds_the_password(self):
        """Ctrl-\\ at the second prompt ends the command and would write its memory to the disk."""
        before = resource.getrlimit(resource.RLIMIT_CORE)
        if before[1] == 0:
            self.skipTest("this machine allows no core files anyway")
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, before)
        pid, fd = self.start("wallet", "new", "--light", "--keystore", self.path("keys"))
        self.read_until(fd, "New password: ")
        with open("/proc/%d/limits" % pid) as f:
            self.assertRegex(f.read(), r"(?m)^Max core file size +1 ")
        resource.setrlimit(resource.RLIMIT_CORE, before)
        self.type(fd, "whole\n")
        self.read_until(fd, "same again: ")
        self.type(fd, "\x1c")
        self.read_until(fd, "nothing was done")
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.WTERMSIG(status), signal.SIGQUIT)
        self.assertFalse(os.WCOREDUMP(status))

    def test_interrupt_gives_the_echo_back(self):
        pid, fd = self.start("wallet", "new", "--light", "--keystore", self.path("keys"))
        self.read_until(fd, "New password: ")
        self.type(fd, "half a pass\x03")
        # The terminal is looked at while the command still holds it open.
        echo = False
        for _ in range(200):
            try:
                echo = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
            except termios.error:
                break
            if echo:
                break
            time.sleep(0.01)
        self.assertTrue(echo)
        self.assertEqual(self.finish(pid), -signal.SIGINT)
        self.assertFalse(os.path.exists(self.path("keys")))


# ---- chain files ----


class Chain(Case):
    def new(self, name, *args):
        return posw("chain", "new", "--name", "Test Chain", "--ticker", "TEST", "--chain-id", "424242", *args, self.path(name))

    def test_new_check_show(self):
        result = self.ok(self.new("c.json", "--accounts", "%s=1000coin,%s=1.5 coin" % tuple(ADDRESS), "--stakes", ADDRESS[0] + "=500"))
        self.assertIn(self.path("c.json"), result.out)
        self.assertIn("Test Chain", self.ok(posw("chain", "check", self.path("c.json"))).out)
        self.assertEqual(self.json(posw("chain", "check", "--json", self.path("c.json")))["valid"], True)
        shown = self.ok(posw("chain", "show", self.path("c.json"))).out
        for part in ("Test Chain (TEST)", "424242", "ticket", "1501.5 TEST", "2 accounts, 1 stake\n"):
            self.assertIn(part, shown)
        with open(self.path("c.json")) as f:
            self.assertEqual(self.json(posw("chain", "show", "--json", self.path("c.json"))), json.load(f))

    def test_presets(self):
        for preset in ("pow", "linear", "sqrt", "quadratic", "diode", "ticket", "quarkchain"):
            with self.subTest(preset):
                self.ok(self.new(preset + ".json", "--weight", preset))
                self.assertIn(preset, self.ok(posw("chain", "show", self.path(preset + ".json"))).out)

    def test_new_refusals(self):
        self.ok(self.new("c.json"))
        self.refused(self.new("c.json"), self.path("c.json"), "exists already", "--force")
        self.ok(self.new("c.json", "--force"))
        self.misused(self.new("x.json", "--weight", "heavy"), "--weight", "ticket")
        self.misused(self.new("x.json", "--pow", "sha256"), "--pow")
        self.misused(self.new("x.json", "--chain-id", "2147483630"), "--chain-id")
        self.misused(self.new("x.json", "--accounts", "nobody"), "ADDRESS=AMOUNT")
        self.misused(self.new("x.json", "--accounts", ADDRESS[0] + "=lots"), "lots")
        self.misused(self.new("x.json", "--accounts", ADDRESS[0][:-1] + "7=1"), "checksum")
        self.misused(self.new("x.json", "--reward", "1 dollar"), "--reward")
        self.misused(posw("chain", "new", "--ticker", "T", "--chain-id", "5", self.path("x.json")), "--name is needed")
        self.misused(posw("chain", "new", "--name", "T", "--ticker", "T", self.path("x.json")), "--chain-id is needed")
        self.misused(posw("chain", "new", "--name", "T", "--ticker", "lower", "--chain-id", "5", self.path("x.json")), "--ticker")
        self.refused(self.new("no/such/folder/x.json"), self.path("no/such/folder"))
        self.assertFalse(os.path.exists(self.path("x.json")))

    def edited(self, change):
        with open(self.path("c.json")) as f:
            spec = json.load(f)
        change(spec)
        return self.write("edited.json", json.dumps(spec))

    def test_bad_files(self):
        self.ok(self.new("c.json", "--accounts", ADDRESS[0] + "=1000"))

        def change(*path, value):
            def apply(spec):
                for key in path[:-1]:
                    spec = spec[key]
                spec[path[-1]] = value
            return apply

        for edit, parts in (
            (change("frobnicate", value=1), ("frobnicate", "not a key")),
            (change("weight", "frobnicate", value=1), ("frobnicate",)),
            (change("weight", "preset", value="heavy"), ("weight.preset", "heavy", "ticket")),
            (change("weight", value=7), ("weight",)),
            (change("chainId", value=0), ("chain",)),
            (change("chainId", value="many"), ("chainId",)),
            (change("blockTime", value=-1), ("blockTime",)),
            (change("unbonding", value=1), ("unbonding",)),
            (change("pow", value="sha256"), ("pow", "sha256")),
            (change("accounts", value={"0x12": "1 coin"}), ("0x12",)),
            (change("accounts", ADDRESS[0].lower(), value="much"), ("much",)),
            (lambda spec: spec.pop("chainId"), ("chainId",)),
        ):
            path = self.edited(edit)
            with self.subTest(parts):
                self.refused(posw("chain", "check", path), path, *parts)
                self.refused(posw("chain", "show", path), path)
                self.refused(posw("node", "--chain", path, "--datadir", self.path("data"), "--port", "0"), path)
        with open(self.path("c.json")) as f:
            text = f.read()
        for bad in ("", text[:100], text + "x", text.replace("{", '{"name": "A",', 1)):
            self.refused(posw("chain", "check", self.write("bad.json", bad)), self.path("bad.json"))
        self.refused(posw("chain", "check", self.path("missing.json")), self.path("missing.json"))
        self.refused(posw("chain", "check", self.dir), self.dir)
        self.assertFalse(os.path.exists(self.path("data")))


# ---- sending and staking ----


class Money(Case):
    """Commands that need a running node. Blocks are made as they are needed, so that nothing waits for a clock."""

    def setUp(self):
        super().setUp()
        self.import_dev_keys()
        self.node = Node("dev", "--no-mining")
        self.addCleanup(self.node.close)

    def balance(self, address):
        return int(self.node.call("eth_getBalance", address, "latest"), 16)

    def command(self, *args):
        return self.node.run(*args, *self.keys())

    def send(self, *args):
        return self.command("send", "--from", ADDRESS[1], *args)

    def test_send_and_wait(self):
        sent = self.json(self.send("--to", NOBODY, "--amount", "12.5 coin", "--wait", "--json"))
        self.assertEqual(self.balance(NOBODY), 25 * COIN // 2)
        receipt = self.node.call("eth_getTransactionReceipt", sent["hash"])
        tx = self.node.call("eth_getTransactionByHash", sent["hash"])
        self.assertEqual(int(receipt["blockNumber"], 16), sent["block"])
        self.assertTrue(sent["succeeded"])
        self.assertEqual((sent["from"], sent["to"], sent["valueWei"], sent["nonce"]), (ADDRESS[1], NOBODY, str(25 * COIN // 2), 0))
        self.assertEqual(int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16), int(sent["feeWei"]))
        self.assertEqual(self.balance(ADDRESS[1]), 10000 * COIN - 25 * COIN // 2 - int(sent["feeWei"]))
        self.assertEqual((tx["type"], int(tx["gas"], 16), int(tx["chainId"], 16)), ("0x2", 21000, 1337))
        text = self.ok(self.send("--to", NOBODY, "--amount", "100 wei", "--wait")).out
        self.assertRegex(text, r"(?m)^block +\d+$")
        self.assertRegex(text, r"(?m)^fee +0\.0\d+ coin$")
        self.assertEqual(self.balance(NOBODY), 25 * COIN // 2 + 100)

    def test_send_without_waiting(self):
        height = self.node.height()
        args = ("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "1", "--rpc", self.node.rpc_url, *self.keys())
        first, second = self.json(posw(*args, "--json")), self.json(posw(*args, "--json"))
        self.assertEqual((first["nonce"], second["nonce"]), (0, 1))
        self.assertNotIn("block", first)
        self.assertEqual(self.node.height(), height)
        # The same nonce again, offering more, takes the place of the second.
        third = self.json(posw(*args, "--json", "--nonce", "1", "--tip", "2 gwei", "--max-fee", "9 gwei"))
        self.assertEqual((third["maxFeePerGasWei"], third["maxPriorityFeePerGasWei"]), ("9000000000", "2000000000"))
        self.node.mine(1)
        self.assertIsNotNone(self.node.call("eth_getTransactionReceipt", third["hash"]))
        self.assertIsNone(self.node.call("eth_getTransactionReceipt", second["hash"]))

    def test_send_data(self):
        sent = self.json(self.send("--to", NOBODY, "--amount", "0", "--data", "0x00ff00ff", "--wait", "--json"))
        self.assertEqual(self.node.call("eth_getTransactionByHash", sent["hash"])["input"], "0x00ff00ff")
        self.assertEqual(sent["gasUsed"], 21000 + 2 * 4 + 2 * 16)

    def test_wait_is_bounded(self):
        begin = time.monotonic()
        self.refused(posw("send", "--from", ADDRESS[1], "--to", NOBODY, "--amount", "1", "--nonce", "7", "--wait", "--timeout", "1", "--rpc",
                          self.node.rpc_url, *self.keys()), "is in no block after 1 s", "--nonce 7")
        self.assertLess(time.monotonic() - begin, 10)

    def test_insufficient_funds(self):
        to = ("--to", NOBODY, "--amount")
        self.refused(self.send(*to, "10000 coin"), "insufficient funds", ADDRESS[1], "has 10000 coin", "send less")
        self.refused(self.send(*to, "10001 coin"), "insufficient funds")
        self.refused(self.send(*to, "9999.9999999 coin"), "insufficient funds")
        self.refused(self.send(*to, "1 coin", "--max-fee", "1000000 coin"), "insufficient funds")
        poor = self.json(posw("wallet", "new", *self.keys(), "--light", "--json"))["address"]
        self.refused(self.command("send", "--from", poor, *to, "1 wei"), "insufficient funds", "has 0 coin")
        self.assertEqual(self.balance(ADDRESS[1]), 10000 * COIN)

    def test_send_refusals(self):
        to = ("--to", NOBODY, "--amount")
        self.misused(self.command("send"), "--from, --to and --amount are needed")
        self.misused(self.send(*to, "1 dollar"), "--amount")
        self.misused(self.send(*to, "-1"), "--amount")
        self.misused(self.send("--to", "0x12", "--amount", "1"), "--to")
        self.misused(self.send("--to", ADDRESS[0][:-1] + "7", "--amount", "1"), "checksum")
        self.misused(self.send(*to, "1", "--data", "0x123"), "--data")
        self.misused(self.send(*to, "1", "--data", "0xzz"), "--data")
        self.misused(self.send(*to, "1", "--tip", "1"), "--tip needs a unit")
        self.misused(self.send(*to, "1", "--tip", "3 gwei", "--max-fee", "2 gwei"), "--tip is more than --max-fee")
        self.misused(self.send(*to, "1", "--nonce", "x"), "--nonce")
        self.refused(self.command("send", "--from", NOBODY, *to, "1"), "there is no key of", "posw wallet import")
        self.refused(self.send(*to, "1", "--max-fee", "1 wei"), "the node refuses", "underpriced")
        self.refused(self.send("--to", STAKING, "--amount", "1"), "refuses", "stake(address")
        self.ok(self.send(*to, "1", "--wait"))
        self.refused(self.send(*to, "1", "--nonce", "0"), "nonce too low")
        self.write("password", "wrong")
        self.refused(self.send(*to, "1"), "wrong password")

    def test_a_failed_transaction_is_told(self):
        # A gas limit given by hand skips the estimate, so that the refusal happens in the block.
        result = self.send("--to", STAKING, "--amount", "1", "--gas", "60000", "--wait", "--json")
        self.refused(result, "it failed there")
        self.assertIs(json.loads(result.out)["succeeded"], False)
        self.assertEqual(self.balance(STAKING), 0)

    def test_stake_through_its_life(self):
        owner, miner = ADDRESS[1], ADDRESS[0]
        stake = lambda *args: self.command("stake", *args)  # noqa: E731
        status = lambda a: self.json(posw("stake", "status", a, "--json", "--rpc", self.node.rpc_url))  # noqa: E731
        self.assertEqual(int(status(miner)["stake"]["stake"], 16), 0)

        added = self.json(stake("add", "--from", owner, "--miner", miner, "--amount", "3000 coin", "--wait", "--json"))
        epoch = int(self.node.call("posw_chainParameters")["epoch"], 16)
        self.assertEqual(added["activeFrom"], (added["block"] // epoch + 2) * epoch)
        now = status(miner)
        self.assertEqual([int(now["stake"][k], 16) // COIN for k in ("stake", "active", "pending")], [3000, 0, 3000])
        self.assertEqual(int(now["miner"]["weight"], 16), 1)
        deposits = status(owner)["stake"]["deposits"]
        self.assertEqual([(d["miner"], int(d["amount"], 16)) for d in deposits], [(miner.lower(), 3000 * COIN)])
        page = self.ok(posw("stake", "status", owner, "--rpc", self.node.rpc_url)).out
        self.assertIn("3000 coin for the miner %s" % miner, page)
        self.assertIn("from block %d on" % added["activeFrom"], page)

        self.node.mine_to(added["activeFrom"] - 1)
        now = status(miner)
        self.assertEqual(int(now["stake"]["active"], 16), 3000 * COIN)
        self.assertGreater(int(now["miner"]["weight"], 16), 1)
        self.assertRegex(self.ok(posw("stake", "status", miner, "--rpc", self.node.rpc_url)).out, r"(?m)^  tickets +3, of which 3 free")

        self.assertIn(" for 1 miner, as it counts", self.ok(posw("status", "--rpc", self.node.rpc_url)).out)

        # What the contract refuses, in its own words, before anything is sent.
        nonce = self.node.call("eth_getTransactionCount", owner, "latest")
        self.refused(stake("add", "--from", owner, "--amount", "1 wei"), "the staking contract refuses", "below the chain's minimum stake")
        self.refused(stake("remove", "--from", owner, "--miner", miner, "--amount", "3001"), "more than you have staked")
        self.refused(stake("remove", "--from", owner, "--amount", "1"), "more than you have staked")
        self.refused(stake("remove", "--from", owner, "--amount", "all"), "has no stake for the miner")
        self.refused(stake("withdraw", "--from", owner), "%s has no coins to withdraw: " % owner, "posw stake remove")
        self.assertEqual(self.node.call("eth_getTransactionCount", owner, "latest"), nonce)

        removed = self.json(stake("remove", "--from", owner, "--miner", miner, "--amount", "1000 coin", "--wait", "--json"))
        unbonding = int(self.node.call("posw_chainParameters")["unbonding"], 16)
        self.assertEqual(removed["unlockBlock"], removed["block"] + unbonding)
        self.refused(stake("withdraw", "--from", owner), "%s has no coins to withdraw yet" % owner, "unlock at block %d" % removed["unlockBlock"], "posw stake status " + owner)
        self.assertIn("locked until block %d" % removed["unlockBlock"],
                      self.ok(posw("stake", "status", owner, "--rpc", self.node.rpc_url)).out)
        rest = self.json(stake("remove", "--from", owner, "--miner", miner, "--amount", "all", "--wait", "--json"))
        self.assertEqual(int(status(miner)["stake"]["stake"], 16), 0)

        self.node.mine_to(rest["unlockBlock"] - 1)
        self.assertIn("posw stake withdraw", self.ok(posw("stake", "status", owner, "--rpc", self.node.rpc_url)).out)
        before = self.balance(owner)
        paid = self.json(stake("withdraw", "--from", owner, "--wait", "--json"))
        self.assertEqual(int(paid["amountWei"]), 3000 * COIN)
        self.assertEqual(self.balance(owner), before + 3000 * COIN - int(paid["feeWei"]))
        self.assertEqual(self.balance(STAKING), 0)

    def test_less_than_a_ticket(self):
        few = self.command("stake", "add", "--from", ADDRESS[1], "--amount", "5 coin", "--wait")
        self.assertRegex(self.ok(few).out, r"(?m)^counts from  block \d+, within the hour$")
        self.assertRegex(few.err, r"(?m)^note: the miner then has 5 coin, which is less than a ticket \([0-9.]+ coin\)")
        enough = self.ok(self.command("stake", "add", "--from", ADDRESS[1], "--amount", "3000 coin", "--wait"))
        self.assertNotIn("less than a ticket", enough.err)
        self.assertRegex(self.ok(posw("stake", "status", ADDRESS[1], "--rpc", self.node.rpc_url)).out,
                         r"(?m)^    3005 coin of it count from block \d+ on, within the hour$")

    def test_signer(self):
        signer = lambda: self.node.call("posw_getStake", ADDRESS[1])["signer"]  # noqa: E731
        self.json(self.command("stake", "signer", "--from", ADDRESS[1], "--signer", NOBODY, "--wait", "--json"))
        self.assertEqual(signer(), NOBODY)
        self.ok(self.command("stake", "signer", "--from", ADDRESS[1], "--signer", "none", "--wait"))
        self.assertEqual(signer(), ADDRESS[1].lower())
        self.misused(self.command("stake", "signer", "--from", ADDRESS[1]), "--signer ADDRESS is needed")

    def test_stake_usage(self):
        self.misused(self.command("stake", "add", "--from", ADDRESS[1]), "--amount is needed")
        self.misused(self.command("stake", "add", "--amount", "1"), "--from ADDRESS is needed")
        self.misused(self.command("stake", "remove", "--from", ADDRESS[1], "--amount", "some"), "--amount")
        self.misused(posw("stake", "status", "me", "--rpc", self.node.rpc_url), "is not an address")
        self.refused(self.command("stake", "add", "--from", ADDRESS[1], "--amount", "20000"), "insufficient funds")

    def test_status(self):
        self.node.mine(1)
        self.assertRegex(self.ok(posw("status", "--rpc", self.node.rpc_url)).out, r"(?m)^mining +for %s; 1 block found" % ADDRESS[0])
        self.node.mine(19)
        page = self.ok(posw("status", "--rpc", self.node.rpc_url)).out
        for part in (r"^node +posw/v\d", r"^chain +posw dev \(chain id 1337", r"^block +20, ", r"^epoch +1, blocks 16 to 31; 12 to go$",
                     r"^weight rule +ticket", r"^mining +for %s; 20 blocks" % ADDRESS[0], r"^gas price +\d+\.\d{9} gwei$"):
            self.assertRegex(page, "(?m)" + part)
        answer = self.json(posw("status", "--rpc", self.node.rpc_url, "--json"))
        self.assertEqual(int(answer["status"]["tip"]["number"], 16), 20)
        self.assertEqual(int(answer["epoch"]["epoch"], 16), 1)


class Presets(Case):
    def test_status_under_every_rule(self):
        for preset in ("pow", "linear", "sqrt", "quadratic", "diode", "ticket", "quarkchain"):
            with self.subTest(preset), Node("dev", "--no-mining", "--weight", preset) as node:
                node.mine(2)
                self.assertRegex(self.ok(posw("status", "--rpc", node.rpc_url)).out, r"(?m)^weight rule +%s: " % preset)
                page = self.ok(posw("stake", "status", ADDRESS[0], "--rpc", node.rpc_url)).out
                self.assertEqual("tickets" in page, preset in ("ticket", "quarkchain"), page)


class NoNode(Case):
    """What is said when the other side is not a node."""

    def serve(self, answer):
        """A server for one connection."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        process = os.fork()
        if process == 0:
            try:
                signal.alarm(30)
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()
            finally:
                os._exit(0)
        self.addCleanup(os.waitpid, process, 0)
        return "http://127.0.0.1:%d" % listener.getsockname()[1]

    def test_nobody_listens(self):
        self.import_dev_keys()
        url = "http://127.0.0.1:1"
        for args in (("status",), ("stake", "status", NOBODY), ("send", "--from", ADDRESS[0], "--to", NOBODY, "--amount", "1", *self.keys()),
                     ("stake", "withdraw", "--from", ADDRESS[0], *self.keys())):
            with self.subTest(args):
                self.refused(posw(*args, "--rpc", url), "no node answers at " + url, "posw dev", "posw node", "--rpc")

    def test_bad_addresses(self):
        for url in ("", "127.0.0.1", "ftp://127.0.0.1", "http://", "http://a b", "http://user:word@127.0.0.1"):
            with self.subTest(url):
                self.misused(posw("status", "--rpc", url), "--rpc")
        self.misused(posw("status", "--rpc", "https://127.0.0.1:8545"), "https is not supported")

    def test_strange_answers(self):
        for answer, part in (
            (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP"),
            (b"", "closed"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "closed"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "does not answer with JSON"),
            (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 14\r\n\r\nhost not known", "HTTP 403: host not known"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "not understood"),
            (b'HTTP/1.1 200 OK\r\n\r\n{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}', "does not know posw_status"),
            (b'HTTP/1.1 200 OK\r\n\r\n{"jsonrpc":"2.0","id":9,"result":{}}', "not understood"),
            (b'HTTP/1.1 200 OK\r\n\r\n{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"too busy"}}', "too busy"),
        ):
            with self.subTest(answer):
                self.refused(posw("status", "--rpc", self.serve(answer)), part)

    def test_a_terminal_is_not_steered(self):
        """Neither by a refusal nor by a page that is no answer: no title is set, no line above is written over."""
        words = {"code": -32000, "message": "a\x1b]0;b\x07\n\x7f\u009b2J\u00e4"}
        refusal = json.dumps({"jsonrpc": "2.0", "id": 1, "error": words}, ensure_ascii=False).replace("\x7f", "\\u007f").encode()
        page = b"a\x1b[2J\xc2\x9bb"
        for answer, shown in ((b"HTTP/1.1 200 OK\r\n\r\n" + refusal, "a?]0;b?????2J\u00e4"),
                              (b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(page) + page, "a?[2J??b")):
            with self.subTest(answer):
                result = self.refused(posw("status", "--rpc", self.serve(answer)), shown)
                self.assertEqual(sum(not c.isprintable() for c in result.err), 1)  # the end of the line


# ---- nodes and data directories ----


class Nodes(Case):
    def chain(self, name="c.json", chain_id="4242"):
        path = self.path(name)
        self.ok(posw("chain", "new", "--name", "Node Test", "--ticker", "NT", "--chain-id", chain_id, "--pow", "keccak256", "--block-time", "1",
                     "--difficulty", "1000", "--accounts", ADDRESS[0] + "=1000", "--stakes", ADDRESS[0] + "=500", path))
        return path

    def of(self, chain="c.json", datadir="data"):
        return ("--chain", self.path(chain), "--datadir", self.path(datadir))

    def mined(self, blocks=3):
        """A data directory with some blocks, as a real node makes them."""
        self.chain()
        self.import_dev_keys()
        with Node("node", *self.of(), "--no-network", "--mine", ADDRESS[0], *self.keys()) as node:
            end = time.monotonic() + 60
            while node.height() < blocks:
                self.assertLess(time.monotonic(), end, "no blocks")
                time.sleep(0.1)
            node.close()
        return self.json(posw("db", "verify", *self.of(), "--json"))["height"]

    def test_sigterm_and_sigint_within_a_second(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Node("dev", "--datadir", self.path("dev")) as node:
                time.sleep(1.2)
                begin = time.monotonic()
                node.process.send_signal(number)
                self.assertEqual(node.process.wait(10), 0)
                self.assertLess(time.monotonic() - begin, 1.0)

    def test_dev_keeps_its_chain(self):
        with Node("dev", "--datadir", self.path("dev"), "--no-mining") as node:
            node.mine(5)
            tip = node.call("eth_getBlockByNumber", "latest", False)["hash"]
            node.close()
        with Node("dev", "--datadir", self.path("dev"), "--no-mining") as node:
            self.assertEqual(node.call("eth_getBlockByNumber", "latest", False)["hash"], tip)

    def test_port_in_use(self):
        self.chain()
        with Node("dev") as node:
            port = str(node.ready["port"])
            self.refused(posw("dev", "--port", port), "port " + port, "in use", "--port")
            self.refused(posw("node", *self.of(), "--port", port), "port " + port, "in use", "--port")
            self.assertGreaterEqual(node.height(), 0)

    def test_addresses_that_others_reach(self):
        self.refused(posw("dev", "--port", "0", "--host", "0.0.0.0"), "0.0.0.0", "--rpc-public")
        self.refused(posw("dev", "--port", "0", "--host", "localhost.invalid", "--rpc-public"), "not a numeric IP address")

    def test_port_of_the_external_address(self):
        """It is that of --p2p-port, where the address names none."""
        self.chain()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        for address, at in (("203.0.113.7", "203.0.113.7:%d" % port), ("203.0.113.7:5", "203.0.113.7:5"), ("[2001:db8::1]", "[2001:db8::1]:%d" % port)):
            with Node("node", *self.of(), "--listen", "127.0.0.1", "--no-port-mapping", "--p2p-port", str(port), "--external", address) as node:
                self.assertEqual(node.ready["node"].split("@")[1], at)

    def test_second_node_on_the_same_datadir(self):
        self.chain()
        with Node("node", *self.of(), "--no-network") as node:
            for args in (("node", *self.of(), "--port", "0"), ("db", "verify", *self.of()), ("export", *self.of(), self.path("out")),
                         ("import", *self.of(), self.path("c.json"))):
                with self.subTest(args[0]):
                    self.refused(posw(*args), self.path("data"), "in use by process %d" % node.process.pid, "another directory")
            self.assertEqual(node.height(), 0)

    def test_repair_beside_keys(self):
        """Keys may lie in the data directory, as in the service's: what a damaged chain's node says to do leaves them where they are."""
        height = self.mined(3)
        os.mkdir(self.path("data", "keystore"))
        open(self.path("data", "node.key"), "ab").close()
        advice = "move its folders state and blocks away and start again"
        with open(self.path("data", "blocks", "blk00000.dat"), "r+b") as f:
            f.seek(40)
            f.write(b"damage")
        self.refused(posw("db", "verify", *self.of()), "block 0", advice)
        os.truncate(self.path("data", "state", "data.mdb"), 5000)
        self.refused(posw("node", *self.of(), "--no-network", "--port", "0"), "cut short", advice)
        for name in ("state", "blocks"):
            os.rename(self.path("data", name), self.path("damaged-" + name))
        self.assertLess(self.json(posw("db", "verify", *self.of(), "--json"))["height"], height)
        self.assertTrue(os.path.exists(self.path("data", "keystore")))
        self.assertTrue(os.path.exists(self.path("data", "node.key")))

    def test_datadir_of_another_chain(self):
        height = self.mined()
        self.chain("other.json", "4343")
        for args in (("node", "--port", "0"), ("db", "verify")):
            self.refused(posw(*args, *self.of("other.json")), self.path("data"), "genesis", "choose another data directory")
        self.assertEqual(self.json(posw("db", "verify", *self.of(), "--json"))["height"], height)

    def test_miner_without_key(self):
        self.chain()
        self.refused(posw("node", *self.of(), "--port", "0", "--mine", NOBODY, *self.keys()), NOBODY, "posw wallet import")
        self.import_dev_keys()
        wrong = ("--keystore", self.path("keys"), "--password-file", self.write("wrong", "x"))
        self.refused(posw("node", *self.of(), "--port", "0", "--mine", ADDRESS[0], *wrong), "wrong password")
        self.misused(posw("node", *self.of(), "--signer", ADDRESS[0]), "--signer needs --mine")
        self.assertFalse(os.path.exists(self.path("data")))

    def test_connections(self):
        """Who has no peer rests, and status says so; connections have short names, by which they are closed."""
        self.chain()
        self.import_dev_keys()
        network = ("--p2p-port", "0", "--listen", "127.0.0.1", "--private-network", "--no-port-mapping")
        page = lambda *args: self.ok(posw(*args)).out  # noqa: E731
        with Node("node", *self.of(), *network, "--mine", ADDRESS[0], *self.keys()) as first:
            said = page("status", "--rpc", first.rpc_url)
            self.assertRegex(said, r"(?m)^mining +rests, since it has no peers or is behind; for 0x")
            self.assertRegex(said, r"(?m)^its tickets +\d+ of \d+ free; weight 1024 in the next block$")
            self.assertRegex(said, r"(?m)^problem +no peers")
            url = first.call("posw_networkStatus")["url"]
            with Node("node", *self.of(datadir="data2"), *network, "--connect", url) as second:
                end = time.monotonic() + 60
                while first.height() == 0:
                    self.assertLess(time.monotonic(), end, "no blocks")
                    time.sleep(0.1)
                self.assertRegex(page("status", "--rpc", first.rpc_url), r"(?m)^mining +for 0x")
                self.assertRegex(page("peers", "--rpc", first.rpc_url), r"(?m)^in-\d+ +inbound ")
                made = re.search(r"(?m)^(out-\d+) ", page("peers", "--rpc", second.rpc_url))[1]
                self.refused(posw("peers", "--disconnect", "out-999", "--rpc", second.rpc_url), "no connection with this number")
                self.assertIn("closed", page("peers", "--disconnect", made, "--rpc", second.rpc_url))

    def test_prune(self):
        """The option; that old blocks go is shown by unit tests, on the same store and node."""
        for size, words in (("1MiB", "at least 64 MiB"), ("65535 KiB", "at least 64 MiB"), ("2000", "with a unit"), ("2.5GiB", "whole number"), ("", "2GiB")):
            self.misused(posw("node", *self.of(), "--prune", size), "--prune", words)
        height = self.mined()
        self.assertEqual(self.json(posw("db", "verify", *self.of(), "--json"))["firstBody"], 0)
        with Node("node", *self.of(), "--no-network", "--prune", "64 MiB") as node:
            self.assertGreaterEqual(node.height(), height)
            self.assertEqual(node.call("posw_status")["firstBody"], "0x0")
            self.assertNotIn("kept", self.ok(posw("status", "--rpc", node.ready["rpc"])).out)
            node.close()

    def test_export_import_verify(self):
        height = self.mined(4)
        done = self.json(posw("export", *self.of(), "--json", self.path("blocks")))
        self.assertEqual((done["blocks"], done["height"]), (height, height))
        done = self.json(posw("import", *self.of(datadir="copy"), "--json", self.path("blocks")))
        self.assertEqual((done["blocks"], done["known"], done["height"]), (height, 0, height))
        done = self.json(posw("import", *self.of(datadir="copy"), "--json", self.path("blocks")))
        self.assertEqual((done["known"], done["height"]), (height, height))
        self.assertEqual(self.json(posw("db", "verify", *self.of(datadir="copy"), "--json"))["height"], height)
        self.assertIn("verified %d blocks" % height, self.ok(posw("db", "verify", *self.of(datadir="copy"))).out)
        self.ok(posw("export", *self.of(datadir="copy"), self.path("again")))
        with open(self.path("blocks"), "rb") as a, open(self.path("again"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_import_of_bad_files(self):
        height = self.mined(4)
        self.ok(posw("export", *self.of(), self.path("blocks")))
        with open(self.path("blocks"), "rb") as f:
            blocks = f.read()
        flipped = bytearray(blocks)
        flipped[len(blocks) // 2] ^= 1
        for name, content in (("cut", blocks[:-1]), ("garbage", b"not blocks at all"), ("flipped", bytes(flipped)),
                              ("tail", blocks + b"\x00"), ("length", b"\xff" * 9)):
            with self.subTest(name):
                path = self.write(name, content)
                self.refused(posw("import", *self.of(datadir=name + ".data"), path), path)
                # What was good is kept, nothing else.
                kept = self.json(posw("db", "verify", *self.of(datadir=name + ".data"), "--json"))["height"]
                self.assertLessEqual(kept, height)
        self.refused(posw("import", *self.of(datadir="x"), self.path("missing")), self.path("missing"))
        self.chain("other.json", "4343")
        self.refused(posw("import", *self.of("other.json", "y"), self.path("blocks")), "another chain")


if __name__ == "__main__":
    unittest.main()
