"""Whole chains: genesis blocks, and three stories with every state root."""

from posw import params
from posw.build import BREAKS, Built, Key, break_block, call, calls, make_block, transfer
from posw.chain import Block, Chain
from posw.header import encode
from posw.params import COIN, GWEI
from posw.verdict import Verdict

from .forms import Dice, hexa

START = 1_700_000_000
ALICE, BOB, CAROL, DAVE, ERIN = (Key.named(name) for name in ("alice", "bob", "carol", "dave", "erin"))
KEYS = {"alice": ALICE, "bob": BOB, "carol": CAROL, "dave": DAVE, "erin": ERIN}


def _file(**changes) -> dict:
    return {"name": "Vectors", "ticker": "VEC", "chainId": 424242, "timestamp": START, "pow": "keccak256"} | changes


def _accounts(coins: int) -> dict:
    return {hexa(key.address): f"{coins} coin" for key in KEYS.values()}


def _stake(miner: Key, owner: Key, coins: int) -> dict:
    return {"miner": hexa(miner.address), "owner": hexa(owner.address), "amount": f"{coins} coin"}


TICKET = _file(
    name="Tickets", blockTime=10, window=8, epoch=4, unbonding=8, maxReorg=4, difficulty={"rule": "asert", "halfLife": 8, "genesis": "24"},
    weight={"rule": "ticket", "boost": 64, "slots": 8, "price": "0 wei", "ramp": 6}, reward={"initial": "3 coin", "halving": 16, "tail": "1 coin"},
    accounts=_accounts(1000), stakes=[_stake(ALICE, ALICE, 900), _stake(BOB, CAROL, 450)], gasLimit=1_000_000,
)  # fmt: skip
POWER = _file(
    name="Power", blockTime=5, window=6, epoch=3, unbonding=6, maxReorg=3, difficulty={"rule": "lwma3", "blocks": 6, "genesis": "40"},
    weight={"preset": "sqrt", "unit": "10 coin"}, reward={"initial": "2 coin", "treasury": hexa(ERIN.address), "treasuryShare": 1000},
    fees={"base": "pool", "poolBlocks": 3, "initial": "5 gwei", "minimum": "1 gwei"}, accounts=_accounts(500), stakes=[_stake(ALICE, BOB, 160)],
    gasLimit=700_000,
)  # fmt: skip
UPGRADES = [
    {"height": 3, "name": "larger-blocks", "gasLimit": 400_000},
    {"height": 6, "name": "dearer-gas", "fees": {"minimum": "9 gwei"}},
    {"height": 9, "name": "a-treasury", "reward": {"treasury": hexa(ERIN.address), "treasuryShare": 2500}},
    {"height": 11, "name": "a-smaller-share", "reward": {"treasury": hexa(ERIN.address), "treasuryShare": 500}},
    {"height": 14, "name": "all-at-once", "gasLimit": 150_000, "fees": {"minimum": "2 gwei"},
     "reward": {"treasury": hexa(BOB.address), "treasuryShare": 10_000}},
]  # fmt: skip
BEFORE_UPGRADES = _file(
    name="Upgrades", blockTime=10, window=8, epoch=4, unbonding=8, maxReorg=4, difficulty={"rule": "asert", "halfLife": 8, "genesis": "24"},
    weight={"rule": "ticket", "boost": 64, "slots": 8, "price": "0 wei", "ramp": 6}, fees={"initial": "4 gwei", "minimum": "1 gwei"},
    accounts=_accounts(1000), stakes=[_stake(ALICE, ALICE, 900), _stake(BOB, CAROL, 450)], gasLimit=200_000,
)  # fmt: skip
UPGRADED = BEFORE_UPGRADES | {"upgrades": UPGRADES}
GENESES = [
    _file(),
    _file(name="ünïcödé", chainId="2147483629", timestamp=0, pow="argon2id"),
    _file(pow="randomx", difficulty={"rule": "fixed", "genesis": 2048}),
    _file(window=32, epoch=16, unbonding=32, maxReorg=16, difficulty={"rule": "lwma3"}),
    _file(difficulty={"rule": "bitcoin2016", "blocks": 100, "genesis": str(2**256 - 1)}),
    _file(difficulty={"rule": "homestead"}, stake={"minimum": "0.5 coin"}),
    _file(difficulty={"rule": "step"}, fees={"base": "pool", "poolBlocks": 720, "initial": "7 wei", "minimum": "3 wei"}),
    _file(reward={"treasury": hexa(BOB.address)}),
    _file(reward={"initial": "0 coin", "halving": 0, "tail": "0 wei", "treasury": hexa(BOB.address), "treasuryShare": 10_000}),
    _file(weight={"preset": "diode", "max": 9, "exponent": "1.5"}),
    _file(weight={"rule": "power", "unit": "1 gwei", "min": 2, "max": "18446744073709551615", "exponent": 3}),
    _file(weight={"rule": "ticket", "boost": 3, "slots": 5, "price": "12.5 coin", "ramp": 0}, accounts={hexa(ALICE.address): "0 coin", hexa(BOB.address): "1 wei"}),
    *[_file(weight={"preset": preset}) for preset in params.PRESETS],
    TICKET,
    POWER,
    UPGRADED,
]  # fmt: skip


def geneses() -> dict:
    cases = []
    for chainfile in GENESES:
        chain = Chain(chainfile)
        state = chain.genesis.state
        cases.append({
            "chainfile": chainfile, "canonical": hexa(params.canonical(chain.params)), "header": hexa(encode(chain.genesis.header)),
            "hash": hexa(chain.genesis.hash), "stateRoot": hexa(state.root()), "storageRoot": hexa(state.storage_root()), "supply": str(state.supply()),
            "stakeRoot": hexa(chain.stake_root(1)),
        })  # fmt: skip
    return {"about": "G1, G2, C1: chain files and their genesis blocks; stakeRoot is in force for block 1", "cases": cases}


class Story:
    """Makes blocks on a chain and writes down what became of them."""

    def __init__(self, chainfile: dict):
        self.chainfile, self.chain, self.cases = chainfile, Chain(chainfile), []

    def nonce(self, key: Key, pending: dict) -> int:
        pending[key] = pending.get(key, self.chain.tip.state.nonce(key.address) - 1) + 1
        return pending[key]

    def txs(self, acts: list) -> list[bytes]:
        """(who, what, arguments): 'pay' or a call of the staking contract."""
        pending: dict = {}
        result, p, base_fee = [], self.chain.params, self.chain.next_base_fee()
        for key, make, arguments in acts:
            result.append(make(key, p, nonce=self.nonce(key, pending), base_fee=base_fee, **arguments))
        return result

    def give(self, encoded: bytes, now: int, note: str = "") -> Verdict:
        verdict = self.chain.import_block(encoded, now)
        tip: Block = self.chain.tip
        self.cases.append({
            "note": note, "block": hexa(encoded), "now": now, "verdict": verdict.kind, "rule": verdict.rule, "name": verdict.name, "tip": hexa(tip.hash),
            "number": tip.number, "weight": str(tip.weight), "stateRoot": hexa(tip.state.root()), "storageRoot": hexa(tip.state.storage_root()),
            "supply": str(tip.state.supply()), "nextStakeRoot": hexa(self.chain.stake_root(tip.number + 1)),
            "tableRoot": hexa(tip.table().root), "mtp": tip.mtp, "removed": len(self.chain.change[0]), "added": len(self.chain.change[1]),
        })  # fmt: skip
        assert tip.state.supply() == tip.state.sum_of_balances()  # S9
        return verdict

    def grow(self, miner: Key, gap: int, acts: list, note: str = "", **more) -> Built:
        parent = more.pop("parent", None)
        before = parent.block if isinstance(parent, Built) else parent or self.chain.tip
        built = make_block(self.chain, miner=miner, timestamp=before.timestamp + gap, txs=self.txs(acts), parent=parent, **more)
        verdict = self.give(built.bytes, built.header.timestamp, note)
        assert verdict.kind == "valid", verdict
        return built

    def break_all(self, miner: Key, acts: list) -> None:
        """The next block with every fault that it can have; none moves the tip."""
        tip = self.chain.tip
        built = make_block(self.chain, miner=miner, timestamp=tip.timestamp + 7, txs=self.txs(acts))
        for how, fault in BREAKS.items():
            try:
                encoded = break_block(self.chain.params, built, how, miner, built.header.timestamp)
            except ValueError:
                continue
            verdict = self.give(encoded, built.header.timestamp, how)
            assert (verdict.kind, verdict.name) == (fault.kind, fault.name), (how, verdict)

    def vectors(self, about: str) -> dict:
        state = self.chain.tip.state
        return {
            "about": about, "chainfile": self.chainfile, "genesis": hexa(self.chain.genesis.hash),
            "accounts": {hexa(a): [state.nonce(a), str(state.balance(a))] for a in state.addresses()},
            "receipts": [[[r.type, int(r.success), r.gas_used] for r in block.receipts] for block in self.chain.main_chain()],
            "cases": self.cases,
        }  # fmt: skip


def _pay(to: Key, amount: int, **more):
    return transfer, {"to": to.address, "value": amount} | more


def _call(data: bytes, **more):
    return call, {"data": data} | more


def _act(key: Key, what) -> tuple:
    return (key, *what)


# What happens in which block of the ticket chain (E = 4, U = 8): each line names the rule that it is for.
TICKET_ACTS = {
    1: [_act(DAVE, _call(calls.stake(DAVE.address), value=100 * COIN)), _act(ERIN, _pay(BOB, 5 * COIN))],  # S3: in force from block 8
    2: [_act(DAVE, _call(calls.stake(DAVE.address), value=7 * COIN, type=0)), _act(ERIN, _call(calls.stake(DAVE.address), value=COIN))],  # same epoch: joined
    3: [_act(CAROL, _call(calls.unstake(BOB.address, 50 * COIN))), _act(CAROL, _call(calls.unstake(BOB.address, 10 * COIN)))],  # S4: exits joined
    4: [_act(DAVE, _call(calls.stake(DAVE.address), value=3 * COIN)), _act(DAVE, _call(calls.unstake(DAVE.address, 5 * COIN)))],  # newest first, d + 2 up
    5: [_act(CAROL, _call(calls.withdraw())), _act(ALICE, _call(calls.set_signer(ERIN.address)))],  # S5: nothing due; S6
    6: [_act(ERIN, _call(calls.stake(ERIN.address), value=COIN - 1)), _act(ERIN, _call(calls.unstake(DAVE.address, COIN // 2)))],  # below the minimum
    7: [_act(BOB, _pay(Key.named("new"), 1)), _act(BOB, _pay(BOB, COIN, type=1, access_list=((bytes(20), (bytes(32),)),)))],
    8: [_act(ERIN, _call(b"", value=COIN)), _act(ERIN, _call(b"\x12\x34\x56\x78"))],  # S8: plain transfer, unknown function
    9: [_act(ERIN, _call(calls.withdraw(), value=1)), _act(ERIN, _call(calls.stake(ERIN.address)[:-1], value=COIN))],  # S8: value, short input
    10: [_act(ERIN, _call(calls.stake(b"\x01" + bytes(20)), value=COIN)), _act(ERIN, _call(calls.stake(bytes(20)), value=COIN))],  # no address, no miner
    11: [_act(CAROL, _call(calls.withdraw())), _act(ERIN, _call(calls.total_stake())), _act(ERIN, _call(calls.ticket_price()))],  # paid; S7
    12: [_act(ERIN, _call(calls.stake(ERIN.address) + b"more", value=2 * COIN, gas=82_000)), _act(ERIN, _call(calls.withdraw(), gas=21_100))],  # X6
    13: [_act(DAVE, _call(calls.withdraw(), gas=57_000)), _act(DAVE, _call(calls.withdraw(), gas=58_000))],  # X6: one exit needs 36,000
    14: [_act(CAROL, _call(calls.unstake(BOB.address, 390 * COIN))), _act(ERIN, _call(calls.unstake(DAVE.address, COIN)))],  # Bob leaves the table
    15: [_act(ALICE, _call(calls.unstake(ALICE.address, 100 * COIN))), _act(ALICE, _call(calls.set_signer(ALICE.address)))],
    17: [_act(ALICE, _call(calls.unstake(ALICE.address, 100 * COIN))), _act(BOB, _call(calls.stake(BOB.address), value=20 * COIN))],
    22: [_act(CAROL, _call(calls.withdraw())), _act(ERIN, _call(calls.withdraw())), _act(ALICE, _call(calls.set_signer(bytes(20))))],
    24: [_act(ALICE, _call(calls.withdraw()))],
    26: [_act(ALICE, _call(calls.withdraw())), _act(DAVE, _call(calls.unstake(DAVE.address, 105 * COIN)))],
    30: [_act(ERIN, _pay(DAVE, 1, data=bytes(100) + b"\x01" * 100, gas=30_000))],
    34: [_act(DAVE, _call(calls.withdraw()))],
}


def _signer_of(chain: Chain, miner: Key) -> Key:
    address = chain.table(chain.tip.number + 1).signer_of(miner.address)
    return next(key for key in KEYS.values() if key.address == address)


def ticket_chain() -> dict:
    story, dice = Story(TICKET), Dice("ticket chain")
    for n in range(1, 41):
        miner = dice.pick([ALICE, ALICE, BOB, CAROL, DAVE])
        gap = dice.pick([1, 5, 9, 10, 11, 20]) if n != 29 else 400  # at 29 the window's tickets unlock by time
        weight = story.chain.weight_of(miner.address)
        difficulty = story.chain.next_difficulty(story.chain.tip.timestamp + gap)
        boosted = True if weight > 1 and difficulty > 1 and dice.below(4) else None
        story.grow(miner, gap, TICKET_ACTS.get(n, []), signer=_signer_of(story.chain, miner), boosted=boosted)
    story.break_all(DAVE, [_act(ERIN, _pay(DAVE, 1))])
    _reorganise(story)
    return story.vectors("X, S, W, E, R, F on a chain with tickets: blocks in the order of their arrival, and the tip after each")


def _reorganise(story: Story) -> None:
    """F1 to F3, V2: a branch from three blocks back that wins with its fourth; one whose bad body is found when it wins; one from too deep."""
    fork = story.chain.tip.parent.parent.parent
    parent: Built | Block = fork
    for i in range(4):
        parent = make_block(story.chain, miner=BOB, timestamp=fork.timestamp + 3 * i + 1, parent=parent)
        story.give(parent.bytes, parent.header.timestamp, f"branch from 3 back, block {i + 1}")
    old = story.chain.main_chain()[-2]
    bad = make_block(story.chain, miner=CAROL, timestamp=old.timestamp + 1, parent=old, fields={"state_root": bytes(32)})
    child = make_block(story.chain, miner=CAROL, timestamp=old.timestamp + 2, parent=bad)
    now = story.chain.tip.timestamp + 100
    for built, note in ((bad, "bad body on a lighter branch"), (child, "its child wins and finds it"), (bad, "remembered"), (child, "remembered")):
        story.give(built.bytes, now, note)
    grandchild = make_block(story.chain, miner=CAROL, timestamp=old.timestamp + 3, parent=child)
    story.give(grandchild.bytes, now, "its grandchild")
    deep = story.chain.main_chain()[-2 - story.chain.params.max_reorg]
    late = make_block(story.chain, miner=CAROL, timestamp=deep.timestamp + 1, parent=deep)
    story.give(late.bytes, now, "a branch from too deep")


def power_chain() -> dict:
    story, dice = Story(POWER), Dice("power chain")
    acts = {
        1: [_act(CAROL, _call(calls.stake(CAROL.address), value=40 * COIN, tip=2 * GWEI)), _act(DAVE, _pay(ERIN, COIN, tip=0))],
        2: [_act(DAVE, _call(calls.stake(ALICE.address), value=250 * COIN))],
        5: [_act(BOB, _call(calls.unstake(ALICE.address, 160 * COIN)))],
        9: [_act(DAVE, _call(calls.set_signer(CAROL.address))), _act(CAROL, _pay(DAVE, 10 * COIN, type=0))],
        11: [_act(BOB, _call(calls.withdraw()))],
    }
    for n in range(1, 19):
        miner = dice.pick([ALICE, CAROL, DAVE])
        story.grow(miner, dice.pick([1, 3, 5, 8, 30]), acts.get(n, []))
    story.break_all(CAROL, [_act(DAVE, _call(calls.stake(CAROL.address), value=COIN))])
    return story.vectors("X, S, W, R on a chain with a power rule, lwma3, a fee pool and a treasury: blocks in the order of their arrival, and the tip after each")


# By which rule the block at each upgrade's height is refused that was made by the rules before it.
REFUSED_BY = ["GAS_LIMIT", "BASE_FEE", "STATE_ROOT", "STATE_ROOT", "GAS_LIMIT"]


def _try_old_rules(story: Story, count: int, acts: list) -> None:
    """U2: the block at an upgrade's height by the rules before it."""
    old = Chain(BEFORE_UPGRADES | {"upgrades": UPGRADES[:count]})
    tip = story.chain.tip
    built = make_block(old, miner=DAVE, timestamp=tip.timestamp + 9, txs=story.txs(acts), parent=tip)
    verdict = story.give(built.bytes, built.header.timestamp, f"block {tip.number + 1} by the rules before {UPGRADES[count]['name']}")
    assert (verdict.kind, verdict.name) == ("invalid", REFUSED_BY[count]), verdict


def upgrade_chain() -> dict:
    """Each kind of upgrade, and several at once; blocks before and after are full, so that the base fee is that of the parent's own gas limit (U2)."""
    story, heights = Story(UPGRADED), [u["height"] for u in UPGRADES]
    assert story.chain.genesis.hash == Chain(BEFORE_UPGRADES).genesis.hash  # U3
    pays = {2: 9, 3: 12, 4: 19, 5: 2, 8: 1, 9: 3, 10: 1, 11: 2, 13: 18, 14: 7}
    for n in range(1, 17):
        acts = [_act(CAROL, _pay(DAVE, COIN + i)) for i in range(pays.get(n, 0))]
        if n in heights:
            _try_old_rules(story, heights.index(n), [_act(ERIN, _pay(DAVE, 1))])
        story.grow([ALICE, BOB, ALICE, DAVE][n % 4], [9, 10, 14, 6][n % 4], acts)
    _reorganise_across(story, heights[-1])
    return story.vectors("U, B, R, X, F on a chain with upgrades of each kind: blocks in the order of their arrival, and the tip after each")


def _reorganise_across(story: Story, height: int) -> None:
    """A branch from two blocks before the height, which wins: of its five blocks the first has the rules before it."""
    tip, fork = story.chain.tip, story.chain.main_chain()[height - 2]
    parent: Built | Block = fork
    for i in range(tip.number - fork.number + 1):
        parent = make_block(story.chain, miner=BOB, timestamp=fork.timestamp + 2 * i + 1, parent=parent)
        story.give(parent.bytes, parent.header.timestamp + 100, f"branch from block {fork.number}, block {i + 1}")
    assert story.chain.tip.hash == parent.block.hash
    assert max(case["removed"] for case in story.cases) == tip.number - fork.number
