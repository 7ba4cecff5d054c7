"""Block 0 (section 9)."""

from . import params, staking, trie
from .chainfile import ChainSpec
from .header import EMPTY_OMMERS, Header
from .keccak import keccak256
from .params import NO_ADDRESS, STAKING
from .state import SUPPLY_SLOT, State


def genesis_state(spec: ChainSpec) -> State:
    """G1: the allocation with the staking contract; stakes are deposits of epoch 0, in the order of the file."""
    state = State()
    staking.deploy(state)
    for address, balance in spec.accounts:
        state.add_balance(address, balance)
    for stake in spec.stakes:
        staking.add_stake(spec.params, state, 0, stake.owner, stake.miner, stake.amount)
        state.add_balance(STAKING, stake.amount)
    state.set_word(SUPPLY_SLOT, spec.supply())  # S9
    return state


def genesis_extra_data(spec: ChainSpec) -> bytes:
    """G2"""
    return spec.name.encode() + b"\x00" + keccak256(params.canonical(spec.params))


def genesis_header(spec: ChainSpec, state: State) -> Header:
    """G1"""
    p = spec.params
    return Header(
        parent_hash=bytes(32),
        ommers_hash=EMPTY_OMMERS,
        beneficiary=NO_ADDRESS,
        state_root=state.root(),
        transactions_root=trie.EMPTY_ROOT,
        receipts_root=trie.EMPTY_ROOT,
        logs_bloom=bytes(256),
        difficulty=p.difficulty_genesis,
        number=0,
        gas_limit=p.gas_limit,
        gas_used=0,
        timestamp=spec.timestamp,
        extra_data=genesis_extra_data(spec),
        mix_hash=bytes(32),
        nonce=bytes(8),
        base_fee=p.base_fee_initial,
    )
