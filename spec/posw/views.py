"""The views of the staking contract (S7), as they are answered from outside: for the block after `parent`."""

from .chain import Block, Chain
from .params import Params
from .staking import DEPOSIT, SIGNER, STAKE, TOTAL_STAKE, address_of, m, open_exits
from .state import State
from .weight import ticket_price as price_of


def stake_of(state: State, miner: bytes) -> int:
    return state.word(m(miner, STAKE))


def stake_of_owner(state: State, owner: bytes, miner: bytes) -> int:
    return state.word(m(miner, m(owner, DEPOSIT)))


def exits_of(state: State, owner: bytes) -> tuple[list[int], list[int]]:
    """(unlock blocks, amounts)"""
    exits = open_exits(state, owner)
    return [unlock for _, unlock, _ in exits], [amount for _, _, amount in exits]


def signer_of(state: State, miner: bytes) -> bytes:
    """The miner itself where it has named none."""
    signer = state.word(m(miner, SIGNER))
    return address_of(signer) if signer else miner


def total_stake(state: State) -> int:
    return state.word(TOTAL_STAKE)


def active_stake_of(chain: Chain, miner: bytes, parent: Block | None = None) -> int:
    parent = parent or chain.tip
    return chain.table(parent.number + 1, parent).stake_of(miner)


def pending_of(chain: Chain, miner: bytes, parent: Block | None = None) -> int:
    """What stakeOf has above the table in force."""
    parent = parent or chain.tip
    return max(0, stake_of(parent.state, miner) - active_stake_of(chain, miner, parent))


def ticket_price(chain: Chain, parent: Block | None = None) -> int:
    parent = parent or chain.tip
    params: Params = chain.params
    return price_of(params, chain.table(parent.number + 1, parent).supply)


def weight_of(chain: Chain, miner: bytes, parent: Block | None = None) -> int:
    return chain.weight_of(miner, parent)
