"""The other side: keys, transactions, sealed blocks, and blocks with one fault each. For tests: keys are known to everybody, nothing is random.

Nothing here changes a `Chain`: states of blocks that the chain has not executed are computed beside it.
"""

from dataclasses import dataclass, replace
from typing import Callable, Iterable

from . import calls, difficulty, execution, header as headers, params as parameters, rlp, secp256k1, staking, trie, weight, window
from .chain import Block, Chain
from .header import EXTRA_UNSIGNED_SIZE, VERSION, Header
from .keccak import keccak256
from .params import GWEI, STAKING, Params
from .stake import StakeProof, StakeTable, epoch_of, snapshot_number
from .state import State
from .tx import ACCESS_LIST, DYNAMIC_FEE, LEGACY, Tx, body_item, check_form, check_signature, decode
from .verdict import Invalid

__all__ = [
    "BREAKS", "Break", "Built", "Key", "break_block", "call", "calls", "encode_block", "make_block", "replace", "resign", "seal", "sign_tx", "state_after",
    "table_for", "transfer", "weight_for", "ACCESS_LIST", "DYNAMIC_FEE", "LEGACY", "Tx",
]  # fmt: skip

_keccak_uncached = keccak256.__wrapped__  # the nonce search would fill the cache


@dataclass(frozen=True)
class Key:
    secret: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", secp256k1.address_of_secret(self.secret))

    @staticmethod
    def named(name: str) -> "Key":
        return Key(int.from_bytes(keccak256(name.encode()), "big") % secp256k1.N)

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """(r, s, parity of y)"""
        return secp256k1.sign(digest, self.secret)


# Transactions


def sign_tx(key: Key, tx: Tx) -> bytes:
    """The envelope."""
    r, s, odd = key.sign(tx.signing_hash)
    return replace(tx, r=r, s=s, odd=odd).envelope


def transfer(
    key: Key, params: Params, *, nonce: int, to: bytes, value: int, base_fee: int, tip: int = GWEI, max_fee: int | None = None, gas: int | None = None,
    data: bytes = b"", type: int = DYNAMIC_FEE, access_list: tuple = (), chain_id: int | None = None,
) -> bytes:  # fmt: skip
    """An envelope. `max_fee` is 2 · base fee + tip unless given; under types 0 and 1 it is the price. `gas` is the intrinsic gas unless given."""
    max_fee = 2 * base_fee + tip if max_fee is None else max_fee
    chain_id = params.chain_id if chain_id is None else chain_id
    tx = Tx(type, chain_id, nonce, tip if type == DYNAMIC_FEE else max_fee, max_fee, 0, to, value, data, access_list)
    return sign_tx(key, replace(tx, gas_limit=tx.intrinsic_gas if gas is None else gas))


def call(key: Key, params: Params, *, nonce: int, data: bytes, base_fee: int, value: int = 0, gas: int = 500_000, **more) -> bytes:
    """A transaction to the staking contract; `data` from `posw.calls`. 500,000 gas cover every call."""
    return transfer(key, params, nonce=nonce, to=STAKING, value=value, base_fee=base_fee, gas=gas, data=data, **more)


# What holds after a block, without asking the chain to execute it


def state_after(params: Params, block: Block) -> State:
    """The state after a block, even one that is not valid or was never imported: its transactions that can be executed are."""
    unexecuted: list[Block] = []
    while block.state is None and getattr(block, "built_state", None) is None:
        unexecuted.append(block)
        block = block.parent
    state = block.state or block.built_state
    for block in reversed(unexecuted):
        block.built_state = state = _execute(params, state, block.header, block.txs, strict=False).state
    return state


def _execute(params: Params, state: State, header: Header, txs: list[Tx], strict: bool) -> execution.Result:
    """With strict=False, as if the transactions that cannot be included were not there."""

    def run(chosen: list[Tx]) -> execution.Result:
        return execution.execute(params, state, header.number, header.beneficiary, header.base_fee, chosen)

    try:
        return run(txs)
    except Invalid:
        if strict:
            raise
    kept: list[Tx] = []
    for tx in txs:
        try:
            run(kept + [tx])
            kept.append(tx)
        except Invalid:
            pass
    return run(kept)


def table_for(params: Params, parent: Block) -> StakeTable:
    """E1: the table in force for the block after `parent`."""
    wanted, block = snapshot_number(params, parent.number + 1), parent
    while block.number != wanted:
        block = block.parent
    return staking.table_of(state_after(params, block))


def weight_for(params: Params, parent: Block, miner: bytes) -> int:
    """F for the block after `parent`."""
    table = table_for(params, parent)
    used = window.tickets_used(params, parent, miner)
    return weight.weight(params, parent.number + 1, table.stake_of(miner), table.supply, used)


# Blocks


@dataclass(frozen=True)
class Built:
    """A sealed block. `block` can be the parent of further ones without having been imported."""

    bytes: bytes
    header: Header
    txs: tuple[bytes, ...]
    proof: StakeProof | None  # of the beneficiary, for light.check_header_proof
    weight: int  # F of the beneficiary
    block: Block

    hash = property(lambda self: self.header.hash)
    boosted = property(lambda self: self.header.is_boosted)


def encode_block(header: Header, txs: Iterable[bytes], ommers: Iterable[Header] = ()) -> bytes:
    """X9: any header with any envelopes."""
    body = rlp.encode_list([body_item(tx) for tx in txs])
    return rlp.encode_list([headers.encode(header), body, rlp.encode_list([headers.encode(ommer) for ommer in ommers])])


def seal(header: Header, signer: Key, weight: int, *, quotient: tuple[int, int | None] | None = None, start: int = 0) -> Header:
    """The header with the first nonce from `start` on whose ⌊h · D / 2²⁵⁶⌋ lies in `quotient` (from, below; None: no end; default 0 to F), mixHash and
    signature. ValueError if no hash can give that."""
    low, high = quotient or (0, weight)
    if low >= header.difficulty or (high is not None and high <= low):
        raise ValueError("no hash has that quotient")
    tag, d = headers.POW_TAG + header.seal_hash, header.difficulty
    high = d if high is None else high
    while True:
        nonce = start.to_bytes(8, "big")
        mix = _keccak_uncached(tag + nonce)
        if low <= int.from_bytes(mix, "little") * d >> 256 < high:
            return resign(replace(header, nonce=nonce, mix_hash=mix), signer)
        start += 1


def resign(header: Header, signer: Key) -> Header:
    """H8: the header with a signature over what it says now."""
    return headers.with_signature(header, *signer.sign(header.signed_hash))


def make_block(
    chain: Chain, *, miner: Key | bytes, txs: Iterable[bytes] = (), timestamp: int, parent: "Block | Built | None" = None, signer: Key | None = None,
    boosted: bool | None = None, fields: dict | None = None, strict: bool = True,
) -> Built:  # fmt: skip
    """See spec/README.md."""
    p, txs = chain.params, tuple(txs)
    parent = parent.block if isinstance(parent, Built) else parent or chain.tip
    beneficiary = miner.address if isinstance(miner, Key) else miner
    signer = signer or miner
    number, table = parent.number + 1, table_for(p, parent)
    start = Header(
        parent_hash=parent.hash, ommers_hash=headers.EMPTY_OMMERS, beneficiary=beneficiary, state_root=bytes(32),
        transactions_root=execution.transactions_root(list(txs)), receipts_root=bytes(32), logs_bloom=bytes(256),
        difficulty=difficulty.next_difficulty(p, parent, timestamp), number=number, gas_limit=parameters.at(p, number).gas_limit, gas_used=0, timestamp=timestamp,
        extra_data=bytes([VERSION]) + table.root_in_force(epoch_of(p, number)), mix_hash=bytes(32), nonce=bytes(8),
        base_fee=execution.next_base_fee(p, parent.number, parent.header.base_fee, parent.header.gas_used),
    )  # fmt: skip
    decoded = _decodable(txs, strict)
    result = _execute(p, state_after(p, parent), start, decoded, strict)
    filled = replace(
        start, state_root=result.state.root(), receipts_root=result.receipts_root, logs_bloom=result.bloom, gas_used=result.gas_used,
    )  # fmt: skip
    f = weight_for(p, parent, beneficiary)
    if boosted and f == 1:
        raise Invalid("TARGET", "without a ticket or stake no block is boosted")
    quotient = {None: None, True: (1, f), False: (0, 1)}[boosted]
    return _built(p, seal(replace(filled, **(fields or {})), signer, f, quotient=quotient), txs, decoded, parent, table, f)


def _decodable(txs: Iterable[bytes], strict: bool) -> list[Tx]:
    result = []
    for envelope in txs:
        try:
            tx = decode(envelope)
            check_form(tx)
            check_signature(tx)
            result.append(tx)
        except Invalid:
            if strict:
                raise
    return result


def _built(p: Params, header: Header, txs: tuple[bytes, ...], decoded: list[Tx], parent: Block, table: StakeTable, f: int) -> Built:
    encoded = encode_block(header, txs)
    return Built(encoded, header, txs, table.prove(header.beneficiary), f, Block(header, parent, decoded, encoded))


# Blocks with one fault


@dataclass(frozen=True)
class Break:
    """`make(context)` gives the encoded block; `kind` and `name` are the verdict expected of a chain that has the parent at its tip."""

    kind: str
    name: str
    make: Callable[["Context"], bytes]


@dataclass(frozen=True)
class Context:
    params: Params
    built: Built
    signer: Key
    now: int

    def resealed(self, txs: Iterable[bytes] | None = None, **changes) -> bytes:
        """With other header fields, properly sealed again."""
        header = seal(replace(self.built.header, **changes), self.signer, self.built.weight)
        return encode_block(header, self.built.txs if txs is None else txs)

    def as_it_is(self, header: Header) -> bytes:
        return encode_block(header, self.built.txs)


def _flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def _extra(header: Header, at: int, value: bytes) -> Header:
    extra = header.extra_data
    return replace(header, extra_data=extra[:at] + value + extra[at + len(value) :])


def _high_s(header: Header) -> Header:
    """The other signature that recovers to the same key."""
    s, v = int.from_bytes(header.extra_data[65:97], "big"), header.extra_data[97]
    return _extra(_extra(header, 65, (secp256k1.N - s).to_bytes(32, "big")), 97, bytes([1 - v]))


def _of_time(c: Context, timestamp: int) -> bytes:
    d = difficulty.next_difficulty(c.params, c.built.block.parent, timestamp)
    return c.resealed(timestamp=timestamp, difficulty=d)


def _bad_form(c: Context) -> bytes:
    short = rlp.encode(c.built.header.members()[:-1])
    return rlp.encode_list([short, rlp.encode_list([body_item(tx) for tx in c.built.txs]), rlp.encode([])])


def _with_tx(c: Context, tx: bytes) -> bytes:
    """One more transaction in the body, with its root."""
    txs = (*c.built.txs, tx)
    return c.resealed(txs, transactions_root=trie.list_root(list(txs)))


def _missed(c: Context) -> bytes:
    header = c.built.header
    f = c.built.weight
    if header.difficulty <= f:
        raise ValueError("every hash meets the target")
    return c.as_it_is(seal(header, c.signer, f, quotient=(f, None)))


_STRANGER = Key.named("a stranger")


def _foreign_tx(c: Context, **changes) -> bytes:
    arguments = dict(nonce=0, to=bytes(19) + b"\x01", value=0, base_fee=c.built.header.base_fee) | changes
    return _with_tx(c, transfer(_STRANGER, c.params, **arguments))


BREAKS: dict[str, Break] = {
    "HEADER_FORM": Break("invalid", "HEADER_FORM", _bad_form),
    "HEADER_FORM not RLP": Break("invalid", "HEADER_FORM", lambda c: c.built.bytes[:-1]),
    "HEADER_FORM extraData": Break("invalid", "HEADER_FORM", lambda c: c.as_it_is(replace(c.built.header, extra_data=c.built.header.extra_data + b"\0"))),
    "OMMERS hash": Break("invalid", "OMMERS", lambda c: c.resealed(ommers_hash=_flipped(c.built.header.ommers_hash))),
    "OMMERS body": Break("invalid", "OMMERS", lambda c: encode_block(c.built.header, c.built.txs, [c.built.header])),
    "EXTRA_DATA version": Break("invalid", "EXTRA_DATA", lambda c: c.resealed(extra_data=b"\x02" + c.built.header.extra_data[1:])),
    "EXTRA_DATA short": Break("invalid", "EXTRA_DATA", lambda c: c.as_it_is(replace(c.built.header, extra_data=c.built.header.extra_data[:-1]))),
    "EXTRA_DATA v": Break("invalid", "EXTRA_DATA", lambda c: c.as_it_is(_extra(c.built.header, 97, b"\x02"))),
    "EXTRA_DATA high s": Break("invalid", "EXTRA_DATA", lambda c: c.as_it_is(_high_s(c.built.header))),
    "POW": Break("invalid", "POW", lambda c: c.as_it_is(resign(replace(c.built.header, mix_hash=_flipped(c.built.header.mix_hash)), c.signer))),
    "TARGET": Break("invalid", "TARGET", _missed),
    "SIGNATURE": Break("invalid", "SIGNATURE", lambda c: c.as_it_is(resign(c.built.header, _STRANGER))),
    "SIGNATURE r": Break("invalid", "SIGNATURE", lambda c: c.as_it_is(_extra(c.built.header, EXTRA_UNSIGNED_SIZE, bytes(32)))),
    "PARENT": Break("invalid", "PARENT", lambda c: c.resealed(number=c.built.header.number + 1)),
    "TIME_ORDER": Break("invalid", "TIME_ORDER", lambda c: _of_time(c, c.built.block.parent.timestamp)),
    "TIME_FUTURE": Break("not yet", "TIME_FUTURE", lambda c: _of_time(c, c.now + difficulty.future_limit(c.params) + 1)),
    "DIFFICULTY": Break("invalid", "DIFFICULTY", lambda c: c.resealed(difficulty=c.built.header.difficulty + 1)),
    "STAKE_ROOT": Break("invalid", "STAKE_ROOT", lambda c: c.resealed(extra_data=bytes([VERSION]) + _flipped(c.built.header.stake_root))),
    "TX_FORM type": Break("invalid", "TX_FORM", lambda c: _with_tx(c, b"\x03\xc0")),
    "TX_FORM chain": Break("invalid", "TX_FORM", lambda c: _foreign_tx(c, chain_id=c.params.chain_id + 1)),
    "TX_FORM creation": Break("invalid", "TX_FORM", lambda c: _foreign_tx(c, to=b"")),
    "TX_INTRINSIC_GAS": Break("invalid", "TX_INTRINSIC_GAS", lambda c: _foreign_tx(c, gas=20_999)),
    "TX_INVALID nonce": Break("invalid", "TX_INVALID", lambda c: _foreign_tx(c, nonce=1)),
    "TX_INVALID balance": Break("invalid", "TX_INVALID", lambda c: _foreign_tx(c)),
    "GAS_LIMIT": Break("invalid", "GAS_LIMIT", lambda c: c.resealed(gas_limit=c.built.header.gas_limit + 1)),
    "GAS_USED above the limit": Break("invalid", "GAS_USED", lambda c: c.resealed(gas_used=c.built.header.gas_limit + 1)),
    "GAS_USED": Break("invalid", "GAS_USED", lambda c: c.resealed(gas_used=c.built.header.gas_used + 1)),
    "TX_ROOT": Break("invalid", "TX_ROOT", lambda c: c.resealed(transactions_root=_flipped(c.built.header.transactions_root))),
    "RECEIPTS_ROOT": Break("invalid", "RECEIPTS_ROOT", lambda c: c.resealed(receipts_root=_flipped(c.built.header.receipts_root))),
    "BLOOM": Break("invalid", "BLOOM", lambda c: c.resealed(logs_bloom=_flipped(c.built.header.logs_bloom))),
    "STATE_ROOT": Break("invalid", "STATE_ROOT", lambda c: c.resealed(state_root=_flipped(c.built.header.state_root))),
    "BASE_FEE": Break("invalid", "BASE_FEE", lambda c: c.resealed(base_fee=c.built.header.base_fee + 1)),
    "UNKNOWN_PARENT": Break("not yet", "UNKNOWN_PARENT", lambda c: c.resealed(parent_hash=_flipped(c.built.header.parent_hash))),
}


def break_block(params: Params, built: Built, how: str, signer: Key, now: int) -> bytes:
    """The block with one fault, properly sealed where the fault allows it. ValueError where the block cannot have it (TARGET, when F ≥ D)."""
    return BREAKS[how].make(Context(params, built, signer, now))
