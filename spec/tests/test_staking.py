"""The staking contract against a model that knows nothing of slots."""

import unittest
from dataclasses import replace

from posw import calls, staking
from posw.params import STAKING, Params
from posw.staking import EXIT, EXITS, FEE_POOL, TOTAL_IN_EXIT, TOTAL_STAKE, deposit_slot, m
from posw.state import State
from vectors.forms import Dice

P = replace(Params(), epoch=4, unbonding=8, window=8, max_reorg=4, stake_min=10)
PEOPLE = [bytes(19) + bytes([i]) for i in range(1, 5)]


class Model:
    """Deposits are (epoch, amount), the oldest first; exits are (unlock, amount)."""

    def __init__(self) -> None:
        self.deposits: dict[tuple[bytes, bytes], list[list[int]]] = {}
        self.exits: dict[bytes, list[list[int]]] = {}

    def owned(self, owner: bytes, miner: bytes) -> int:
        return sum(amount for _, amount in self.deposits.get((owner, miner), []))

    def stake(self, n: int, owner: bytes, miner: bytes, amount: int) -> bool:
        if amount < 10:
            return False
        held = self.deposits.setdefault((owner, miner), [])
        if held and held[-1][0] == n // 4:
            held[-1][1] += amount
        else:
            held.append([n // 4, amount])
        return True

    def unstake(self, n: int, owner: bytes, miner: bytes, amount: int) -> bool:
        stays = self.owned(owner, miner) - amount
        if amount <= 0 or stays < 0 or 0 < stays < 10:
            return False
        exits = self.exits.setdefault(owner, [])
        if exits and exits[-1][0] == n + 8:
            exits[-1][1] += amount
        elif len(exits) == 64:
            return False
        else:
            exits.append([n + 8, amount])
        held = self.deposits[owner, miner]
        while amount:
            taken = min(amount, held[-1][1])
            held[-1][1] -= taken
            amount -= taken
            if held[-1][1] == 0:
                held.pop()
        return True

    def withdraw(self, n: int, owner: bytes) -> int:
        exits = self.exits.get(owner, [])
        due = [amount for unlock, amount in exits if unlock <= n]
        self.exits[owner] = [e for e in exits if e[0] > n]
        return sum(due)


def run(state: State, n: int, caller: bytes, data: bytes, value: int = 0, gas: int = 10**6) -> staking.Outcome:
    """A call with its value, undone when it fails."""
    saved = state.copy()
    state.move(caller, STAKING, value)
    outcome = staking.call(P, state, n, caller, value, data, gas)
    if not outcome.success:
        state.restore(saved)
    return outcome


def fresh() -> State:
    state = State()
    staking.deploy(state)
    for person in PEOPLE:
        state.add_balance(person, 10**6)
    return state


class Staking(unittest.TestCase):
    def compare(self, state: State, model: Model) -> None:
        per_miner: dict[bytes, int] = {}
        for owner in PEOPLE:
            mine = {miner for miner in PEOPLE if model.owned(owner, miner)}
            self.assertEqual(set(staking.miners_of(owner).members(state)), mine)
            self.assertEqual([[unlock, amount] for _, unlock, amount in staking.open_exits(state, owner)], model.exits.get(owner, []))
            if not model.exits.get(owner):
                self.assertEqual(state.word(m(owner, EXITS)), 0)
            for miner in PEOPLE:
                d, held = deposit_slot(owner, miner), model.deposits.get((owner, miner), [])
                owned = model.owned(owner, miner)
                self.assertEqual(state.word(d), owned)
                per_miner[miner] = per_miner.get(miner, 0) + owned
                newest = [state.word(d + 1), state.word(d + 2)]
                expected = [epoch << 128 | amount for epoch, amount in reversed(held)][:2]
                for word, latest in zip(newest, expected + [0, 0]):
                    self.assertIn(word, (latest, 0))  # 0 where more than two epochs were used up from above
                self.assertTrue(newest[0] or not newest[1])
        table = {e.miner: e.stake for e in staking.table_of(state).entries}
        self.assertEqual(table, {miner: total for miner, total in per_miner.items() if total})
        self.assertEqual(state.word(TOTAL_STAKE), sum(per_miner.values()))
        in_exit = sum(amount for exits in model.exits.values() for _, amount in exits)
        self.assertEqual(state.word(TOTAL_IN_EXIT), in_exit)
        self.assertEqual(state.balance(STAKING), sum(per_miner.values()) + in_exit + state.word(FEE_POOL))
        self.assertEqual(state.sum_of_balances(), 10**6 * len(PEOPLE))

    def test_random_sequences(self):
        for seed in range(15):
            dice, state, model = Dice(f"staking {seed}"), fresh(), Model()
            for n in range(1, 60):
                for _ in range(dice.below(4)):
                    owner, miner, amount = dice.pick(PEOPLE), dice.pick(PEOPLE), dice.below(40)
                    what = dice.below(5)
                    if what < 2:
                        done = run(state, n, owner, calls.stake(miner), amount).success
                        self.assertEqual(done, model.stake(n, owner, miner, amount))
                    elif what < 4:
                        amount = model.owned(owner, miner) if dice.below(4) == 0 else amount
                        done = run(state, n, owner, calls.unstake(miner, amount)).success
                        self.assertEqual(done, model.unstake(n, owner, miner, amount))
                    else:
                        before, due = state.balance(owner), model.withdraw(n, owner)
                        self.assertEqual(run(state, n, owner, calls.withdraw()).success, due > 0)
                        self.assertEqual(state.balance(owner), before + due)
                self.compare(state, model)

    def test_everything_goes_back_to_nothing(self):
        """When all stake has left and is paid, no word remains but signers."""
        state, empty = fresh(), fresh().storage_root()
        for person in PEOPLE:
            for miner in PEOPLE:
                self.assertTrue(run(state, 1, person, calls.stake(miner), 100).success)
        for person in reversed(PEOPLE):
            for miner in PEOPLE:
                self.assertTrue(run(state, 5, person, calls.unstake(miner, 100)).success)
        for person in PEOPLE:
            self.assertFalse(run(state, 12, person, calls.withdraw()).success)
            self.assertTrue(run(state, 13, person, calls.withdraw()).success)
        self.assertEqual(state.storage_root(), empty)

    def test_limits(self):
        state, owner = fresh(), PEOPLE[0]
        miners = [i.to_bytes(20, "big") for i in range(100, 165)]
        for miner in miners[:64]:
            self.assertTrue(run(state, 1, owner, calls.stake(miner), 100).success)
        self.assertFalse(run(state, 1, owner, calls.stake(miners[64]), 100).success)  # S3
        self.assertTrue(run(state, 1, owner, calls.stake(miners[0]), 100).success)
        for n in range(64):
            self.assertTrue(run(state, n, owner, calls.unstake(miners[0], 1)).success)
        self.assertTrue(run(state, 63, owner, calls.unstake(miners[0], 1)).success)  # joined
        self.assertFalse(run(state, 64, owner, calls.unstake(miners[0], 1)).success)  # S4
        outcome = run(state, 71, owner, calls.withdraw(), gas=30_000 + 6000 * 64)
        self.assertEqual((outcome.success, outcome.gas), (True, 30_000 + 6000 * 64))
        self.assertEqual(state.word(m(0, m(owner, EXIT))), 0)

    def test_prices(self):
        """X6, S8: what each call costs and whether it fails."""
        a, b = PEOPLE[:2]
        for data, value, success, gas in (
            (calls.stake(b), 10, True, 60_000), (calls.stake(b), 9, False, 60_000), (calls.stake(bytes(20)), 10, False, 60_000),
            (calls.stake(b)[:35], 10, False, 60_000), (calls.stake(b) + b"x", 10, True, 60_000), (calls.stake(b"\x01" + b), 10, False, 60_000),
            (calls.unstake(b, 1), 0, False, 70_000), (calls.withdraw(), 0, False, 30_000), (calls.withdraw(), 1, False, 30_000),
            (calls.set_signer(b), 0, True, 25_000), (calls.set_signer(b), 1, False, 25_000), (calls.stake_of(a), 0, True, 3000), (calls.stake_of(a), 1, False, 3000),
            (calls.stake_of(a)[:30], 0, False, 3000), (calls.stake_of_owner(a, b), 0, True, 3000), (calls.exits_of(a), 0, True, 3000), (calls.signer_of(a), 0, True, 3000),
            (calls.total_stake(), 0, True, 3000), (calls.active_stake_of(a), 0, False, 3000), (calls.pending_of(a), 0, False, 3000),
            (calls.ticket_price(), 0, False, 3000), (calls.weight_of(a), 0, False, 3000), (b"", 5, False, 3000), (b"\x01\x02\x03", 0, False, 3000), (bytes(4), 0, False, 3000),
        ):  # fmt: skip
            outcome = run(fresh(), 1, a, data, value)
            self.assertEqual((outcome.success, outcome.gas), (success, gas), (data.hex(), value))
            short = run(fresh(), 1, a, data, value, gas=gas - 1)
            self.assertEqual((short.success, short.gas), (False, gas - 1))

    def test_events(self):
        state, (a, b) = fresh(), PEOPLE[:2]
        (log,) = run(state, 6, a, calls.stake(b), 50).logs
        self.assertEqual((log.address, log.topics[1:], log.data), (STAKING, (bytes(12) + a, bytes(12) + b), (50).to_bytes(32, "big") + (12).to_bytes(32, "big")))
        (log,) = run(state, 6, a, calls.unstake(b, 50)).logs
        self.assertEqual(log.data, (50).to_bytes(32, "big") + (14).to_bytes(32, "big"))
        (log,) = run(state, 14, a, calls.withdraw()).logs
        self.assertEqual((log.topics[1:], log.data), ((bytes(12) + a,), (50).to_bytes(32, "big")))
        (log,) = run(state, 14, a, calls.set_signer(a)).logs
        self.assertEqual((log.topics[1:], log.data), ((bytes(12) + a, bytes(12) + a), b""))
        self.assertEqual(state.word(m(a, staking.SIGNER)), 0)


if __name__ == "__main__":
    unittest.main()
