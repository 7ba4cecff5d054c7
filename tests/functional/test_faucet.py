"""`posw faucet`: what it gives, its limits at the limit, restarts, and a node that is away or answers badly.

POSW=build/posw python3 -m unittest tests/functional/test_faucet.py
"""
import http.server
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

import posw_process
from posw_process import ADDRESS, POSW, Node

COIN = 10**18
SECRET = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"  # of account 1
WAIT_S = 20


def address(i):
    return "0x" + format(0xFACE0000 + i, "040x")


def post_bytes(url, body):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def post(url, body):
    return json.loads(post_bytes(url, json.dumps(body).encode()))


def call(port, method, *params):
    return post(f"http://127.0.0.1:{port}", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})["result"]


class Faucet:
    """A running faucet of account 1; ended by its own process id."""

    def __init__(self, folder, rpc, *args):
        self.process = subprocess.Popen([POSW, "faucet", "--from", ADDRESS[1], "--rpc", rpc, "--listen", "0", "--datadir", os.path.join(folder, "faucet"), "--json-ready",
                                         "--keystore", os.path.join(folder, "keys"), "--password-file", os.path.join(folder, "password"), *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT_S)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            raise AssertionError("no faucet: " + self.process.communicate()[1])
        self.url = json.loads(line)["url"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, err

    def ask(self, i):
        return post(self.url, {"address": address(i)})

    def until(self, i, *states):
        end = time.monotonic() + WAIT_S
        while True:
            seen = post(self.url, {"query": address(i)})
            if seen["status"] in states:
                return seen
            if time.monotonic() > end:
                raise AssertionError(f"not {states}: {seen}")
            time.sleep(0.15)


class Proxy:
    """In front of a node: hands calls on, but does with each eth_sendRawTransaction what the next of `faults` says: "lost" (never arrives), "mute" (arrives, and
    the answer is lost), or "taken" (another transaction gets its nonce)."""

    def __init__(self, node):
        self.faults, self.sent, proxy = [], [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = json.loads(body)
                fault = None
                if request["method"] == "eth_sendRawTransaction":
                    proxy.sent.append(request["params"][0])
                    fault = proxy.faults.pop(0) if proxy.faults else None
                if fault == "taken":
                    nonce = int(call(node.port, "eth_getTransactionCount", ADDRESS[1], "pending"), 16)
                    call(node.port, "eth_sendRawTransaction", posw_process.transfer(1, nonce))
                    call(node.port, "evm_mine")
                if fault != "lost":
                    answer = post_bytes(f"http://127.0.0.1:{node.port}", body)
                if fault in ("lost", "mute"):
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a faucet that was killed takes no answer
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """One keystore for all: account 1 of a development chain."""
        cls.dir = tempfile.mkdtemp(prefix="posw-faucet-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        for name, text in (("password", "x\n"), ("key", SECRET + "\n")):
            with open(os.path.join(cls.dir, name), "w") as f:
                f.write(text)
        made = posw_process.posw("wallet", "import", "--light", "--key-file", os.path.join(cls.dir, "key"), "--keystore", os.path.join(cls.dir, "keys"),
                                 "--password-file", os.path.join(cls.dir, "password"))
        assert made.code == 0, str(made)

    def setUp(self):
        shutil.rmtree(os.path.join(self.dir, "faucet"), ignore_errors=True)

    def faucet(self, rpc, *args):
        return Faucet(self.dir, rpc, *args)

    def book(self):
        with open(os.path.join(self.dir, "faucet", "payments.jsonl")) as f:
            return f.read()

    def balance(self, node, i):
        return int(node.rpc("eth_getBalance", address(i), "latest"), 16)

    def node(self, *args):
        return Node("dev", "--no-mining", *args)

    def rpc(self, node):
        return f"http://127.0.0.1:{node.port}"

    def refused(self, words, answer):
        self.assertEqual(list(answer), ["error"], answer)
        self.assertIn(words, answer["error"])


class Giving(Case):
    def test_it_pays_and_shows_a_page(self):
        with self.node() as node, self.faucet(self.rpc(node), "--amount", "1.5 coin") as faucet:
            answer = faucet.ask(1)
            self.assertEqual([answer["status"], answer["amount"], answer["address"].lower()], ["sent", "1.5", address(1)])
            node.rpc("evm_mine")
            self.assertEqual(self.balance(node, 1), 3 * COIN // 2)
            self.assertEqual(int(node.rpc("eth_getTransactionReceipt", answer["hash"])["status"], 16), 1)
            self.assertEqual(faucet.until(1, "paid")["hash"], answer["hash"])
            about = post(faucet.url, {})
            self.assertEqual([about["amount"], about["perAddressHours"], about["perDay"], about["leftToday"], about["waiting"]], ["1.5", 24, "100", "98.5", 0])
            with urllib.request.urlopen(faucet.url, timeout=10) as page:
                self.assertIn("Content-Security-Policy", page.headers)
                self.assertIn("<h1>Faucet</h1>", page.read().decode())
            self.assertEqual(faucet.stop()[0], 0)

    def test_bad_requests_are_told_what_is_wrong(self):
        with self.node() as node, self.faucet(self.rpc(node)) as faucet:
            for words, body in (("not an address", {"address": "0x12"}), ("must be text", {"address": 7}), ("checksum", {"address": ADDRESS[1][:2] + "F" + ADDRESS[1][3:]}),
                                ("would be lost", {"address": "0x" + 40 * "0"}), ("would be lost", {"address": ADDRESS[1]}),
                                ("would be lost", {"address": "0x00000000000000000000000000000000706f7377"}), ("send {", [1]), ("send {", {"address": address(1), "query": address(1)}),
                                ("nothing was sent", {"query": address(1)})):
                with self.subTest(body=body):
                    self.refused(words, post(faucet.url, body))
            self.assertEqual(self.book(), "")

    def test_an_empty_faucet_says_so_and_charges_no_limit(self):
        with self.node() as node, self.faucet(self.rpc(node), "--amount", "1000000 coin", "--per-day", "2000000 coin", "--per-client", "1") as faucet:
            for _ in range(2):
                answer = faucet.ask(1)
                self.assertEqual((answer["status"], "empty" in answer["reason"]), ("failed", True), answer)
            self.assertEqual(post(faucet.url, {})["leftToday"], "2000000")

    def test_a_node_of_another_chain_gets_no_signature(self):
        with self.node() as node:
            with self.faucet(self.rpc(node), "--chain-id", "7") as faucet:
                answer = faucet.ask(1)
                self.assertEqual((answer["status"], answer["reason"]), ("queued", "the faucet's node is of the chain with the id 1337, not 7"))
                self.assertNotIn("hash", answer)
                self.assertEqual(faucet.stop()[0], 0)
            with self.faucet(self.rpc(node), "--chain-id", "1337") as faucet:  # what was asked for is not lost
                faucet.until(1, "sent")
                node.rpc("evm_mine")
                self.assertEqual(self.balance(node, 1), COIN)

    def test_options(self):
        for words, args in (("--from is needed", ()), ("--per-day must be at least", ("--from", ADDRESS[1], "--amount", "2", "--per-day", "1")),
                            ("more than nothing", ("--from", ADDRESS[1], "--amount", "0")), ("from 1 to 744", ("--from", ADDRESS[1], "--per-address-hours", "745")),
                            ("--listen", ("--from", ADDRESS[1], "--listen", "65536")), ("--chain-id N is needed", ("--from", ADDRESS[1], "--rpc", "http://192.0.2.1:8545")),
                            ("--chain-id", ("--from", ADDRESS[1], "--chain-id", "0"))):
            done = posw_process.posw("faucet", *args)
            self.assertEqual((done.code, words in done.err), (2, True), str(done))


class Limits(Case):
    def test_the_day_and_restarts(self):
        """Three times 2 of 7 coins: the fourth would be the eighth coin. Neither a stop nor a kill makes it forget."""
        args = ("--amount", "2 coin", "--per-day", "7 coin", "--per-client", "0")
        with self.node() as node:
            with self.faucet(self.rpc(node), *args) as faucet:
                self.assertEqual(faucet.ask(1)["status"], "sent")
                self.refused("this address has had its coins; ask again in 24 hours", faucet.ask(1))
                self.assertEqual(faucet.stop()[0], 0)
            with self.faucet(self.rpc(node), *args) as faucet:
                self.refused("this address has had its coins", faucet.ask(1))
                self.assertEqual([faucet.ask(2)["status"], faucet.ask(3)["status"]], ["sent", "sent"])
                self.refused("all coins of this day are given away", faucet.ask(4))
            with self.faucet(self.rpc(node), *args) as faucet:
                self.refused("all coins of this day are given away", faucet.ask(4))
                self.assertEqual(post(faucet.url, {})["leftToday"], "1")
            node.rpc("evm_mine")
            self.assertEqual([self.balance(node, i) // COIN for i in (1, 2, 3, 4)], [2, 2, 2, 0])
            with self.faucet(self.rpc(node), "--amount", "2 coin", "--per-day", "8 coin", "--per-client", "0") as faucet:
                self.assertEqual(faucet.ask(4)["status"], "sent")
                self.refused("given away", faucet.ask(5))

    def test_a_part_of_the_network(self):
        with self.node() as node, self.faucet(self.rpc(node), "--per-client", "2") as faucet:
            self.assertEqual([faucet.ask(1)["status"], faucet.ask(2)["status"]], ["sent", "sent"])
            self.refused("your part of the network has had its coins", faucet.ask(3))

    def test_time_gives_back(self):
        """Lines of the book a little inside and a little outside of what the limits look back at."""
        hour, now = 3600, int(time.time())

        def write(*ages):
            os.makedirs(os.path.join(self.dir, "faucet"), exist_ok=True)
            with open(os.path.join(self.dir, "faucet", "payments.jsonl"), "w") as f:
                for i, age in enumerate(ages, 1):
                    f.write(json.dumps({"id": i, "time": now - age, "to": address(i), "group": "0x0102030405", "wei": str(2 * COIN), "state": "paid", "nonce": i,
                                        "hash": "0x" + 64 * "1"}) + "\n")

        write(2 * hour + 5, 2 * hour - 60, 24 * hour + 5, 24 * hour - 60)
        with self.node() as node, self.faucet(self.rpc(node), "--amount", "2 coin", "--per-address-hours", "2", "--per-day", "8 coin", "--per-client", "0") as faucet:
            self.assertEqual(post(faucet.url, {})["leftToday"], "2")
            self.refused("ask again in 1 minute", faucet.ask(2))
            self.assertEqual(faucet.ask(1)["status"], "sent")
            self.refused("given away; ask again in 1 minute", faucet.ask(3))

    def test_the_queue_has_an_end(self):
        """Without a node: 32 wait, the next is sent away; all are paid when it comes, and none of them twice."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        args = ("--amount", "0.5 coin", "--per-client", "0", "--rate", "0")
        with self.faucet(f"http://127.0.0.1:{port}", *args) as faucet:
            first = faucet.ask(0)
            self.assertEqual((first["status"], "does not answer" in first["reason"]), ("queued", True), first)
            for i in range(1, 32):
                self.assertEqual(faucet.ask(i)["status"], "queued")
            self.refused("too many are waiting", faucet.ask(32))
            self.assertEqual(post(faucet.url, {})["waiting"], 32)
        node = subprocess.Popen([POSW, "dev", "--no-mining", "--port", str(port), "--json-ready"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            node.stdout.readline()
            with self.faucet(f"http://127.0.0.1:{port}", *args) as faucet:
                faucet.until(31, "sent")
                self.assertEqual(post(faucet.url, {})["waiting"], 0)
            call(port, "evm_mine")
            for i in range(32):
                self.assertEqual(int(call(port, "eth_getBalance", address(i), "latest"), 16), COIN // 2, i)
        finally:
            node.kill()
            node.wait()
            node.stdout.close()


class Faults(Case):
    def paid_once(self, fault, sends, same):
        with self.node() as node:
            proxy = Proxy(node)
            self.addCleanup(proxy.close)
            proxy.faults = list(fault)
            with self.faucet(proxy.url) as faucet:
                faucet.ask(1)
                sent = faucet.until(1, "sent", "paid")
                node.rpc("evm_mine")
                self.assertEqual(self.balance(node, 1), COIN)
                self.assertEqual(len(proxy.sent), sends)
                self.assertEqual(len(set(proxy.sent)) == 1, same)
                self.assertEqual(faucet.ask(2)["status"], "sent")  # and it goes on
                node.rpc("evm_mine")
                self.assertEqual([self.balance(node, 1), self.balance(node, 2)], [COIN, COIN])
                self.assertIsNotNone(node.rpc("eth_getTransactionReceipt", sent["hash"]))

    def test_a_lost_request_is_sent_again(self):
        self.paid_once(["lost"], 2, True)

    def test_a_lost_answer_pays_once(self):
        self.paid_once(["mute", "mute"], 3, True)

    def test_a_nonce_that_others_used_is_signed_anew(self):
        self.paid_once(["taken"], 2, False)

    def test_a_kill_between_sending_and_noting(self):
        """The answer is lost, and so is the faucet: the next one sends the same bytes."""
        with self.node() as node:
            proxy = Proxy(node)
            self.addCleanup(proxy.close)
            proxy.faults = ["mute"] + ["lost"] * 50
            with self.faucet(proxy.url) as faucet:
                self.assertEqual(faucet.ask(1)["status"], "queued")
            node.rpc("evm_mine")
            self.assertEqual(self.balance(node, 1), COIN)
            proxy.faults = []
            with self.faucet(proxy.url) as faucet:
                faucet.until(1, "sent", "paid")
            node.rpc("evm_mine")
            self.assertEqual(self.balance(node, 1), COIN)
            self.assertEqual(len(set(proxy.sent)), 1)

    def test_a_transaction_that_the_node_forgets_is_sent_again(self):
        """In memory the pool of a development node does not survive it."""
        with self.node() as node, self.faucet(self.rpc(node)) as faucet:
            port = node.port
            hash_ = faucet.ask(1)["hash"]
            node.end()
            again = subprocess.Popen([POSW, "dev", "--no-mining", "--port", str(port), "--json-ready"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            try:
                again.stdout.readline()
                end = time.monotonic() + WAIT_S
                while call(port, "eth_getTransactionByHash", hash_) is None:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.1)
            finally:
                again.kill()
                again.wait()
                again.stdout.close()

    def test_the_book(self):
        """A cut last line is as if it was not there; a damaged one is refused; two faucets do not share one."""
        with self.node() as node:
            with self.faucet(self.rpc(node)) as faucet:
                faucet.ask(1)
                with self.assertRaisesRegex(AssertionError, "in use by process"):
                    self.faucet(self.rpc(node))
            path = os.path.join(self.dir, "faucet", "payments.jsonl")
            with open(path, "a") as f:
                f.write('{"id":9,"time":1')
            with self.faucet(self.rpc(node)) as faucet:
                self.refused("this address has had its coins", faucet.ask(1))
                self.assertEqual(faucet.ask(2)["status"], "sent")
            with open(path, "a") as f:
                f.write("{}\n")
            with self.assertRaisesRegex(AssertionError, "line [0-9]+ is damaged"):
                self.faucet(self.rpc(node))


if __name__ == "__main__":
    unittest.main()
