"""Import, fork choice, verdicts."""

import unittest
from itertools import permutations

from posw import build, light
from posw.build import BREAKS, Key, break_block, call, calls, make_block, seal, transfer
from posw.chain import Chain
from posw.params import COIN
from posw.verdict import Invalid
from vectors import chains
from vectors.forms import hexa

ALICE, BOB, CAROL = (Key.named(name) for name in ("alice", "bob", "carol"))
NOW = 1_800_000_000
FILE = {
    "name": "Test", "ticker": "T", "chainId": 7, "timestamp": 1_700_000_000, "pow": "keccak256", "blockTime": 5, "window": 8, "epoch": 4, "unbonding": 8,
    "maxReorg": 4, "difficulty": {"rule": "fixed", "genesis": 8}, "weight": {"rule": "ticket", "boost": 16, "slots": 4, "price": "100 coin", "ramp": 0},
    "accounts": {hexa(key.address): "10000 coin" for key in (ALICE, BOB, CAROL)},
    "stakes": [{"miner": hexa(ALICE.address), "owner": hexa(BOB.address), "amount": "250 coin"}],
}  # fmt: skip


def grow(chain: Chain, parent, count: int, miner: Key = CAROL, gap: int = 5, **more) -> list:
    built = []
    for _ in range(count):
        before = parent.block if isinstance(parent, build.Built) else parent
        parent = make_block(chain, miner=miner, timestamp=before.timestamp + gap, parent=parent, **more)
        built.append(parent)
    return built


class Import(unittest.TestCase):
    def take(self, chain: Chain, built, now: int = NOW) -> str:
        verdict = chain.import_block(built if isinstance(built, bytes) else built.bytes, now)
        self.assertEqual(chain.tip.state.supply(), chain.tip.state.sum_of_balances())  # S9
        return verdict.kind if verdict.kind == "valid" else f"{verdict.kind} {verdict.rule} {verdict.name}"

    def test_faults(self):
        """Each fault alone, on a block with a transaction: its rule, and the tip stays."""
        chain = Chain(FILE)
        for block in grow(chain, chain.genesis, 3):
            self.take(chain, block)
        tx = call(BOB, chain.params, nonce=0, data=calls.stake(BOB.address), value=COIN, base_fee=chain.next_base_fee())
        built = make_block(chain, miner=CAROL, timestamp=chain.tip.timestamp + 5, txs=[tx])
        tip = chain.tip
        for how, fault in BREAKS.items():
            encoded = break_block(chain.params, built, how, CAROL, NOW)
            for _ in range(2):  # a second time it is the same
                self.assertEqual(self.take(chain, encoded).split()[-1], fault.name, how)
            self.assertIs(chain.tip, tip)
        self.assertEqual(self.take(chain, built), "valid")
        self.assertEqual(chain.tip.hash, built.hash)

    def test_time(self):
        """T2: 15 seconds ahead are accepted, 16 have to wait."""
        chain = Chain(FILE)
        built = make_block(chain, miner=CAROL, timestamp=chain.tip.timestamp + 100)
        self.assertEqual(self.take(chain, built, built.header.timestamp - 16), "not yet T2 TIME_FUTURE")
        self.assertEqual(self.take(chain, built, built.header.timestamp - 15), "valid")

    def test_tickets_are_used_up(self):
        """Alice has two tickets: two boosted blocks in a window, and the third must meet the base target."""
        chain = Chain(FILE)
        for expected in (16, 16, 1):
            self.assertEqual(chain.weight_of(ALICE.address), expected)
            self.assertEqual(chain.target_of(ALICE.address, 0), min((expected << 256) - 1, 2**259 - 1) // 8)
            self.take(chain, make_block(chain, miner=ALICE, timestamp=chain.tip.timestamp + 5, boosted=expected > 1))
        built = make_block(chain, miner=ALICE, timestamp=chain.tip.timestamp + 5)
        missed = seal(built.header, ALICE, 16, quotient=(1, 8))
        self.assertEqual(self.take(chain, build.encode_block(missed, [])), "invalid H7 TARGET")
        for block in grow(chain, chain.tip, 6):
            self.take(chain, block)
        self.assertEqual(chain.weight_of(ALICE.address), 16)  # the first has left the window of 8

    def test_delegated_signer(self):
        """H8, S6: Alice names Carol in block 1; from epoch 2 on Carol signs, and Alice no more."""
        chain = Chain(FILE)
        tx = call(ALICE, chain.params, nonce=0, data=calls.set_signer(CAROL.address), base_fee=chain.next_base_fee())
        self.take(chain, make_block(chain, miner=ALICE, timestamp=chain.tip.timestamp + 5, txs=[tx]))
        while chain.tip.number < 7:
            self.take(chain, make_block(chain, miner=ALICE, timestamp=chain.tip.timestamp + 5))
        time = chain.tip.timestamp + 5
        self.assertEqual(self.take(chain, make_block(chain, miner=ALICE, timestamp=time)), "invalid H8 SIGNATURE")
        self.assertEqual(self.take(chain, make_block(chain, miner=ALICE, signer=CAROL, timestamp=time)), "valid")
        self.assertEqual(self.take(chain, make_block(chain, miner=CAROL, timestamp=time + 1)), "valid")

    def test_any_order_of_arrival(self):
        """Two branches of three: children before parents wait; the tip is the heaviest, of equal ones the first."""
        maker = Chain(FILE)
        one, two = grow(maker, maker.genesis, 2), grow(maker, maker.genesis, 3, ALICE, 7)
        for order in permutations(one + two):
            chain, seen = Chain(FILE), {maker.genesis.hash}
            tip, height = maker.genesis.hash, 0
            for built in order:
                known = built.header.parent_hash in seen
                self.assertEqual(self.take(chain, built), "valid" if known else "not yet F2 UNKNOWN_PARENT")
                if known:
                    seen.add(built.hash)
                    if built.header.number > height:
                        tip, height = built.hash, built.header.number
                self.assertEqual(chain.tip.hash, tip)

    def test_bad_body_on_a_branch(self):
        chain = Chain(FILE)
        main, first = grow(chain, chain.genesis, 2), grow(chain, chain.genesis, 1, ALICE, 7)[0]
        bad = make_block(chain, miner=ALICE, timestamp=first.header.timestamp + 1, parent=first, fields={"state_root": bytes(32)})
        child, grandchild = grow(chain, bad, 2)
        self.assertEqual([self.take(chain, b) for b in [*main, first, bad]], ["valid"] * 4)
        self.assertEqual(self.take(chain, child), "invalid F2 BAD_ANCESTOR")
        self.assertEqual(self.take(chain, bad), "invalid X8 STATE_ROOT")
        self.assertEqual(self.take(chain, grandchild), "invalid F2 BAD_ANCESTOR")
        self.assertEqual((chain.tip.hash, chain.change), (main[-1].hash, ([], [])))
        good = grow(chain, first, 2)
        self.assertEqual([self.take(chain, b) for b in good], ["valid", "valid"])
        self.assertEqual(chain.tip.hash, good[-1].hash)
        self.assertEqual([[b.hash for b in side] for side in chain.change], [[main[1].hash, main[0].hash], [first.hash, good[0].hash, good[1].hash]])

    def test_reorg_limit(self):
        """F3: four blocks may be undone, five not, unless the operator says so."""
        chain = Chain(FILE)
        main = grow(chain, chain.genesis, 6)
        for block in main:
            self.take(chain, block)
        four, five = grow(chain, main[1], 5, ALICE, 7), grow(chain, main[0], 6, ALICE, 8)
        self.assertEqual(self.take(chain, five[0]), "not yet F3 REORG_DEPTH")
        self.assertEqual({self.take(chain, block) for block in four}, {"valid"})
        self.assertEqual(chain.tip.hash, four[-1].hash)
        chain.allow_deep_reorg = True
        self.assertEqual({self.take(chain, block) for block in grow(chain, main[0], 7, ALICE, 8)}, {"valid"})
        self.assertEqual(chain.tip.number, 8)

    def test_table_on_a_side_branch(self):
        """V2, step 4: a light branch goes on beyond the snapshot lag, and becomes the tip once it is heavier."""
        file = FILE | {"difficulty": {"rule": "asert", "halfLife": 8, "genesis": "64"}}
        maker = Chain(file)
        main, side = grow(maker, maker.genesis, 4, gap=1), grow(maker, maker.genesis, 9, gap=20)
        more = grow(maker, side[-1], 30, gap=1)
        chain = Chain(file)
        self.assertEqual({self.take(chain, block) for block in main + side}, {"valid"})
        self.assertEqual(chain.tip.hash, main[-1].hash)
        executed = [block.header.number for block in side if chain.blocks[block.hash].state is not None]
        self.assertEqual(executed, [1, 2, 3])  # block 3's table is in force in epoch 2, blocks 8 to 11
        self.assertEqual({self.take(chain, block) for block in more}, {"valid"})
        self.assertEqual(chain.tip.hash, more[-1].hash)

    def test_bad_body_before_a_snapshot(self):
        """V2, step 4: an invalid block is found when a table of its branch is needed; its descendants go with it."""
        file = FILE | {"difficulty": {"rule": "asert", "halfLife": 8, "genesis": "64"}}
        chain = Chain(file)
        main, first = grow(chain, chain.genesis, 4, gap=1), grow(chain, chain.genesis, 1, gap=20)[0]
        bad = make_block(chain, miner=CAROL, timestamp=first.header.timestamp + 20, parent=first, fields={"state_root": bytes(32)})
        rest = grow(chain, bad, 6, gap=20)
        self.assertEqual({self.take(chain, block) for block in [*main, first, bad, *rest[:5]]}, {"valid"})
        for _ in range(2):
            self.assertEqual(self.take(chain, rest[5]), "invalid F2 BAD_ANCESTOR")
        self.assertEqual(self.take(chain, bad), "invalid X8 STATE_ROOT")
        self.assertEqual(self.take(chain, rest[2]), "invalid F2 BAD_ANCESTOR")
        self.assertEqual(self.take(chain, first), "valid")
        self.assertEqual(chain.tip.hash, main[-1].hash)

    def test_light_client(self):
        """H10, E5: what the node accepts, the proof shows; without it a boosted or delegated header waits."""
        chain = Chain(FILE)
        for boosted in (True, False, None):
            parent = chain.tip
            built = make_block(chain, miner=ALICE, timestamp=parent.timestamp + 5, boosted=boosted)
            root = chain.stake_root(parent.number + 1)
            check = lambda proof, header=built.header: light.check_header_proof(chain.params, parent, header, proof, root)  # noqa: E731
            self.assertEqual(check(built.proof).kind, "valid")
            self.assertEqual(check(None).name, "PROOF_MISSING" if built.boosted else "")
            wrong = build.replace(built.proof, stake=built.proof.stake + 1, total=built.proof.total + 1)
            self.assertEqual((check(wrong).kind, check(wrong).rule), ("not yet", "E5"))
            forged = build.resign(built.header, BOB)
            self.assertEqual((check(built.proof, forged).kind, check(built.proof, forged).rule), ("invalid", "H8"))
            self.assertEqual((check(None, forged).kind, check(None, forged).rule), ("not yet", "H10"))
            self.take(chain, built)

    def test_fees_and_rewards(self):
        """X5, R1 to R5 on one block, by hand."""
        for fees in ({}, {"base": "pool", "poolBlocks": 4}):
            chain = Chain(FILE | {"fees": fees, "reward": {"initial": "2 coin", "treasury": hexa(b"\x77" * 20), "treasuryShare": 2500}})
            base, state = chain.next_base_fee(), chain.genesis.state
            tx = transfer(BOB, chain.params, nonce=0, to=b"\x55" * 20, value=123, base_fee=base, tip=9)
            self.take(chain, make_block(chain, miner=CAROL, timestamp=chain.tip.timestamp + 5, txs=[tx]))
            burnt, after = 21_000 * base, chain.tip.state
            pooled = burnt // 4 if fees else 0
            self.assertEqual(after.balance(BOB.address), state.balance(BOB.address) - 123 - 21_000 * (base + 9))
            self.assertEqual(after.balance(b"\x55" * 20), 123)
            self.assertEqual(after.balance(b"\x77" * 20), COIN // 2)
            self.assertEqual(after.balance(CAROL.address), state.balance(CAROL.address) + 3 * COIN // 2 + 21_000 * 9 + pooled)
            self.assertEqual(after.supply() - state.supply(), 2 * COIN - (0 if fees else burnt))
            self.assertEqual(after.word(3), burnt - pooled if fees else 0)

    def test_boost_needs_weight(self):
        chain = Chain(FILE)
        with self.assertRaises(Invalid):
            make_block(chain, miner=CAROL, timestamp=chain.tip.timestamp + 5, boosted=True)

    def test_the_story_is_replayed(self):
        """The vectors' chain on a fresh chain, block by block."""
        story = chains.ticket_chain()
        chain = Chain(story["chainfile"])
        for case in story["cases"]:
            verdict = chain.import_block(bytes.fromhex(case["block"][2:]), case["now"])
            self.assertEqual((verdict.kind, verdict.name, hexa(chain.tip.hash)), (case["verdict"], case["name"], case["tip"]))


if __name__ == "__main__":
    unittest.main()
