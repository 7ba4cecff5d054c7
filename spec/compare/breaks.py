"""Ways of breaking a block. Each takes a Bench and returns the bytes of a block, or None where it cannot be done here.

Most leave everything else right: the header is sealed and signed again after the change, so that one rule alone is broken. Nothing here says which
rule that is: the two sides must agree on it, and the statistics say which rules have been met.
"""
from dataclasses import dataclass
from typing import Any

from posw import header as headers, rlp, secp256k1
from posw.build import Key, encode_block, replace, resign, seal, table_for, weight_for
from posw.chain import Chain
from posw.params import UINT256_MAX
from posw.trie import list_root

from .txs import UNFIT, TxMaker

BLOCK_SIZE_MAX = 8 * 1024 * 1024
SEARCH_MAX = 4096  # hashes that one broken block may cost


@dataclass
class Bench:
    """A valid block (not imported yet, or just now) and what it was made with."""

    rng: Any
    chain: Chain
    parent: Any
    header: Any
    txs: list
    miner: Key
    signer: Key
    keys: list
    weight: int

    def sealed(self, **fields):
        """The header with other fields, sealed and signed again."""
        header = replace(self.header, **fields)
        if header.difficulty > SEARCH_MAX * self.weight or header.difficulty == 0:
            return resign(header, self.signer)
        return seal(header, self.signer, self.weight)

    def block(self, txs=None, **fields):
        return encode_block(self.sealed(**fields), self.txs if txs is None else txs)

    def with_txs(self, txs):
        """A body with these envelopes, and a header that knows them."""
        return self.block(txs, transactions_root=list_root(txs))


def other_hash(b, value):
    """Zeros, another block's, or with one bit turned."""
    at = b.rng.randrange(len(value))
    turned = value[:at] + bytes([value[at] ^ 1 << b.rng.randrange(8)]) + value[at + 1:]
    return b.rng.choice((turned, turned, bytes(len(value)), b.parent.hash + bytes(len(value) - 32) if len(value) >= 32 else turned))


def near(b, value, top=2**64 - 1):
    return min(top, max(0, b.rng.choice((value - 1, value + 1, value + 1, 0, top, 2 * value, value // 2))))


# ---- fields, with a good seal ----

def parent_unknown(b):
    return b.block(parent_hash=other_hash(b, b.header.parent_hash))


def parent_other(b):
    """A parent of another height."""
    block = b.parent.parent
    return None if block is None else b.block(parent_hash=block.hash)


def ommers_hash(b):
    return b.block(ommers_hash=other_hash(b, b.header.ommers_hash))


def number(b):
    return b.block(number=near(b, b.header.number))


def version(b):
    return b.block(extra_data=bytes([b.rng.choice((0, 2, 255))]) + b.header.extra_data[1:])


def stake_root(b):
    number = b.rng.choice((b.header.number + b.chain.params.epoch, max(0, b.header.number - b.chain.params.epoch)))
    root = other_hash(b, b.header.stake_root)
    if b.rng.random() < 0.5:  # of another epoch
        root = table_for(b.chain.params, b.parent).root_in_force(number // b.chain.params.epoch)
    return b.block(extra_data=b.header.extra_data[:1] + root + b.header.extra_data[33:])


def timestamp(b):
    return b.block(timestamp=b.rng.choice((b.parent.timestamp, max(0, b.parent.timestamp - 1), 0)))


def gas_limit(b):
    return b.block(gas_limit=near(b, b.header.gas_limit))


def gas_used(b):
    return b.block(gas_used=b.rng.choice((b.header.gas_used + 1, max(0, b.header.gas_used - 1), b.header.gas_limit, b.header.gas_limit + 1, 21000, 2**64 - 1)))


def base_fee(b):
    return b.block(base_fee=near(b, b.header.base_fee))


def difficulty(b):
    return b.block(difficulty=near(b, b.header.difficulty, UINT256_MAX))


def state_root(b):
    return b.block(state_root=other_hash(b, b.header.state_root))


def receipts_root(b):
    return b.block(receipts_root=other_hash(b, b.header.receipts_root))


def bloom(b):
    return b.block(logs_bloom=other_hash(b, b.header.logs_bloom))


def beneficiary(b):
    """Somebody else's block, signed by the same key."""
    return b.block(beneficiary=b.rng.choice(b.keys).address)


# ---- the seal ----

def target(b):
    """Misses the target of its miner's weight."""
    if b.header.difficulty <= b.weight:
        return None
    try:
        return encode_block(seal(b.header, b.signer, b.weight, quotient=(b.weight, None)), b.txs)
    except Exception:  # no such nonce within reason
        return None


def target_of_another(b):
    """Good for the most that anybody may have, but perhaps not for this miner."""
    return encode_block(seal(b.header, b.signer, max(b.weight, max(weight_for(b.chain.params, b.parent, k.address) for k in b.keys))), b.txs)


def claimed_output(b):
    """A mixHash that is better than the truth."""
    claim = b.rng.choice((bytes(32), b"\x01" + bytes(31), b.header.mix_hash[:31] + b"\x00"))
    return encode_block(resign(replace(b.header, mix_hash=claim), b.signer), b.txs)


def nonce(b):
    turned = bytes(a ^ x for a, x in zip(b.header.nonce, b.rng.randbytes(8)))
    return encode_block(resign(replace(b.header, nonce=turned), b.signer), b.txs)


def signer(b):
    return encode_block(resign(b.header, b.rng.choice([k for k in b.keys if k is not b.signer])), b.txs)


def signed_by_miner(b):
    """By the beneficiary itself, though it may have named another."""
    return encode_block(resign(b.header, b.miner), b.txs)


def signature(b):
    """High s, another v, numbers out of range, noise, or of something else."""
    rng, extra = b.rng, b.header.extra_data
    r, s, v = extra[33:65], int.from_bytes(extra[65:97], "big"), extra[97]
    n = secp256k1.N
    tail = rng.choice((
        r + (n - s).to_bytes(32, "big") + bytes([1 - v]), r + extra[65:97] + bytes([1 - v]), r + extra[65:97] + bytes([rng.choice((2, 3, 27, 28, 255))]),
        bytes(32) + extra[65:98], r + bytes(32) + extra[97:], n.to_bytes(32, "big") + extra[65:98], r + n.to_bytes(32, "big") + extra[97:],
        r + secp256k1.HALF_N.to_bytes(32, "big") + extra[97:], r + (secp256k1.HALF_N + 1).to_bytes(32, "big") + extra[97:], rng.randbytes(64) + extra[97:],
        bytes(65), rng.randbytes(32) + bytes(31) + b"\x01" + extra[97:], b"\xff" * 64 + extra[97:]))
    return encode_block(replace(b.header, extra_data=extra[:33] + tail), b.txs)


def signed_again(b):
    """The header with another signature of its signer, which is as good as the first: ECDSA has one for each k."""
    n, digest, secret = secp256k1.N, int.from_bytes(b.header.signed_hash, "big"), b.signer.secret
    k = b.rng.randrange(1, n)
    x, y = secp256k1.public_key(k)
    s = pow(k, -1, n) * (digest + x * secret) % n
    s, odd = (s, y & 1) if s <= secp256k1.HALF_N else (n - s, 1 - (y & 1))
    return headers.with_signature(b.header, x % n, s, odd)


def extra_size(b):
    """Too short or too long. A header is not sealed again: without 33 bytes there is no seal hash."""
    extra = b.header.extra_data
    return encode_block(replace(b.header, extra_data=b.rng.choice((b"", extra[:1], extra[:32], extra[:33], extra[:34], extra[:97], extra + b"\x00", bytes(99), bytes(300)))), b.txs)


# ---- the body ----

def transactions_root(b):
    return b.block(transactions_root=other_hash(b, b.header.transactions_root))


def body_of_another(b):
    """The header is whole, the body is not its own."""
    txs = list(b.txs)
    change = b.rng.randrange(3)
    maker = TxMaker(b.rng, b.chain, b.parent, b.keys)
    if change == 0 and txs:
        txs.pop(b.rng.randrange(len(txs)))
    elif change == 1 and len(txs) > 1:
        txs.reverse()
    else:
        txs.append(maker.sign(*maker.fields()))
    return encode_block(b.header, txs)


def tx_missing(b):
    """Less was executed than the header says, and the transactions root agrees with the body."""
    return b.with_txs(b.txs[:-1]) if b.txs else None


def tx_twice(b):
    return b.with_txs(b.txs + b.txs[-1:]) if b.txs else None


def tx_unfit(b):
    """A transaction that no block may contain, at some place."""
    maker = TxMaker(b.rng, b.chain, b.parent, b.keys)
    bad = UNFIT[b.rng.choice(sorted(UNFIT))](maker)
    txs = list(b.txs)
    txs.insert(b.rng.randrange(len(txs) + 1), bad)
    return b.with_txs(txs)


def tx_form_in_body(b):
    """Canonical RLP, but not as a body carries transactions."""
    maker = TxMaker(b.rng, b.chain, b.parent, b.keys)
    raw = maker.sign(*maker.fields())
    item = rlp.decode(raw) if raw[0] >= 0xC0 else raw
    odd = b.rng.choice(([raw[:1], rlp.decode(raw[1:])] if raw[0] < 0xC0 else raw, [], b"", [item], b"\x02", rlp.encode(raw)))
    items = [rlp.decode(t) if t[0] >= 0xC0 else t for t in b.txs]
    items.insert(b.rng.randrange(len(items) + 1), odd)
    return rlp.encode([b.header.members(), items, []])


# ---- the encoding ----

def parts(b):
    """More or fewer parts, or parts of another kind."""
    rng = b.rng
    header, txs, ommers = rlp.decode(encode_block(b.header, b.txs))
    return rlp.encode(rng.choice((
        [header, txs], [header, txs, ommers, []], [header, txs, ommers, b""], [header, txs, [header]], [header, txs, b""], [header, b"", []], [b"", txs, []],
        [header, txs, [b""]], header, [], b"", b"\x01", [[header, txs, ommers]], [header[:15], txs, []], [header + [b""], txs, []],
        [header + [bytes(32)], txs, []])))


def header_field(b):
    """One field of the header of a wrong size or kind, or not the shortest form of its number."""
    rng = b.rng
    header, txs, ommers = rlp.decode(encode_block(b.header, b.txs))
    i = rng.randrange(16)
    v = header[i]
    header[i] = rng.choice((v + b"\x00", b"\x00" + v, v[:-1], b"", [v], [], b"\x00", rng.randbytes(9), rng.randbytes(33), b"\xff" * 8, b"\xff" * 32))
    return rlp.encode([header, txs, ommers])


def _long_form(data):
    """The same with a list head or string head of the long form."""
    item = rlp.decode(data)
    body = data[1:] if data[0] < 0xF8 else data[1 + data[0] - 0xF7:]
    size = len(body).to_bytes(4, "big")
    return bytes([0xF7 + 4]) + size + body if isinstance(item, list) else data


def not_canonical(b):
    rng = b.rng
    whole = encode_block(b.header, b.txs)
    header, txs, _ = rlp.decode(whole)
    body = rlp.encode(header) + rlp.encode(txs)
    return rng.choice((
        _long_form(whole), whole + b"\x00", whole + whole, whole[:-1] + b"\x80", b"\x00" + whole,
        rlp._head(0xC0, len(body) + 2) + body + b"\xf8\x00", rlp._head(0xC0, len(body) + 2) + body + b"\xc1\xc0"[:2],
        _long_form(rlp.encode(header)) + rlp.encode(txs), rlp.encode_list([_long_form(rlp.encode(header)), rlp.encode(txs), b"\xc0"]),
        rlp.encode_list([rlp.encode(header), b"\xf8" + rlp.encode(txs) if not txs else _long_form(rlp.encode(txs)), b"\xc0"])))


def flipped(b):
    """Random bytes of a good block changed, cut out or put in."""
    rng = b.rng
    data = bytearray(encode_block(b.header, b.txs))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(data))
        change = rng.randrange(5)
        if change < 3:
            data[at] ^= 1 << rng.randrange(8)
        elif change == 3:
            del data[at:at + rng.choice((1, 1, 5))]
        else:
            data[at:at] = rng.randbytes(1)
        if not data:
            break
    return bytes(data) or b"\x00"


def noise(b):
    return b.rng.randbytes(b.rng.choice((1, 2, 10, 500, 700)))


def nested(b):
    """Lists in lists, where lists are not expected."""
    deep = b"\xc0"
    for _ in range(b.rng.choice((2, 40, 2000))):
        deep = rlp._head(0xC0, len(deep)) + deep
    header, txs, _ = rlp.decode(encode_block(b.header, b.txs))
    return b.rng.choice((deep, rlp.encode_list([rlp.encode(header), deep, b"\xc0"]), rlp.encode_list([rlp.encode(header), rlp.encode(txs), deep]),
                         rlp.encode_list([deep, rlp.encode(txs), b"\xc0"])))


def oversized(b):
    """At the limit of a block's size, or one byte above. Rare: it costs a second."""
    if b.rng.random() > 0.01:
        return None
    whole = len(encode_block(b.header, b.txs))
    room = BLOCK_SIZE_MAX + b.rng.choice((0, 1)) - whole
    data = bytes(room - b.rng.choice((0, 8, 9, 10)))
    return encode_block(b.header, list(b.txs) + [b"\x02" + data])


BREAKS = {f.__name__.replace("_", " "): f for f in (
    parent_unknown, parent_other, ommers_hash, number, version, stake_root, timestamp, gas_limit, gas_used, base_fee, difficulty, state_root, receipts_root,
    bloom, beneficiary, target, target_of_another, claimed_output, nonce, signer, signed_by_miner, signature, extra_size, transactions_root, body_of_another,
    tx_missing, tx_twice, tx_unfit, tx_form_in_body, parts, header_field, not_canonical, flipped, noise, nested, oversized)}
# Those that more draws go to, because they hide more cases.
WEIGHTS = {"tx unfit": 6, "signature": 3, "header field": 3, "parts": 2, "flipped": 4, "not canonical": 2, "gas used": 2, "tx form in body": 2}


def random_break(bench):
    """(name, bytes) of a broken block, or None."""
    names = sorted(BREAKS)
    name = bench.rng.choices(names, [WEIGHTS.get(n, 1) for n in names])[0]
    data = BREAKS[name](bench)
    return None if data is None else (name, data)
