"""Transactions (X2, X3)."""

from dataclasses import dataclass
from functools import cached_property

from . import rlp, secp256k1
from .keccak import keccak256
from .verdict import Invalid, require

AccessList = tuple[tuple[bytes, tuple[bytes, ...]], ...]
LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2
NONCE_MAX = 2**64 - 1  # X4: not reached by any sender
LEGACY_CHAIN_ID_MAX = 2**62  # V2


@dataclass(frozen=True)
class Tx:
    """Types 0 and 1 have one price: it is both `tip` and `max_fee`. `odd` is the parity of the signature's y. chain_id is None for type 0 without EIP-155."""

    type: int
    chain_id: int | None
    nonce: int
    tip: int
    max_fee: int
    gas_limit: int
    to: bytes
    value: int
    data: bytes = b""
    access_list: AccessList = ()
    odd: int = 0
    r: int = 0
    s: int = 0

    def _unsigned(self) -> list:
        """What the signature covers, by type; the chain id of type 0 stands where the signature will be (EIP-155)."""
        access = [[address, list(keys)] for address, keys in self.access_list]
        if self.type == LEGACY:
            protection = [] if self.chain_id is None else [self.chain_id, 0, 0]
            return [self.nonce, self.max_fee, self.gas_limit, self.to, self.value, self.data] + protection
        if self.type == ACCESS_LIST:
            return [self.chain_id, self.nonce, self.max_fee, self.gas_limit, self.to, self.value, self.data, access]
        return [self.chain_id, self.nonce, self.tip, self.max_fee, self.gas_limit, self.to, self.value, self.data, access]

    def _prefix(self) -> bytes:
        return b"" if self.type == LEGACY else bytes([self.type])

    @property
    def signing_hash(self) -> bytes:
        """X2: EIP-155, EIP-2930, EIP-1559."""
        return keccak256(self._prefix() + rlp.encode(self._unsigned()))

    @cached_property
    def envelope(self) -> bytes:
        """X2: what the transaction's hash and the transactions trie are made of."""
        if self.type == LEGACY:
            v = 27 if self.chain_id is None else 35 + 2 * self.chain_id
            return rlp.encode(self._unsigned()[:6] + [v + self.odd, self.r, self.s])
        return self._prefix() + rlp.encode(self._unsigned() + [self.odd, self.r, self.s])

    @cached_property
    def hash(self) -> bytes:
        return keccak256(self.envelope)

    @cached_property
    def sender(self) -> bytes | None:
        """X2: None if the signature is nobody's."""
        return secp256k1.recover(self.signing_hash, self.r, self.s, self.odd)

    @property
    def intrinsic_gas(self) -> int:
        """X3"""
        zeros = self.data.count(0)
        keys = sum(len(keys) for _, keys in self.access_list)
        return 21_000 + 4 * zeros + 16 * (len(self.data) - zeros) + 2_400 * len(self.access_list) + 1_900 * keys


def _bytes(item: rlp.Item, size: int | None = None) -> bytes:
    require(isinstance(item, bytes) and size in (None, len(item)), "TX_FORM", "a string of another size")
    return item


def _access_list(item: rlp.Item) -> AccessList:
    require(isinstance(item, list), "TX_FORM", "access list")
    result = []
    for entry in item:
        require(isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], list), "TX_FORM", "access list")
        result.append((_bytes(entry[0], 20), tuple(_bytes(key, 32) for key in entry[1])))
    return tuple(result)


def _from_legacy(members: list) -> Tx:
    nonce, price, gas, to, value, data, v, r, s = members
    v, price = rlp.to_int(v, 8), rlp.to_int(price)
    require(v in (27, 28) or v >= 35, "TX_FORM", "v")
    chain_id, odd = (None, v - 27) if v < 35 else ((v - 35) // 2, (v - 35) % 2)
    require(chain_id is None or chain_id <= LEGACY_CHAIN_ID_MAX, "TX_FORM", "chain id")
    return Tx(
        LEGACY, chain_id, rlp.to_int(nonce, 8), price, price, rlp.to_int(gas, 8), _bytes(to), rlp.to_int(value), _bytes(data),
        (), odd, rlp.to_int(r), rlp.to_int(s),
    )  # fmt: skip


def _from_typed(kind: int, members: list) -> Tx:
    if kind == ACCESS_LIST:
        members = members[:2] + members[2:3] + members[2:]  # its price is tip and maximum
    chain, nonce, tip, max_fee, gas, to, value, data, access, odd, r, s = members
    return Tx(
        kind, rlp.to_int(chain, 8), rlp.to_int(nonce, 8), rlp.to_int(tip), rlp.to_int(max_fee), rlp.to_int(gas, 8), _bytes(to),
        rlp.to_int(value), _bytes(data), _access_list(access), rlp.to_int(odd, 1), rlp.to_int(r), rlp.to_int(s),
    )  # fmt: skip


_MEMBERS = {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12}


def from_item(item: rlp.Item) -> Tx:
    """X2: a transaction as it stands in a block, whether this chain takes it or not: numbers and signature are in range. `check_form` is stricter."""
    try:
        if isinstance(item, list):
            kind, members = LEGACY, item
        else:
            kind = item[0] if item else -1
            require(kind in (ACCESS_LIST, DYNAMIC_FEE), "TX_FORM", "unknown type")
            members = rlp.decode(item[1:])
        require(isinstance(members, list) and len(members) == _MEMBERS[kind], "TX_FORM", "number of fields")
        tx = _from_legacy(members) if kind == LEGACY else _from_typed(kind, members)
    except rlp.RlpError as error:
        raise Invalid("TX_FORM", str(error)) from None
    require(len(tx.to) in (0, 20), "TX_FORM", "`to` is no address")
    require(tx.odd <= 1 and 0 < tx.r < secp256k1.N and 0 < tx.s <= secp256k1.HALF_N, "TX_FORM", "signature out of range")
    return tx


def check_form(tx: Tx) -> None:
    """X2: what the form alone tells (V2, step 1)."""
    require(tx.to != b"", "TX_FORM", "creates a contract")
    require(tx.chain_id is not None, "TX_FORM", "not protected by EIP-155")


def check_signature(tx: Tx) -> None:
    """X2 (V2, step 3)"""
    require(tx.sender is not None, "TX_FORM", "the signature is nobody's")


def decode(envelope: bytes) -> Tx:
    """X2: `from_item` from the envelope."""
    if envelope[:1] >= b"\xc0":
        try:
            return from_item(rlp.decode(envelope))
        except rlp.RlpError as error:
            raise Invalid("TX_FORM", str(error)) from None
    return from_item(envelope)


def body_item(envelope: bytes) -> bytes:
    """X9: how a block's encoding holds the transaction: type 0 as the list that it is, others as a string."""
    return envelope if envelope[:1] >= b"\xc0" else rlp.encode(envelope)
