"""Events, and the two sides that answer them with texts.

An event is a tuple: its name, then plain values (str, int, bool, bytes, None, dict of params), so that a list of events can be written to a file and run
again without the generator. The texts are those of tests/differential/replay.c.
"""
import ast
import select
import subprocess
import time

from dataclasses import replace

from posw import header as headers, light, params
from posw.chain import Chain, check_header_fields, check_header_time
from posw.keccak import keccak256
from posw.params import Params
from posw.verdict import Invalid, NotYet, Refused, Verdict
from posw.weight import ticket_price

from . import books, outside, proofs


PATIENCE_S = 120  # for one answer of the library; then it is killed, which is a difference


class Difference(Exception):
    def __init__(self, step, event, library, specification):
        super().__init__(f"event {step}: {library!r} and {specification!r}")
        self.step, self.event, self.in_c, self.in_python = step, describe(event), library, specification


def describe(event, most=300):
    text = " ".join(word_of(v) for v in event)
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def word_of(value):
    if value is None or value == b"":
        return "-"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return " ".join(f"{k}={word_of(v)}" for k, v in value.items())
    return str(value)


# ---- the library ----

class Library:
    """A posw-replay process."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def answer(self, event):
        words = [w.encode().hex() if event[0] == "open" and i == 1 else word_of(w) for i, w in enumerate(event)]
        try:
            self.process.stdin.write(" ".join(words).encode() + b"\n")
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
                self.process.kill()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            return f"died with status {self.process.wait()}"
        line = line.decode().rstrip("\n")
        return "refused" if event[0] == "open" and line.startswith("refused ") else line

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


# ---- the specification ----

def verdict_text(v):
    return f"{v.kind.replace(' ', '-')} {v.rule or '-'} {v.name or '-'}"


class Specification:
    """The same answers from spec/posw."""

    def __init__(self):
        self.chain, self.owners = None, []

    def answer(self, event):
        return getattr(self, "answer_" + event[0])(*event[1:])

    def tip_text(self, removed=0, added=0):
        tip = self.chain.tip
        return f"tip {tip.hash.hex()} {tip.number} {tip.weight} {tip.header.state_root.hex()} {removed} {added}"

    def answer_open(self, text):
        self.chain = None
        try:
            self.chain = Chain(text)
        except Invalid:
            return "refused"
        genesis = self.chain.genesis
        self.owners = [stake.owner for stake in self.chain.spec.stakes]
        return f"ok {genesis.hash.hex()} {genesis.header.state_root.hex()} {keccak256(params.canonical(self.chain.params)).hex()}"

    def answer_import(self, now, block):
        verdict = self.chain.import_block(block, now=now)
        removed, added = self.chain.change
        return f"{verdict_text(verdict)} {self.tip_text(len(removed), len(added))}"

    def answer_light(self, now, header, proof):
        """As a light client, in the order that V2 gives for it."""
        try:
            header = headers.decode(header)
            parent = self.chain.blocks.get(header.parent_hash)
            if proof is not None and proofs.decode(proof) is None:
                raise NotYet("STAKE_PROOF")
            if parent is None:
                raise NotYet("UNKNOWN_PARENT")
            p = self.chain.params
            check_header_fields(p, parent, header, header.stake_root)
            check_header_time(p, header, now)
            light.check_proof(p, parent, header, None if proof is None else proofs.decode(proof))
            headers.check_pow(p.pow, header)
            verdict = Verdict("valid")
        except Refused as refused:
            verdict = refused.verdict
        return verdict_text(verdict)

    def answer_follow(self, _count):
        """Each header of a valid chain is valid for a light client that gets the proofs."""
        tip = self.chain.tip
        return f"valid - - light {tip.hash.hex()} {tip.number} {tip.weight}"

    def answer_next(self, timestamp):
        c = self.chain
        number = c.tip.number + 1
        table = c.table(number)
        return (f"next {c.next_difficulty(timestamp)} {c.next_base_fee()} {c.stake_root(number).hex()} "
                f"{ticket_price(c.params, table.supply)} {params.subsidy(c.params, number)}")

    def answer_miner(self, miner):
        c = self.chain
        table, proof = c.table(c.tip.number + 1), c.proof_of(miner)
        target = min(c.target_of(miner, c.tip.timestamp + 1) + 1, 2**256 - 1)
        return (f"miner {c.weight_of(miner)} {c.tickets_used(miner)} {target} {table.stake_of(miner)} {table.signer_of(miner).hex()} "
                f"{word_of(proofs.encode(proof) if proof else None)}")

    def answer_account(self, address):
        state = self.chain.tip.state
        return f"account {state.nonce(address)} {state.balance(address)}"

    def answer_call(self, caller, to, value, gas, data):
        return outside.answer(self.chain, caller, to, value, gas, data)

    def answer_deep(self, on):
        self.chain.allow_deep_reorg = on
        return "ok"

    def answer_bulk(self, blocks):
        return "ok"

    def answer_reopen(self):
        self.chain.condemned.clear()  # remembered in memory only: judged once more
        self.chain.highest = self.chain.tip.number
        return self.tip_text()

    def answer_verify(self):
        tip = self.chain.tip
        assert tip.state.root() == tip.header.state_root
        books.check(tip.state, self.owners)
        return "ok"

    def answer_params(self, values):
        p = params_of(values)
        try:
            params.check(p, 0)
            verdict = Verdict("valid")
        except Invalid as broken:
            verdict = broken.verdict
        total = min(params.subsidies_until(p, 2**40), 2**256 - 1)
        return f"{verdict_text(verdict)} {keccak256(params.canonical(p)).hex()} {total}"


# What posw-replay calls otherwise.
NAMES = {"exponent_x2": "exponent_twice", "fee_rule": "fees", "reward": "reward_initial", "tail": "reward_tail", "halving": "reward_halving",
         "base_fee": "base_fee_initial", "genesis_difficulty": "difficulty_genesis"}
CHOICES = {"weight_rule": params.WEIGHT_RULES, "difficulty_rule": params.DIFFICULTY_RULES, "fees": params.FEE_RULES}


def params_of(values):
    upgrade = {k[len("upgrade_"):]: v for k, v in values.items() if k.startswith("upgrade_")}
    named = {NAMES.get(k, k): v for k, v in values.items() if not k.startswith("upgrade_")}
    if upgrade:
        named["upgrades"] = (params.Upgrade(upgrade.pop("height"), "up", tuple(upgrade.items())),)
    return replace(Params(), **{k: CHOICES[k][v] if k in CHOICES else v for k, v in named.items()})


# ---- both ----

class Pair:
    """Both sides; `do` remembers each event and raises Difference where they disagree."""

    def __init__(self, path):
        self.in_c, self.in_python, self.events = Library(path), Specification(), []

    @property
    def chain(self):
        return self.in_python.chain

    def both(self, event):
        return self.in_c.answer(event), self.in_python.answer(event)

    def do(self, *event):
        self.events.append(event)
        library, specification = self.both(event)
        if library != specification:
            raise Difference(len(self.events) - 1, event, library, specification)
        return specification

    def close(self):
        self.in_c.close()


# ---- files, and making them shorter ----

def save_events(path, events):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(repr(e) + "\n" for e in events)


def load_events(path):
    with open(path, encoding="utf-8") as f:
        return [ast.literal_eval(line) for line in f]


def first_difference(path, events):
    """Index of the first event on which the sides disagree, or None."""
    pair = Pair(path)
    try:
        for i, event in enumerate(events):
            library, specification = pair.both(event)
            if library != specification:
                return i
    except Exception:  # an event that needs what was cut away
        return None
    finally:
        pair.close()
    return None


def shrink(path, events, seconds=60):
    """Fewer events that still end in a difference: pieces of decreasing size are left out as long as time allows."""
    end, size = time.monotonic() + seconds, max(1, len(events) // 2)
    last_open = max(i for i, e in enumerate(events) if e[0] == "open") if any(e[0] == "open" for e in events) else 0
    tries = [events[last_open:]]
    for candidate in tries:
        if first_difference(path, candidate) == len(candidate) - 1:
            events = candidate
    while size >= 1 and time.monotonic() < end:
        at = len(events) - 1 - size
        while at >= 1 and time.monotonic() < end:
            candidate = events[:at] + events[at + size:]
            if first_difference(path, candidate) == len(candidate) - 1:
                events = candidate
            at -= size
        size //= 2
    return events
