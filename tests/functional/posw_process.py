"""Running posw from Python tests with nothing but the standard library: processes that are ended by their own id, JSON-RPC over one kept
connection, WebSocket, and signed transactions of the development accounts.

POSW names the binary (default: build/posw).
"""

import functools
import http.client
import json
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
POSW = os.path.abspath(os.environ.get("POSW", os.path.join(HERE, "..", "..", "build", "posw")))
COMMAND_S = 60
READY_S = 15

# The first three accounts of "test test test test test test test test test test test junk"; number 0 mines.
ADDRESS = ["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
           "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"]
SECRET = [0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80,
          0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d,
          0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a]
CHAIN_ID = 1337


# ---- Keccak-256, as an unrolled permutation: some thousand transactions a second ----

_ROTATIONS = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14]


def _round_constants():
    constants, lfsr = [], 1
    for _ in range(24):
        value = 0
        for j in range(7):
            if lfsr & 1:
                value |= 1 << ((1 << j) - 1)
            lfsr = (lfsr << 1) ^ (0x171 if lfsr & 0x80 else 0)
        constants.append(value)
    return constants


def _permutation():
    def rotated(x, n):
        return x if n == 0 else f"(({x}) << {n} & M | ({x}) >> {64 - n})"

    lanes = ",".join(f"a{i}" for i in range(25))
    code = ["def permute(a):", f" {lanes} = a", " for constant in CONSTANTS:"]
    code += [f"  c{x} = " + "^".join(f"a{x + 5 * y}" for y in range(5)) for x in range(5)]
    code += [f"  d{x} = c{(x + 4) % 5} ^ " + rotated(f"c{(x + 1) % 5}", 1) for x in range(5)]
    for i in range(25):
        x, y = i % 5, i // 5
        code += [f"  t = a{i} ^ d{x}", f"  b{y + 5 * ((2 * x + 3 * y) % 5)} = " + rotated("t", _ROTATIONS[i])]
    code += [f"  a{i} = b{i} ^ (~b{(i + 1) % 5 + i // 5 * 5} & b{(i + 2) % 5 + i // 5 * 5})" for i in range(25)]
    code += ["  a0 ^= constant", f" return [{lanes}]"]
    names = {"M": (1 << 64) - 1, "CONSTANTS": _round_constants()}
    exec("\n".join(code), names)
    return names["permute"]


_permute = _permutation()


def keccak256(data):
    padded = bytearray(data) + b"\x01"
    padded += bytes(-len(padded) % 136)
    padded[-1] |= 0x80
    state = [0] * 25
    for at in range(0, len(padded), 136):
        for i, word in enumerate(struct.unpack_from("<17Q", padded, at)):
            state[i] ^= word
        state = _permute(state)
    return struct.pack("<4Q", *state[:4])


assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


# ---- Transactions ----

def rlp(item):
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, list):
        payload, short = b"".join(map(rlp, item)), 0xC0
    elif len(item) == 1 and item[0] < 0x80:
        return item
    else:
        payload, short = item, 0x80
    if len(payload) < 56:
        return bytes([short + len(payload)]) + payload
    size = len(payload).to_bytes((len(payload).bit_length() + 7) // 8, "big")
    return bytes([short + 55 + len(size)]) + size + payload


_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_GENERATOR_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798


def transfer(sender, nonce, data=b"", value=1, max_fee=10**12):
    """A signed transaction of type 2 to account 2. Its signatures have 1 as their secret number, so they need no curve arithmetic, and
    tell everybody the key, which everybody knows anyway."""
    gas = 21000 + 16 * len(data) - 12 * data.count(0)
    fields = [CHAIN_ID, nonce, 10**9, max_fee, gas, bytes.fromhex(ADDRESS[2][2:]), value, data, []]
    digest = int.from_bytes(keccak256(b"\x02" + rlp(fields)), "big")
    s, parity = (digest + _GENERATOR_X * SECRET[sender]) % _ORDER, 0
    if s > _ORDER // 2:
        s, parity = _ORDER - s, 1
    return "0x" + (b"\x02" + rlp(fields + [parity, _GENERATOR_X, s])).hex()


# ---- Commands ----

class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __str__(self):
        return "posw %s\nexit code %s\nstdout: %s\nstderr: %s" % (" ".join(map(str, self.args)), self.code, self.out[-2000:], self.err[-4000:])


def posw(*args, timeout=COMMAND_S, before_exec=None):
    """Runs a command to its end; a hang is an error (subprocess.TimeoutExpired, the process killed)."""
    done = subprocess.run([POSW, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout,
                          start_new_session=True, preexec_fn=before_exec)
    return Result(args, done.returncode, done.stdout, done.stderr)


def complaints(err):
    """The lines of stderr that are no log lines."""
    log = ("Z error ", "Z warn  ", "Z info  ", "Z debug ")
    return [line for line in err.splitlines() if line[23:31] not in log and line.strip() != ""]


# ---- A running node ----

class NotReady(Exception):
    def __init__(self, result):
        super().__init__(str(result))
        self.result = result


class RpcError(Exception):
    pass


class Node:
    """A running node with a free port. Ends with the `with` block, by its process id."""

    def __init__(self, *args, before_exec=None, env=None):
        self.args = args
        self.errors = tempfile.TemporaryFile("w+", prefix="posw-stderr-", errors="replace")
        self.connection = None
        start = time.monotonic()
        self.process = subprocess.Popen([POSW, *args, "--port", "0", "--json-ready"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.errors, start_new_session=True, preexec_fn=before_exec, env=env)
        readable, _, _ = select.select([self.process.stdout], [], [], READY_S)
        line = self.process.stdout.readline() if readable else b""
        self.ready_s = time.monotonic() - start
        if not line:
            result = self.end()
            raise NotReady(result)
        self.ready = json.loads(line)
        self.port = self.ready["port"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Kills it if it runs still; what it was. What it said is gone afterwards."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        result = Result(self.args, self.process.returncode, "", self.stderr())
        self.errors.close()
        return result

    def stderr(self):
        if self.errors.closed:
            return ""
        self.errors.seek(0)
        return self.errors.read()

    def wait(self, seconds=10):
        """For a node that stops by itself."""
        self.process.wait(seconds)
        return Result(self.args, self.process.returncode, "", self.stderr())

    def stop(self, number=signal.SIGTERM):
        """Asks it to stop; (result, seconds it took)."""
        start = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return Result(self.args, self.process.returncode, "", self.stderr()), time.monotonic() - start

    def memory_mb(self, which="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(which):
                    return int(line.split()[1]) / 1024
        return 0.0

    def post(self, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=COMMAND_S)
        try:
            self.connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return self.connection.getresponse().read()
        except Exception:
            self.connection.close()
            self.connection = None
            raise

    def rpc(self, method, *params):
        answer = json.loads(self.post(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})))
        if "error" in answer:
            raise RpcError(f"{method}: {answer['error']}")
        return answer["result"]

    def batch(self, calls):
        """[(method, params)] -> answers in order."""
        body = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)]
        answers = json.loads(self.post(json.dumps(body)))
        return sorted(answers, key=lambda a: a["id"])

    def send(self, first_nonce, count, sender=1, data=b""):
        answers = self.batch([("eth_sendRawTransaction", [transfer(sender, first_nonce + i, data)]) for i in range(count)])
        for answer in answers:
            if "error" in answer:
                raise RpcError(str(answer["error"]))

    def nonce(self, tag="latest", sender=1):
        return int(self.rpc("eth_getTransactionCount", ADDRESS[sender], tag), 16)

    def tip(self):
        """(number, hash, state root)"""
        b = self.rpc("eth_getBlockByNumber", "latest", False)
        return int(b["number"], 16), b["hash"], b["stateRoot"]


# ---- WebSocket ----

class Stream:
    """As much of RFC 6455 as short messages need."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            got = self.socket.recv(1)
            if not got:
                raise EOFError("no answer to the handshake")
            head += got
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head.decode())

    def send(self, message):
        body = json.dumps(message).encode()
        size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack(">H", len(body))
        self.socket.sendall(b"\x81" + size + bytes(4) + body)

    def _take(self, size):
        data = b""
        while len(data) < size:
            got = self.socket.recv(size - len(data))
            if not got:
                raise EOFError("the stream ended")
            data += got
        return data

    def receive(self):
        size = self._take(2)[1] & 127
        if size == 126:
            size = struct.unpack(">H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self._take(8))[0]
        return json.loads(self._take(size))

    def close(self):
        self.socket.close()


@functools.lru_cache(maxsize=None)
def may_mount():
    """True if this process may mount file systems: root with the right."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0
