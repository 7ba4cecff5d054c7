"""A random chain: parameters, then steps that extend it, fork it, break it and ask about it. Everything follows from the seed."""
import collections
import json
import random
from itertools import islice

from posw import header as headers, rlp
from posw.build import Key, calls, encode_block, make_block, replace, seal, table_for, weight_for
from posw.difficulty import with_ancestors
from posw.params import STAKING, at
from posw.stake import Entry, StakeTable, epoch_of
from posw.staking import EXITS_MAX, MINERS_OF_OWNER_MAX, due_exits, open_exits
from posw.verdict import Invalid
from posw.weight import greatest

from . import native, proofs
from .breaks import Bench, random_break, signed_again
from .chains import broken_chain, random_chain, random_params
from .txs import TxMaker

native.install()
KEYS = [Key.named(f"miner {i}") for i in range(7)]
COST_MAX, DEAR = 2000, 40  # hashes for a block: at most, and from where on blocks come late, to make it less
FAR = 2**64 - 1
YEAR_S = 31_557_600
TWINS_MAX = 2  # of one seal; a node may keep no more than 4 such blocks on side branches (chain.h)


class World:
    def __init__(self, seed, pair, length=0):
        self.rng, self.pair = random.Random(seed), pair
        self.length = length or self.rng.choice((4, 5, 6, 8, 8, 10, 26))
        self.keys = self.rng.sample(KEYS, self.rng.choice((2, 3, 5)))
        self.statistics = {name: collections.Counter() for name in ("count", "upgrades", "verdict", "mutation", "difficulty", "weight")}
        self.sent = []  # (bytes, now) of blocks, for a second arrival in another order
        self.seen = set()
        self.leaves = []  # latest blocks of side branches

    @property
    def chain(self):
        return self.pair.chain

    # ---- events ----

    def do(self, *event):
        self.statistics["count"]["events"] += 1
        return self.pair.do(*event)

    def send(self, data, now):
        """Imports on both sides; the answer's verdict as a list of three words."""
        before = self.chain.tip
        answer = self.do("import", now, data).split()
        count = self.statistics["count"]
        count["imports"] += 1
        self.statistics["verdict"][" ".join(answer[:3])] += 1
        if data not in self.seen:
            self.seen.add(data)
            count["blocks"] += 1
        removed = int(answer[-2])
        if removed:
            count["reorganisations"] += 1
            count["blocks undone"] += removed
        if self.chain.tip is not before:
            block = self.chain.tip
            count["boosted blocks"] += block.boosted
            count["transactions"] += len(block.txs)
            count["failed transactions"] += sum(not r.success for r in block.receipts or ())
            count["blocks at the highest base fee"] += block.header.base_fee == FAR
            count["blocks of a supply above 2^126"] += block.state.supply() > 2**126
            count["transactions that may use 2^60 gas"] += sum(tx.gas_limit >= 2**60 for tx in block.txs)
            count["blocks of more than 127 transactions"] += len(block.txs) > 127
            count["blocks a year after their parents"] += block.timestamp - block.parent.timestamp > YEAR_S
        return answer[:3]

    # ---- the whole ----

    def run(self):
        for _ in range(self.rng.choice((0, 1, 2))):
            self.judge_params()
        spec, rule, weight = random_chain(self.rng, [k.address for k in self.keys])
        if self.rng.random() < 0.25:
            self.judge_chain_file(spec)
        if self.do("open", json.dumps(spec)) == "refused":
            self.statistics["count"]["chain files refused"] += 1
            return
        self.statistics["count"]["chains"] += 1
        self.statistics["difficulty"][rule] += 1
        self.statistics["weight"][weight] += 1
        for _ in range(self.length):
            self.step()
        passed = [u for u in self.chain.params.upgrades if u.height <= self.chain.tip.number]
        self.statistics["count"]["upgrades passed"] += len(passed)
        self.statistics["upgrades"].update(field for upgrade in passed for field, _ in upgrade.changes)
        if self.chain.params.unbonding > EXITS_MAX and self.rng.random() < 0.25:
            self.open_exits()
        if at(self.chain.params, self.chain.tip.number).gas_limit >= 10**6 and self.rng.random() < 0.025:
            self.stake_for_many()
        if at(self.chain.params, self.chain.tip.number + 1).gas_limit >= 10**7 and self.rng.random() < 0.1:
            self.fill_block()
        self.end(spec)

    def judge_params(self):
        answer = self.do("params", random_params(self.rng))
        self.statistics["verdict"][" ".join(answer.split()[:3])] += 1

    def judge_chain_file(self, spec):
        text = json.dumps(broken_chain(self.rng, json.loads(json.dumps(spec))), ensure_ascii=self.rng.random() < 0.5)
        if self.rng.random() < 0.05:
            text = self.rng.choice((text[:-1] + ', "ticker": "T"}', text[:-1], text + " x", "[" + text + "]", text.replace(":", " : ", 3)))
        refused = self.do("open", text) == "refused"
        self.statistics["count"]["chain files refused" if refused else "chain files taken"] += 1

    def step(self):
        kind = self.rng.random()
        if kind < 0.62:
            self.grow(self.chain.tip)
        elif kind < 0.74:
            self.branch()
        elif kind < 0.82:
            self.grow_leaf()
        elif kind < 0.85:
            self.bad_branch()
        elif kind < 0.90 and self.sent:
            self.send(*self.rng.choice(self.sent[-30:]))
        elif kind < 0.93:
            self.orphan()
        else:
            self.odd_moment()
        self.ask()

    def end(self, spec):
        if self.rng.random() < 0.3:
            self.do("reopen")
        if self.rng.random() < 0.3:
            self.do("verify")
        if self.rng.random() < 0.5:
            self.do("follow", self.rng.choice((1, 3, 5, 16, 64)))
        if self.rng.random() < 0.2:
            self.arrive_again(spec)

    # ---- blocks ----

    def weight(self, key, parent):
        return weight_for(self.chain.params, parent, key.address)

    def time_after(self, parent):
        rng, p = self.rng, self.chain.params
        t = p.block_time
        gap = rng.choice((1, 1, max(1, t - 1), t, t, t + 1, rng.randint(1, 3 * t), rng.randint(1, 2 * t)))
        if rng.random() < 0.1:
            gap = self.unlocking_time(parent) - parent.timestamp or gap
        if self.chain.next_difficulty(parent.timestamp + gap, parent) > DEAR * self.weight(self.keys[0], parent):
            gap = rng.randint(4 * t, 12 * t)  # so that it does not become dearer
        if rng.random() < 0.02:
            far = rng.choice((10**6 * t, 2 * YEAR_S, 2**40, 2**62))
            gap = far if parent.timestamp + far < FAR - 10**6 else gap
        return min(parent.timestamp + max(1, gap), FAR)

    def unlocking_time(self, parent):
        """A timestamp that will unlock a ticket, or just not, when it has become a median (W4)."""
        p, rng = self.chain.params, self.rng
        unlock = 2 * p.window * p.block_time
        times = [b.mtp + unlock for b in islice(with_ancestors(parent), p.window) if b.boosted and b.mtp + unlock > parent.timestamp]
        if times and rng.random() < 0.8:
            return rng.choice(times[-2:]) + rng.choice((0, 0, 1))
        return parent.timestamp + unlock + rng.choice((-1, 0, 1, p.block_time, unlock))

    def choose_miner(self, parent, timestamp):
        """A key that can afford a block here, or None; mostly one with weight."""
        difficulty = self.chain.next_difficulty(timestamp, parent)
        weights = {k: self.weight(k, parent) for k in self.keys}
        keys = [k for k in self.keys if difficulty <= COST_MAX * weights[k]]
        if not keys:
            return None
        return max(keys, key=weights.get) if self.rng.random() < 0.5 else self.rng.choice(keys)

    def build(self, parent, txs=None):
        """(Built, Bench) with these or random transactions, or None where no block can be built here."""
        rng, p = self.rng, self.chain.params
        timestamp = self.time_after(parent)
        miner = self.choose_miner(parent, timestamp) if timestamp > parent.timestamp else None
        if miner is None:
            return None
        address = table_for(p, parent).signer_of(miner.address)
        signer = next((k for k in KEYS if k.address == address), None)
        if signer is None:
            return None
        weight = self.weight(miner, parent)
        boosted = rng.choice((None, None, True)) if weight > 1 and self.chain.next_difficulty(timestamp, parent) > 1 else None
        txs = TxMaker(rng, self.chain, parent, self.keys).several(6) if txs is None else txs
        plan = {"miner": miner, "signer": signer, "timestamp": timestamp, "parent": parent, "boosted": boosted}
        try:
            built = make_block(self.chain, txs=txs, **plan)
        except Invalid:  # two transactions that fit, but not one after the other
            txs = []
            built = make_block(self.chain, **plan)
        return built, Bench(rng, self.chain, parent, built.header, txs, miner, signer, self.keys, weight)

    def grow(self, parent):
        """A valid block on `parent`, perhaps with broken ones before and after it. The block if it was kept."""
        rng = self.rng
        made = self.build(parent)
        if made is None:
            return None
        built, bench = made
        limit = max(2 * self.chain.params.block_time, 15)
        now = rng.choice((built.header.timestamp, max(0, built.header.timestamp - limit), FAR))
        for _ in range(rng.choice((0, 0, 1, 1, 3))):
            self.send_broken(bench, now)
        if rng.random() < 0.15 and built.header.timestamp > limit:
            self.send(built.bytes, built.header.timestamp - limit - rng.choice((1, 1, 2, limit)) if built.header.timestamp > 2 * limit + 2 else 0)
        if parent.hash in self.chain.blocks and rng.random() < 0.3:
            self.light(bench)
        if parent.hash in self.chain.blocks and rng.random() < 0.05:
            self.light_of_invented_table(bench)
        for _ in range(rng.randint(1, TWINS_MAX) if rng.random() < 0.04 else 0):
            self.send_twin(bench, now)
        self.send(built.bytes, now)
        self.sent.append((built.bytes, now))
        if rng.random() < 0.15:
            self.send_broken(bench, now)
        return self.chain.blocks.get(built.hash)

    def send_broken(self, bench, now):
        broken = random_break(bench)
        if broken is not None:
            name, data = broken
            self.statistics["mutation"][name] += 1
            self.send(data, now)
            if self.rng.random() < 0.1:
                self.send(data, now)
            if self.rng.random() < 0.2:
                self.light_of_broken(bench, data)

    def send_twin(self, bench, now):
        """The same seal with another signature of the same key: another block of the same worth, of which the first stays (F2)."""
        data = encode_block(signed_again(bench), bench.txs)
        self.statistics["count"]["blocks with a second signature"] += self.send(data, now)[0] == "valid"
        self.sent.append((data, now))

    def ancestor(self, depth):
        block = self.chain.tip
        for _ in range(depth):
            block = block.parent or block
        return block

    def deepest(self):
        """How far back branches leave the main chain: without the limit so far that their stake tables are their own (V2, step 4)."""
        p = self.chain.params
        return max(p.max_reorg, min(3 * p.epoch, 20)) if self.chain.allow_deep_reorg else p.max_reorg

    def branch(self):
        """A side branch from a block near the tip, long enough to win or not, too deep or not."""
        rng = self.rng
        depth = rng.randint(1, min(self.deepest() + 2, 1 + self.chain.tip.number))
        block = self.ancestor(depth)
        for _ in range(depth + rng.choice((-1, 0, 1, 1))):
            block = self.grow(block)
            if block is None:
                return
        self.leaves.append(block)

    def grow_leaf(self):
        """The latest side branch goes on."""
        leaves = [b for b in self.leaves[-4:] if b.hash in self.chain.blocks and not self.chain.is_main(b)]
        block = self.grow(self.rng.choice(leaves)) if leaves else None
        if block is not None:
            self.leaves.append(block)

    def bad_branch(self):
        """A side block that only execution can find bad, and children on it."""
        rng = self.rng
        if self.chain.tip.number == 0:
            return
        parent = self.ancestor(rng.randint(1, min(self.deepest(), self.chain.tip.number)))
        made = self.build(parent)
        if made is None:
            return
        _, bench = made
        if bench.header.difficulty > COST_MAX * bench.weight:
            return
        field = rng.choice(("state_root", "receipts_root", "logs_bloom", "gas_used"))
        value = (bench.header.gas_used + 1) % (bench.header.gas_limit + 1) if field == "gas_used" else rng.randbytes(len(getattr(bench.header, field)))
        header = seal(replace(bench.header, **{field: value}), bench.signer, bench.weight)
        data = encode_block(header, bench.txs)
        self.statistics["mutation"]["bad branch"] += 1
        self.send(data, FAR)
        branch = [data]
        block = self.chain.blocks.get(header.hash)
        while block is not None and block.number <= self.chain.tip.number + 1 and len(branch) < max(6, self.deepest()):
            child = self.build(block)
            if child is None:
                return
            built, _ = child
            self.send(built.bytes, FAR)
            branch.append(built.bytes)
            block = self.chain.blocks.get(built.hash)
        for data in branch:
            if rng.random() < 0.5:
                self.send(data, FAR)

    def run_calls(self, key, data, values, blocks, gas=()):
        """Calls from one key in blocks on the tip, as many in each as its gas allows. False where a block cannot be built."""
        data, values = list(data), list(values)
        for _ in range(blocks):
            txs = TxMaker(self.rng, self.chain, self.chain.tip, self.keys).calls_of(key, data, values, gas)
            made = self.build(self.chain.tip, txs)
            if made is None or not txs:
                return False
            self.send(made[0].bytes, FAR)
            data, values = data[len(txs):], values[len(txs):]
            if not data:
                break
        return True

    def open_exits(self):
        """S4: more exits than may be open, one in each block."""
        key, low = self.rng.choice(self.keys), self.chain.params.stake_min
        if not self.run_calls(key, [calls.stake(key.address)], [low + 1000], 1):
            return
        for _ in range(EXITS_MAX + 3):
            if not self.run_calls(key, [calls.unstake(key.address, 1)], [0], 1):
                return
        self.do("call", key.address, STAKING, 0, 10**6, calls.exits_of(key.address))
        self.statistics["count"]["chains with all exits open"] += 1
        self.pay_exits(key)

    def stake_for_many(self):
        """S3: one owner, more miners than it may stake for; some of them leave again."""
        key, low = self.rng.choice(self.keys), self.chain.params.stake_min
        miners = [self.rng.randbytes(20) for _ in range(MINERS_OF_OWNER_MAX + 2)]
        if not self.run_calls(key, map(calls.stake, miners), [low] * len(miners), 12):
            return
        some = self.rng.sample(miners, 7)
        self.run_calls(key, [calls.unstake(m, low) for m in some] + [calls.stake(miners[-1])], [0] * len(some) + [low], 3)
        for _ in range(2 * self.chain.params.epoch):
            self.grow(self.chain.tip)
        self.do("miner", self.rng.choice(miners))
        self.statistics["count"]["chains with many miners"] += 1

    def pay_exits(self, key):
        """S5: many exits in one call, at first with too little gas for the last of them (X6)."""
        exits = open_exits(self.chain.tip.state, key.address)
        wait = exits[0][1] + self.rng.randrange(EXITS_MAX) - self.chain.tip.number - 1 if exits else 0
        if not 0 < wait <= 200 or not all(self.pass_block() for _ in range(wait)):
            return
        for missing in (1, 0):
            due = len(due_exits(self.chain.tip.state, self.chain.tip.number + 1, key.address))
            if not self.run_calls(key, [calls.withdraw()], [0], 1, [30_000 + 6_000 * due - missing]):
                return
        self.statistics["count"]["chains with many exits paid at once"] += due > 8

    def pass_block(self):
        made = self.build(self.chain.tip, [])
        return made is not None and self.send(made[0].bytes, FAR)[0] == "valid"

    def fill_block(self):
        """More transactions than one byte of a trie's key can number."""
        made = self.build(self.chain.tip, TxMaker(self.rng, self.chain, self.chain.tip, self.keys).many(self.rng.choice((127, 128, 129, 200, 257))))
        if made is not None:
            self.send(made[0].bytes, FAR)
            self.sent.append((made[0].bytes, FAR))

    def orphan(self):
        """A child arrives before its parent."""
        made = self.build(self.chain.tip)
        child = made and self.build(made[0].block)
        if child is None:
            return
        built, later = made[0], child[0]
        self.send(later.bytes, FAR)
        self.send(built.bytes, FAR)
        self.send(later.bytes, FAR)
        self.sent += [(built.bytes, FAR), (later.bytes, FAR)]

    def arrive_again(self, spec):
        """The same blocks on a fresh chain, out of order; then once more, so that nothing stays an orphan."""
        blocks = list(self.sent)
        self.do("open", json.dumps(spec))
        self.leaves.clear()
        order = sorted(range(len(blocks)), key=lambda i: i + self.rng.uniform(0, self.rng.choice((1, 3, 8))))
        for i in order + list(range(len(blocks))):
            self.send(*blocks[i])

    # ---- questions ----

    def light(self, bench):
        """The header alone, with its proof, without one, and with wrong ones."""
        rng = self.rng
        table = table_for(self.chain.params, bench.parent)
        own = table.prove(bench.miner.address)
        others = [table.prove(e.miner) for e in table.entries[:8]]
        proof = rng.choice([None, own, own] + others)
        self.ask_light(bench.header, None if proof is None else self.perhaps_damaged(proofs.encode(proof)))

    def perhaps_damaged(self, data):
        if self.rng.random() < 0.7:
            return data
        at = self.rng.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << self.rng.randrange(8)]) + data[at + 1:] + (b"\x00" if self.rng.random() < 0.1 else b"")

    def ask_light(self, header, proof):
        self.ask_light_of(headers.encode(header), proof, (FAR, header.timestamp, max(0, header.timestamp - 10**6)))

    def ask_light_of(self, header, proof, times=(FAR,)):
        answer = self.do("light", self.rng.choice(times), header, proof)
        self.statistics["verdict"]["light: " + answer] += 1

    def light_of_broken(self, bench, data):
        """The header of a broken block alone: what is wrong with it, and in which order that is found (V2, light client)."""
        try:
            header = rlp.encode(rlp.decode(data)[0])
        except (rlp.RlpError, IndexError, TypeError, RecursionError):
            return
        proof = table_for(self.chain.params, bench.parent).prove(bench.miner.address)
        encoded = None if proof is None or self.rng.random() < 0.4 else self.perhaps_damaged(proofs.encode(proof))
        self.ask_light_of(header, encoded)

    def light_of_invented_table(self, bench):
        """A header with a stake root of its own making: a client that has no state cannot know better, and must do its sums alike."""
        rng, p = self.rng, self.chain.params
        amounts = (1, 10**18, 10**24, 2**127, 2**128 - 1, 2**128 - 10**24, 0)
        miners = sorted({rng.randbytes(20) for _ in range(rng.choice((0, 1, 2, 6)))} | {bench.miner.address})
        entries = tuple(Entry(m, rng.choice((m, bench.miner.address)), rng.choice(amounts)) for m in miners)
        table = StakeTable(entries, rng.choice((0, 1, 10**27, 2**128, 2**256 - 1)))
        try:
            proof, root = table.prove(bench.miner.address), table.root_in_force(epoch_of(p, bench.header.number))
        except OverflowError:  # sums that 16 bytes do not hold
            return
        difficulty = bench.header.difficulty
        weights = [f for f in (1, max(1, min(greatest(p, bench.header.number), difficulty))) if difficulty <= COST_MAX * f]
        if not weights:
            return
        header = replace(bench.header, extra_data=b"\x01" + root + bytes(65))
        header = seal(header, bench.miner, rng.choice(weights))
        self.ask_light(header, rng.choice((None, self.perhaps_damaged(proofs.encode(proof)), proofs.encode(proof))))

    def ask(self):
        rng, tip = self.rng, self.chain.tip
        if rng.random() < 0.5:
            t = self.chain.params.block_time
            self.do("next", min(FAR, tip.timestamp + rng.choice((1, t - 1 or 1, t, 2 * t, 100 * t, 10**6 * t))))
        if rng.random() < 0.6:
            self.do("miner", rng.choice(self.keys if rng.random() < 0.9 else KEYS).address)
        if rng.random() < 0.15:
            self.do("account", rng.choice([k.address for k in self.keys] + [STAKING]))
        if rng.random() < 0.2:
            self.ask_contract()

    def ask_contract(self):
        """A view from outside (S7), and now and then something that is none."""
        rng = self.rng
        one, two = (rng.choice(KEYS).address for _ in range(2))
        data = rng.choice((calls.stake_of(one), calls.stake_of_owner(one, two), calls.active_stake_of(one), calls.pending_of(one), calls.exits_of(one), calls.signer_of(one),
                           calls.total_stake(), calls.ticket_price(), calls.weight_of(one), calls.withdraw(), rng.randbytes(5)))
        self.do("call", one, STAKING, 0, rng.choice((10**6, 10**6, 21000, 24000)), data)

    def odd_moment(self):
        kind = self.rng.randrange(4)
        if kind == 0:
            self.do("reopen")
        elif kind == 1:
            self.do("deep", self.rng.random() < 0.5)
        elif kind == 2:
            self.do("bulk", self.rng.choice((0, 1, 2, 10)))
        else:
            self.do("verify")
