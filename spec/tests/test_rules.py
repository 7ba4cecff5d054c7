"""Single rules: known values, edges, and second ways to compute the same."""

import unittest
from dataclasses import replace
from math import isqrt

from posw import chainfile, difficulty, header as headers, params, stake, weight, window
from posw.params import COIN, PRESETS, UINT256_MAX, Params, subsidies_until, subsidy, with_preset
from posw.verdict import Invalid
from vectors.chains import GENESES
from vectors.forms import Dice
from vectors.rules import COINS_OF_DIODE, Place


def broken(p: Params, supply: int = 0) -> str:
    try:
        params.check(p, supply)
    except Invalid as refused:
        return refused.rule
    return ""


class Parameters(unittest.TestCase):
    def test_edges(self):
        """P1 to P8: the last good value and the first bad one."""
        ok, ticket, power = Params(), Params(), with_preset(Params(), "linear")
        small = replace(ok, window=2, epoch=1, max_reorg=1, unbonding=2)
        for good, bad, rule in (
            (replace(ok, chain_id=2**31 - 19), replace(ok, chain_id=2**31 - 18), "P1"),
            (replace(ok, block_time=3600), replace(ok, block_time=3601), "P2"),
            (small, replace(small, window=1), "P2"),
            (replace(ok, epoch=504), replace(ok, epoch=503), "P2"),
            (replace(ok, unbonding=2**24), replace(ok, unbonding=2**24 + 1), "P2"),
            (replace(ok, difficulty_rule="lwma3", difficulty_blocks=6), replace(ok, difficulty_rule="lwma3", difficulty_blocks=5), "P2"),
            (replace(ok, difficulty_rule="lwma3", difficulty_blocks=1024), replace(ok, difficulty_rule="lwma3", difficulty_blocks=1025), "P2"),
            (replace(ok, difficulty_rule="bitcoin2016", difficulty_blocks=2016), replace(ok, difficulty_rule="bitcoin2016", difficulty_blocks=2017), "P2"),
            (replace(ok, window=60_000, unbonding=60_480), replace(ok, window=60_000, unbonding=60_479), "P3"),
            (replace(ok, window=2016, unbonding=3023), replace(ok, window=2017, unbonding=3023), "P3"),
            (replace(ok, unbonding=2016), replace(ok, unbonding=2015, window=1008), "P4"),
            (replace(ok, difficulty_genesis=UINT256_MAX), replace(ok, difficulty_genesis=UINT256_MAX + 1), "P6"),
            (replace(ok, gas_limit=5000), replace(ok, gas_limit=4999), "P6"),
            (replace(ok, base_fee_initial=10**9), replace(ok, base_fee_initial=10**9 - 1), "P6"),
            (replace(power, exponent_twice=6), replace(power, exponent_twice=5), "P7"),
            (replace(power, max=2**64 - 1), replace(power, max=2**64), "P7"),
            (replace(ticket, boost=1), replace(ticket, boost=0), "P7"),
            (replace(ticket, price=2**128 - 1), replace(ticket, price=2**128), "P7"),
            (replace(ok, stake_min=1), replace(ok, stake_min=0), "P8"),
            (replace(ok, treasury_share=10_000), replace(ok, treasury_share=10_001), "P8"),
            (replace(ok, treasury=params.STAKING), replace(ok, treasury=params.STAKING, treasury_share=1), "P8"),
            (replace(ok, fees="pool", pool_blocks=1), replace(ok, fees="pool"), "P8"),
        ):
            self.assertEqual((broken(good), broken(bad)), ("", rule), bad)

    def test_supply(self):
        """P5, to the last wei; the sum by runs is the sum."""
        p = replace(Params(), reward_initial=1000, reward_halving=7, reward_tail=3)
        self.assertEqual(subsidies_until(p, 500), sum(subsidy(p, n) for n in range(1, 501)))
        minted = subsidies_until(Params(), 2**40)
        self.assertEqual((broken(Params(), 2**128 - 1 - minted), broken(Params(), 2**128 - minted)), ("", "P5"))

    def test_chain_files(self):
        for file in GENESES:
            chainfile.read(file)
        good = GENESES[0]
        for change in (
            {"surplus": 1}, {"difficulty": {"rule": "fixed", "halfLife": 1}}, {"weight": {"preset": "pow", "boost": 2}}, {"weight": {"rule": "ticket", "boost": 2}},
            {"weight": {"preset": "pow", "rule": "power"}}, {"fees": {"poolBlocks": 5}}, {"fees": {"base": "pool"}}, {"stake": {"minimum": "1.5 wei"}},
            {"stake": {"minimum": 5}}, {"chainId": "x"}, {"name": ""}, {"name": "x" * 33}, {"ticker": "low"}, {"timestamp": 2**64}, {"reward": {"treasuryShare": 1}},
            {"accounts": {"0x" + "00" * 16 + "706f7377": "1 coin"}}, {"accounts": {"0x" + "ab" * 20: "1 coin", "0x" + "AB" * 20: "1 coin"}},
            {"accounts": {"0xf39fd6e51aad88F6F4ce6aB8827279cffFb92266": "1 coin"}}, {"stakes": [{"miner": "0x" + "11" * 20}]},
        ):  # fmt: skip
            with self.subTest(change), self.assertRaises(Invalid) as caught:
                chainfile.read(good | change)
            self.assertEqual(caught.exception.rule, "")
        one = {"miner": "0x" + "11" * 20, "owner": "0x" + "22" * 20, "amount": "1 coin"}
        many = [one | {"miner": f"0x{i:040x}"} for i in range(1, 66)]
        self.assertEqual(len(chainfile.read(good | {"stakes": many[:64]}).stakes), 64)
        for stakes in (many, [one | {"amount": "0.999 coin"}], [one | {"miner": "0x" + "00" * 20}]):  # P9
            with self.assertRaises(Invalid) as caught:
                chainfile.read(good | {"stakes": stakes})
            self.assertEqual(caught.exception.rule, "P9")
        with self.assertRaises(Invalid):
            chainfile.read('{"name": "a", "name": "b"}')


class Weights(unittest.TestCase):
    def test_diode(self):
        """What the founding project shipped."""
        p = with_preset(Params(), "diode")
        self.assertEqual([weight.power_weight(p, c * COIN) for c in COINS_OF_DIODE], [1, 1, 1, 1, 4, 2401, 2500, 2500])

    def test_never_below_one_and_never_falling(self):
        for preset in PRESETS:
            p = with_preset(Params(), preset)
            row = [weight.weight(p, 1, s * COIN // 2, 10**7 * COIN, 0) for s in range(0, 5000, 7)]
            self.assertEqual(row[0], 1)
            self.assertEqual(row, sorted(row))

    def test_half_exponents(self):
        p = replace(with_preset(Params(), "sqrt"), unit=1, max=2**64 - 1)
        for u in (1, 2, 3, 4, 8, 9, 15, 16, 10**12, 2**64 - 1):
            f = weight.power_weight(p, u)
            self.assertTrue(f * f <= u < (f + 1) ** 2)
            self.assertEqual(weight.power_weight(replace(p, exponent_twice=3), u), isqrt(u**3))

    def test_tickets(self):
        """W2: with n tickets, n boosted blocks in the window are possible and no more; splitting multiples of c changes nothing."""
        p = replace(Params(), price=10)
        for tickets in range(6):
            for used in range(8):
                self.assertEqual(weight.weight(p, 1, 10 * tickets + 9, 0, used) > 1, used < tickets)

    def test_ramp(self):
        p = replace(Params(), boost=101, ramp=10)
        self.assertEqual([weight.boost(p, n) for n in (0, 1, 5, 9, 10, 99)], [1, 11, 51, 91, 101, 101])

    def test_window_by_counters(self):
        """W4 as a node keeps it: push, pop and unlock as time goes on, against the recount."""
        dice, p = Dice("counters"), replace(Params(), window=5, block_time=3)
        tip, chain, unlock = Place(None, 0, 0), [], 2 * 5 * 3
        for n in range(1, 200):
            tip = Place(tip, n, tip.timestamp + 1 + dice.below(20), 1, bytes([dice.below(3)]), dice.below(2) == 1)
            tip.mtp = difficulty.median_time_past(tip)
            chain.append(tip)
            live = [b for b in chain[-5:] if b.boosted and not b.mtp + unlock < tip.mtp]
            for miner in (b"\0", b"\1", b"\2"):
                self.assertEqual(window.tickets_used(p, tip, miner), sum(b.beneficiary == miner for b in live))

    def test_median_never_falls(self):
        dice, tip = Dice("median"), Place(None, 0, 100)
        last = 0
        for n in range(1, 100):
            tip = Place(tip, n, tip.timestamp + 1 + dice.below(50))
            now = difficulty.median_time_past(tip)
            self.assertGreaterEqual(now, last)
            last = now


class Seals(unittest.TestCase):
    def test_target(self):
        """H7 by its first form: h · D < F · 2²⁵⁶ in whole numbers."""
        dice = Dice("seal")
        blank = headers.Header(*[bytes(32)] * 6, bytes(256), 1, 0, 0, 0, 0, b"", bytes(32), bytes(8), 0)
        for _ in range(300):
            h, d, f = dice.below(2**256) >> dice.below(256), 1 + (dice.below(2**256) >> dice.below(256)), 1 + dice.below(3)
            header = replace(blank, difficulty=d, mix_hash=h.to_bytes(32, "little"))
            self.assertEqual(header.quotient < f, h * d < f << 256)
            self.assertEqual(header.is_boosted, not h * d < 1 << 256)


class Stake(unittest.TestCase):
    def table(self, size: int) -> stake.StakeTable:
        dice = Dice(f"table {size}")
        entries = [stake.Entry(dice.bytes(20), dice.bytes(20), 1 + dice.below(10**20)) for _ in range(size)]
        return stake.StakeTable(tuple(sorted(entries, key=lambda e: e.miner)), 10**25)

    def recursive_root(self, nodes: list) -> tuple[bytes, int]:
        """E3 from the top: the left part is the largest power of two below the size."""
        if len(nodes) == 1:
            return nodes[0]
        half = 1 << (len(nodes) - 1).bit_length() - 1
        return stake.join(self.recursive_root(nodes[:half]), self.recursive_root(nodes[half:]))

    def test_every_size_and_place(self):
        for size in range(1, 40):
            table = self.table(size)
            self.assertEqual((table.root, table.total), self.recursive_root([e.leaf() for e in table.entries]))
            root = table.root_in_force(3)
            for entry in table.entries:
                proof = table.prove(entry.miner)
                self.assertTrue(proof.is_valid(3, entry.miner, root))
                self.assertFalse(proof.is_valid(4, entry.miner, root))
                self.assertFalse(replace(proof, stake=proof.stake + 1, total=proof.total + 1).is_valid(3, entry.miner, root))
                self.assertFalse(replace(proof, signer=bytes(20)).is_valid(3, entry.miner, root))
                for i, (h, s, left) in enumerate(proof.siblings):
                    moved = (*proof.siblings[:i], (h, s + 1, left), *proof.siblings[i + 1 :])
                    self.assertFalse(replace(proof, siblings=moved, total=proof.total + 1).is_valid(3, entry.miner, root))
        self.assertIsNone(self.table(3).prove(bytes(20)))

    def test_snapshots(self):
        """E1: the lag is between one and two epochs; two epochs share genesis."""
        p = replace(Params(), epoch=5)
        self.assertEqual([stake.snapshot_number(p, n) for n in (0, 4, 5, 9, 10, 14, 15, 19, 20)], [0, 0, 0, 0, 4, 4, 9, 9, 14])
        for n in range(10, 60):
            self.assertTrue(p.epoch < n - stake.snapshot_number(p, n) <= 2 * p.epoch)
        for n in range(60):  # S3: a deposit of block n counts exactly from activeFrom on
            first = next(k for k in range(n, 100) if stake.snapshot_number(p, k) >= max(n, 1))
            self.assertEqual(stake.active_from(p, n), first if n else 10)


class Difficulty(unittest.TestCase):
    def chain(self, rule: str, blocks: int, gaps: list[int], t: int = 10, d0: int = 10**9) -> list[Place]:
        p = replace(Params(), difficulty_rule=rule, difficulty_blocks=blocks, block_time=t, difficulty_genesis=d0)
        tips = [Place(None, 0, 0, d0)]
        for n, gap in enumerate(gaps, 1):
            time = tips[-1].timestamp + gap
            tips.append(Place(tips[-1], n, time, difficulty.next_difficulty(p, tips[-1], time)))
        return tips

    def test_steady_time_keeps_it(self):
        for rule, blocks, factor in (("asert", 20, 1), ("asert-lag", 100, 1), ("lwma3", 10, 1), ("bitcoin2016", 10, 2), ("fixed", 0, 1)):
            last = self.chain(rule, blocks, [10] * 60)[-1].difficulty
            self.assertTrue(10**9 * 9 // 10 // factor <= last <= 10**9 * 11 // 10 * factor, rule)

    def test_asert_doubles_each_half_life(self):
        tips = self.chain("asert", 5, [10, 60, 10, 10])
        self.assertAlmostEqual(tips[3].difficulty / tips[2].difficulty, 0.5, delta=1e-6)
        self.assertEqual(tips[1].difficulty, 10**9)

    def test_asert_lag_looks_at_old_times(self):
        """D8: what a branch of up to the lag says about its own times moves nothing; a long stand-still is seen at once."""
        public, hasty = self.chain("asert-lag", 64, [10] * 40), self.chain("asert-lag", 64, [10] * 35 + [1] * 5)
        self.assertEqual([b.difficulty for b in hasty[:41]], [b.difficulty for b in public[:41]])
        longer = self.chain("asert-lag", 64, [10] * 35 + [1] * 7)
        self.assertGreater(longer[41].difficulty, 10**9)
        self.assertEqual(self.chain("asert-lag", 64, [10] * 35 + [50, 10])[-1].difficulty, 10**9)
        self.assertAlmostEqual(self.chain("asert-lag", 64, [10] * 35 + [10 + 40 + 640, 10])[-1].difficulty / 10**9, 0.5, delta=1e-4)

    def test_bounds(self):
        """D1: 1 and 2²⁵⁶ − 1 are reached and never passed."""
        for rule, blocks in (("asert", 1), ("asert-lag", 1), ("asert-lag", 64), ("lwma3", 6), ("bitcoin2016", 2), ("homestead", 0), ("step", 0)):
            for d0, gap in ((UINT256_MAX, 1), (1, 10_000)):
                for tip in self.chain(rule, blocks, [gap] * 40, 10, d0):
                    self.assertTrue(1 <= tip.difficulty <= UINT256_MAX)

    def test_own_timestamp_counts_in_two_rules(self):
        for rule, own in (("asert", False), ("asert-lag", False), ("lwma3", False), ("bitcoin2016", False), ("fixed", False), ("homestead", True), ("step", True)):
            early, late = self.chain(rule, 6, [10] * 8 + [1])[-1].difficulty, self.chain(rule, 6, [10] * 8 + [100])[-1].difficulty
            self.assertEqual(early != late, own, rule)


if __name__ == "__main__":
    unittest.main()
