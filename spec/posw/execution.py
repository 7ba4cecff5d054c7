"""Execution of a block (sections 6 and 7): transactions, receipts, rewards."""

from dataclasses import dataclass

from . import rlp, staking, trie
from .keccak import keccak256
from .params import STAKING, Params, at, subsidy
from .state import SUPPLY_SLOT, State
from .tx import LEGACY, NONCE_MAX, Tx
from .verdict import require

BLOCK_SIZE_MAX = 8 * 1024 * 1024  # X9
TX_GAS_MIN = 21_000  # X3
UINT64_MAX = 2**64 - 1


def next_base_fee(p: Params, parent: int, base: int, gas_used: int) -> int:
    """B1: from the parent's number, base fee and gas used."""
    target = at(p, parent).gas_limit // 2  # U2: the parent's own limit
    if gas_used > target:
        base += max(1, base * (gas_used - target) // target // 8)
    elif gas_used < target:
        base -= base * (target - gas_used) // target // 8
    return min(max(base, at(p, parent + 1).base_fee_min), UINT64_MAX)


def bloom_of(logs: tuple[staking.Log, ...]) -> bytes:
    """X7: three bits for the address and each topic of each log."""
    bits = 0
    for log in logs:
        for entry in (log.address, *log.topics):
            digest = keccak256(entry)
            for i in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[i : i + 2], "big") % 2048)
    return bits.to_bytes(256, "big")


@dataclass(frozen=True)
class Receipt:
    """X7"""

    type: int
    success: bool
    gas_used_total: int  # of the block, up to and with this transaction
    gas_used: int  # not encoded
    bloom: bytes
    logs: tuple[staking.Log, ...]

    def encode(self) -> bytes:
        logs = [[log.address, list(log.topics), log.data] for log in self.logs]
        text = rlp.encode([int(self.success), self.gas_used_total, self.bloom, logs])
        return text if self.type == LEGACY else bytes([self.type]) + text


def check_tx(p: Params, state: State, tx: Tx, base_fee: int, gas_left: int) -> None:
    """X2 (what needs the chain), X3, X4: in this order."""
    require(tx.chain_id == p.chain_id, "TX_FORM", "of another chain")  # X2
    require(tx.gas_limit >= tx.intrinsic_gas, "TX_INTRINSIC_GAS")  # X3
    sender = tx.sender
    require(tx.nonce == state.nonce(sender) < NONCE_MAX, "TX_INVALID", "nonce")  # X4
    require(not state.has_code(sender), "TX_INVALID", "the sender has code")
    require(tx.max_fee >= base_fee, "TX_INVALID", "maxFee is below the base fee")
    require(tx.max_fee >= tx.tip, "TX_INVALID", "maxFee is below the tip")
    require(state.balance(sender) >= tx.gas_limit * tx.max_fee + tx.value, "TX_INVALID", "balance")
    require(tx.gas_limit <= gas_left, "TX_INVALID", "the block's gas")


def run_tx(p: Params, state: State, n: int, tx: Tx) -> staking.Outcome:
    """X6: moves the value and runs the call; `gas` of the outcome is all that was used. A failure changes nothing."""
    left = tx.gas_limit - tx.intrinsic_gas
    saved = state.copy()
    state.move(tx.sender, tx.to, tx.value)
    if tx.to != STAKING:
        return staking.Outcome(True, tx.intrinsic_gas, ())  # X7: input is ignored
    outcome = staking.call(p, state, n, tx.sender, tx.value, tx.data, left)
    if not outcome.success:
        state.restore(saved)  # S8
    return staking.Outcome(outcome.success, tx.intrinsic_gas + outcome.gas, outcome.logs)


@dataclass(frozen=True)
class Result:
    """X8: what execution gives. `state` is the one after the block."""

    state: State
    receipts: tuple[Receipt, ...]
    gas_used: int

    @property
    def receipts_root(self) -> bytes:
        return trie.list_root([receipt.encode() for receipt in self.receipts])

    @property
    def bloom(self) -> bytes:
        return bloom_of(tuple(log for receipt in self.receipts for log in receipt.logs))


def pay_rewards(p: Params, state: State, n: int, beneficiary: bytes, base_fees: int) -> None:
    """R1 to R5, in this order."""
    minted = subsidy(p, n)  # R1
    rules = at(p, n)  # U2
    to_treasury = minted * rules.treasury_share // 10_000  # R2
    if to_treasury:
        state.add_balance(rules.treasury, to_treasury)
    state.add_balance(beneficiary, minted - to_treasury)
    burnt = base_fees
    if p.fees == "pool":
        burnt = 0
        pool = state.word(staking.FEE_POOL) + base_fees  # R3
        paid = pool // p.pool_blocks  # R4
        state.add_balance(STAKING, base_fees - paid)
        state.add_balance(beneficiary, paid)
        state.set_word(staking.FEE_POOL, pool - paid)
    state.set_word(SUPPLY_SLOT, state.supply() + minted - burnt)  # R5, S9


def execute(p: Params, parent_state: State, n: int, beneficiary: bytes, base_fee: int, txs: list[Tx]) -> Result:
    """X8: transactions, then rewards. Raises Invalid for a transaction that cannot be included."""
    state, receipts, used = parent_state.copy(), [], 0
    for tx in txs:
        check_tx(p, state, tx, base_fee, at(p, n).gas_limit - used)  # U2
        sender = tx.sender
        price = min(tx.max_fee, base_fee + tx.tip)  # X5
        state.set_nonce(sender, tx.nonce + 1)
        state.add_balance(sender, -tx.gas_limit * price)
        outcome = run_tx(p, state, n, tx)
        state.add_balance(sender, (tx.gas_limit - outcome.gas) * price)
        state.add_balance(beneficiary, outcome.gas * (price - base_fee))
        used += outcome.gas
        receipts.append(Receipt(tx.type, outcome.success, used, outcome.gas, bloom_of(outcome.logs), outcome.logs))
    pay_rewards(p, state, n, beneficiary, used * base_fee)
    return Result(state, tuple(receipts), used)


def transactions_root(envelopes: list[bytes]) -> bytes:
    """X8"""
    return trie.list_root(envelopes)
