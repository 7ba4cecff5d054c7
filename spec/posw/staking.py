"""The staking contract (section 5, S): its storage, functions, events and reverts. Views that need more than the state are in views.py."""

from dataclasses import dataclass
from typing import Callable

from .keccak import keccak256
from .params import STAKING, Params
from .stake import Entry, StakeTable, active_from, epoch_of
from .state import STAKING_NONCE, SUPPLY_SLOT, State

MINERS_MAX, MINERS_OF_OWNER_MAX, EXITS_MAX = 65_536, 64, 64  # S3, S4

TOTAL_STAKE, MINER_COUNT, TOTAL_IN_EXIT, FEE_POOL, SUPPLY = 0, 1, 2, 3, SUPPLY_SLOT  # S2
STAKE, PLACE, MINER_AT, SIGNER = 16, 17, 18, 19
DEPOSIT, OWNER_COUNT, OWNER_MINER_AT, OWNER_PLACE, EXITS, EXIT = 20, 21, 22, 23, 24, 25

LOW64, LOW128 = 2**64 - 1, 2**128 - 1


class Revert(Exception):
    """S8: the call fails with Error(string)."""


@dataclass(frozen=True)
class Log:
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


def number_of(address: bytes) -> int:
    return int.from_bytes(address, "big")


def address_of(word: int) -> bytes:
    return word.to_bytes(20, "big")


def m(x: bytes | int, s: int) -> int:
    """S2: the slot of key x in the mapping at slot s."""
    key = number_of(x) if isinstance(x, bytes) else x
    return int.from_bytes(keccak256(key.to_bytes(32, "big") + s.to_bytes(32, "big")), "big")


def deposit_slot(owner: bytes, miner: bytes) -> int:
    """S2: d"""
    return m(miner, m(owner, DEPOSIT))


# Lists of miners: the list of all, and one for each owner (S2). Places count from 1.


@dataclass(frozen=True)
class MinerList:
    count: int  # slots
    member_at: int
    place: int

    def add(self, state: State, miner: bytes, size_max: int) -> None:
        size = state.word(self.count) + 1
        if size > size_max:
            raise Revert("too many miners")
        state.set_word(self.count, size)
        state.set_word(m(size, self.member_at), number_of(miner))
        state.set_word(m(miner, self.place), size)

    def remove(self, state: State, miner: bytes) -> None:
        """The last member moves into the gap."""
        size, place = state.word(self.count), state.word(m(miner, self.place))
        last = address_of(state.word(m(size, self.member_at)))
        state.set_word(m(place, self.member_at), number_of(last))
        state.set_word(m(last, self.place), place)
        state.set_word(m(size, self.member_at), 0)
        state.set_word(m(miner, self.place), 0)
        state.set_word(self.count, size - 1)

    def members(self, state: State) -> list[bytes]:
        return [address_of(state.word(m(i, self.member_at))) for i in range(1, state.word(self.count) + 1)]


ALL_MINERS = MinerList(MINER_COUNT, MINER_AT, PLACE)


def miners_of(owner: bytes) -> MinerList:
    return MinerList(m(owner, OWNER_COUNT), m(owner, OWNER_MINER_AT), m(owner, OWNER_PLACE))


def add_stake(p: Params, state: State, n: int, owner: bytes, miner: bytes, amount: int) -> None:
    """S3 and S2, without moving coins: also for genesis (G1)."""
    if amount < p.stake_min:
        raise Revert("below the minimum stake")
    if number_of(miner) == 0:
        raise Revert("no miner")
    d = deposit_slot(owner, miner)
    if state.word(d) == 0:
        miners_of(owner).add(state, miner, MINERS_OF_OWNER_MAX)
    if state.word(m(miner, STAKE)) == 0:
        ALL_MINERS.add(state, miner, MINERS_MAX)
    for slot in (d, m(miner, STAKE), TOTAL_STAKE):
        state.set_word(slot, state.word(slot) + amount)
    newest, epoch = state.word(d + 1), epoch_of(p, n)
    if newest and newest >> 128 == epoch:
        state.set_word(d + 1, newest + amount)
    else:
        state.set_word(d + 2, newest)
        state.set_word(d + 1, epoch << 128 | amount)


def _take_from_deposits(state: State, d: int, amount: int) -> None:
    """S4: the newest deposits go first; S2: when the newest is used up, d + 2 moves up."""
    for _ in range(2):
        newest = state.word(d + 1)
        taken = min(amount, newest & LOW128)
        if taken < newest & LOW128:
            state.set_word(d + 1, newest - taken)
            return
        state.set_word(d + 1, state.word(d + 2))
        state.set_word(d + 2, 0)
        amount -= taken


def stake(p: Params, state: State, n: int, caller: bytes, value: int, miner: bytes) -> list[Log]:
    """S3"""
    add_stake(p, state, n, caller, miner, value)
    return [event("Staked(address,address,uint256,uint256)", (caller, miner), (value, active_from(p, n)))]


def unstake(p: Params, state: State, n: int, caller: bytes, _value: int, miner: bytes, amount: int) -> list[Log]:
    """S4"""
    d = deposit_slot(caller, miner)
    owned = state.word(d)
    if not 0 < amount <= owned:
        raise Revert("more than the stake, or nothing")
    if 0 < owned - amount < p.stake_min:
        raise Revert("what stays is below the minimum stake")
    _take_from_deposits(state, d, amount)
    for slot in (d, m(miner, STAKE), TOTAL_STAKE):
        state.set_word(slot, state.word(slot) - amount)
    if state.word(d) == 0:
        miners_of(caller).remove(state, miner)
    if state.word(m(miner, STAKE)) == 0:
        ALL_MINERS.remove(state, miner)
    unlock = n + p.unbonding
    _add_exit(state, caller, unlock, amount)
    return [event("Unstaked(address,address,uint256,uint256)", (caller, miner), (amount, unlock))]


def exit_slot(owner: bytes, i: int) -> int:
    return m(i, m(owner, EXIT))


def open_exits(state: State, owner: bytes) -> list[tuple[int, int, int]]:
    """S2: (number, unlock block, amount), the oldest first."""
    word = state.word(m(owner, EXITS))
    exits = []
    for i in range(word >> 64, word & LOW64):
        entry = state.word(exit_slot(owner, i))
        exits.append((i, entry >> 128, entry & LOW128))
    return exits


def _add_exit(state: State, owner: bytes, unlock: int, amount: int) -> None:
    """S4: exits of the same block are joined."""
    exits, word = open_exits(state, owner), state.word(m(owner, EXITS))
    if exits and exits[-1][1] == unlock:
        slot = exit_slot(owner, exits[-1][0])
        state.set_word(slot, state.word(slot) + amount)
    else:
        if len(exits) == EXITS_MAX:
            raise Revert("too many open exits")
        state.set_word(exit_slot(owner, word & LOW64), unlock << 128 | amount)
        state.set_word(m(owner, EXITS), word + 1)
    state.set_word(TOTAL_IN_EXIT, state.word(TOTAL_IN_EXIT) + amount)


def due_exits(state: State, n: int, owner: bytes) -> list[tuple[int, int, int]]:
    """S5: those that a withdrawal in block n pays."""
    return [entry for entry in open_exits(state, owner) if entry[1] <= n]


def withdraw(_p: Params, state: State, n: int, caller: bytes, _value: int) -> list[Log]:
    """S5"""
    due = due_exits(state, n, caller)
    if not due:
        raise Revert("no exit is unlocked")
    for i, _, _ in due:
        state.set_word(exit_slot(caller, i), 0)
    paid, word = sum(amount for _, _, amount in due), state.word(m(caller, EXITS))
    first, following = (word >> 64) + len(due), word & LOW64
    state.set_word(m(caller, EXITS), first << 64 | following if first < following else 0)
    state.set_word(TOTAL_IN_EXIT, state.word(TOTAL_IN_EXIT) - paid)
    state.move(STAKING, caller, paid)
    return [event("Withdrawn(address,uint256)", (caller,), (paid,))]


def set_signer(_p: Params, state: State, _n: int, caller: bytes, _value: int, signer: bytes) -> list[Log]:
    """S6"""
    state.set_word(m(caller, SIGNER), 0 if signer == caller else number_of(signer))
    return [event("SignerChanged(address,address)", (caller, signer), ())]


def view(*_arguments: object) -> list[Log]:
    """S7: a view that the state alone answers has no effect in a transaction."""
    return []


def view_of_the_next_block(*_arguments: object) -> list[Log]:
    """S7"""
    raise Revert("cannot be told inside a transaction")


def event(signature: str, indexed: tuple[bytes, ...], values: tuple[int, ...]) -> Log:
    topics = (keccak256(signature.encode()),) + tuple(bytes(12) + address for address in indexed)
    return Log(STAKING, topics, b"".join(value.to_bytes(32, "big") for value in values))


@dataclass(frozen=True)
class Function:
    signature: str
    run: Callable
    gas: int  # X6
    payable: bool = False

    @property
    def selector(self) -> bytes:
        return keccak256(self.signature.encode())[:4]

    @property
    def types(self) -> list[str]:
        inside = self.signature[self.signature.index("(") + 1 : -1]
        return inside.split(",") if inside else []


GAS_UNKNOWN = GAS_VIEW = 3000  # X6
GAS_EXIT = 6000
FUNCTIONS = [
    Function("stake(address)", stake, 60_000, payable=True),
    Function("unstake(address,uint256)", unstake, 70_000),
    Function("withdraw()", withdraw, 30_000),
    Function("setSigner(address)", set_signer, 25_000),
    Function("stakeOf(address)", view, GAS_VIEW),
    Function("stakeOf(address,address)", view, GAS_VIEW),
    Function("activeStakeOf(address)", view_of_the_next_block, GAS_VIEW),
    Function("pendingOf(address)", view_of_the_next_block, GAS_VIEW),
    Function("exitsOf(address)", view, GAS_VIEW),
    Function("signerOf(address)", view, GAS_VIEW),
    Function("totalStake()", view, GAS_VIEW),
    Function("ticketPrice()", view_of_the_next_block, GAS_VIEW),
    Function("weightOf(address)", view_of_the_next_block, GAS_VIEW),
]
BY_SELECTOR = {function.selector: function for function in FUNCTIONS}


def decode_arguments(types: list[str], data: bytes) -> list:
    """ABI: one word each; what follows is ignored (X6)."""
    arguments: list = []
    for i, kind in enumerate(types):
        word = data[32 * i : 32 * i + 32]
        if len(word) < 32:
            raise Revert("the input is too short")
        value = int.from_bytes(word, "big")
        if kind == "address":
            if value >> 160:
                raise Revert("not an address")
            arguments.append(address_of(value))
        else:
            arguments.append(value)
    return arguments


@dataclass(frozen=True)
class Outcome:
    success: bool
    gas: int
    logs: tuple[Log, ...]


def call(p: Params, state: State, n: int, caller: bytes, value: int, data: bytes, gas: int) -> Outcome:
    """X6, S8: a call in block n with `gas` left after the intrinsic gas. The value has arrived; the caller of this function undoes all on failure."""
    function = BY_SELECTOR.get(data[:4])
    price = function.gas if function else GAS_UNKNOWN
    if function and function.run is withdraw and not value:  # with a value none is paid
        price += GAS_EXIT * len(due_exits(state, n, caller))
    if gas < price:
        return Outcome(False, gas, ())
    try:
        if function is None:
            raise Revert("unknown function")  # S8
        if value and not function.payable:
            raise Revert("takes no coins")  # S8
        logs = function.run(p, state, n, caller, value, *decode_arguments(function.types, data[4:]))
    except Revert:
        return Outcome(False, price, ())
    return Outcome(True, price, tuple(logs))


def table_of(state: State) -> StakeTable:
    """E2: the stake table of a state."""
    entries = []
    for miner in ALL_MINERS.members(state):
        signer = state.word(m(miner, SIGNER))
        entries.append(Entry(miner, address_of(signer) if signer else miner, state.word(m(miner, STAKE))))
    return StakeTable(tuple(sorted(entries, key=lambda entry: entry.miner)), state.supply())


def deploy(state: State) -> None:
    """S1: the contract exists from genesis on."""
    state.set_nonce(STAKING, STAKING_NONCE)
