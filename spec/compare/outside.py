"""Calls of the staking contract from outside (S7), as posw-replay answers them: what a node says to eth_call."""
from posw import staking, views
from posw.params import STAKING
from posw.staking import BY_SELECTOR, Revert, decode_arguments
from posw.tx import Tx

PLENTY = 2**62


def _word(value):
    return (int.from_bytes(value, "big") if isinstance(value, bytes) else value).to_bytes(32, "big")


def _two_arrays(one, two):
    first = 64
    second = first + 32 * (1 + len(one))
    return b"".join(map(_word, [first, second, len(one), *one, len(two), *two]))


def _view_output(chain, signature, arguments):
    state = chain.tip.state
    answers = {
        "stakeOf(address)": lambda miner: _word(views.stake_of(state, miner)),
        "stakeOf(address,address)": lambda owner, miner: _word(views.stake_of_owner(state, owner, miner)),
        "activeStakeOf(address)": lambda miner: _word(views.active_stake_of(chain, miner)),
        "pendingOf(address)": lambda miner: _word(views.pending_of(chain, miner)),
        "exitsOf(address)": lambda owner: _two_arrays(*views.exits_of(state, owner)),
        "signerOf(address)": lambda miner: _word(views.signer_of(state, miner)),
        "totalStake()": lambda: _word(views.total_stake(state)),
        "ticketPrice()": lambda: _word(views.ticket_price(chain)),
        "weightOf(address)": lambda miner: _word(views.weight_of(chain, miner)),
    }
    return answers[signature](*arguments)


def _run(chain, caller, value, data, gas):
    """(success, gas used, output)"""
    function = BY_SELECTOR.get(data[:4])
    if function is not None and function.run in (staking.view, staking.view_of_the_next_block):
        if gas < function.gas:
            return False, gas, b""
        try:
            arguments = decode_arguments(function.types, data[4:])
        except Revert:
            return False, function.gas, b""
        return (False, function.gas, b"") if value else (True, function.gas, _view_output(chain, function.signature, arguments))
    state = chain.tip.state.copy()
    state.move(caller, STAKING, value)
    outcome = staking.call(chain.params, state, chain.tip.number + 1, caller, value, data, gas)
    return outcome.success, outcome.gas, b""


def answer(chain, caller, to, value, gas, data):
    assert to == STAKING
    intrinsic = Tx(0, 0, 0, 0, 0, 0, to, value, data).intrinsic_gas
    if gas < intrinsic:
        return "call out-of-gas 0 -"
    if chain.tip.state.balance(caller) < value:
        return "error POSW_ERANGE"
    success, used, output = _run(chain, caller, value, data, gas - intrinsic)
    if success:
        return f"call ok {intrinsic + used} {output.hex() or '-'}"
    enough = _run(chain, caller, value, data, PLENTY)[1] <= gas - intrinsic
    return f"call {'reverted' if enough else 'out-of-gas'} {intrinsic + used} {'Error' if enough else '-'}"
