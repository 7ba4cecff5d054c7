"""Header and seal (section 2)."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

from . import rlp, secp256k1
from .keccak import keccak256
from .verdict import Invalid, require

EMPTY_OMMERS = keccak256(rlp.encode([]))  # H2
POW_TAG = b"posw-v1"  # H5
VERSION = 1
EXTRA_SIZE = 98  # H3: version ‖ stake root ‖ signature
EXTRA_UNSIGNED_SIZE = 33
EXTRA_VERSION_ROOT = slice(1, 33)
RANDOMX_EPOCH, RANDOMX_LAG = 2048, 64  # K1


@dataclass(frozen=True)
class Header:
    """H1: the fields in their order."""

    parent_hash: bytes
    ommers_hash: bytes
    beneficiary: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    base_fee: int

    def members(self) -> list:
        return [getattr(self, name) for name in FIELD_NAMES]

    @cached_property
    def hash(self) -> bytes:
        """H1"""
        return keccak256(rlp.encode(self.members()))

    @cached_property
    def seal_hash(self) -> bytes:
        """H4: fields 1 to 13 and baseFeePerGas, extraData without the signature."""
        members = self.members()
        return keccak256(rlp.encode(members[:12] + [self.extra_data[:EXTRA_UNSIGNED_SIZE], self.base_fee]))

    @property
    def pow_input(self) -> bytes:
        """H5"""
        return POW_TAG + self.seal_hash + self.nonce

    @property
    def signed_hash(self) -> bytes:
        """H8"""
        return keccak256(self.pow_input + self.mix_hash)

    @property
    def quotient(self) -> int:
        """H7: ⌊h · D / 2²⁵⁶⌋."""
        return int.from_bytes(self.mix_hash, "little") * self.difficulty >> 256

    @property
    def is_boosted(self) -> bool:
        """H9"""
        return self.quotient >= 1

    @property
    def stake_root(self) -> bytes:
        """H3"""
        return self.extra_data[EXTRA_VERSION_ROOT]

    def signer(self) -> bytes | None:
        """H8: the address whose key made the signature."""
        signature = self.extra_data[EXTRA_UNSIGNED_SIZE:]
        r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
        return secp256k1.recover(self.signed_hash, r, s, v)


FIELD_NAMES = [field.name for field in fields(Header)]
_SIZES = {
    "parent_hash": 32, "ommers_hash": 32, "beneficiary": 20, "state_root": 32, "transactions_root": 32, "receipts_root": 32,
    "logs_bloom": 256, "mix_hash": 32, "nonce": 8,
}  # fmt: skip
_BYTES_OF_NUMBER = {"difficulty": 32, "number": 8, "gas_limit": 8, "gas_used": 8, "timestamp": 8, "base_fee": 8}  # H1


def from_item(item: rlp.Item) -> Header:
    """H1: a header from its decoded RLP."""
    require(isinstance(item, list) and len(item) == len(FIELD_NAMES), "HEADER_FORM", "not a list of 16")
    values = {}
    for name, value in zip(FIELD_NAMES, item):
        if name in _BYTES_OF_NUMBER:
            try:
                value = rlp.to_int(value, _BYTES_OF_NUMBER[name])
            except rlp.RlpError:
                raise Invalid("HEADER_FORM", name) from None
        else:
            require(isinstance(value, bytes) and len(value) == _SIZES.get(name, len(value)), "HEADER_FORM", name)
        values[name] = value
    require(len(values["extra_data"]) <= EXTRA_SIZE, "HEADER_FORM", "extraData")
    return Header(**values)


def decode(data: bytes) -> Header:
    try:
        item = rlp.decode(data)
    except rlp.RlpError as error:
        raise Invalid("HEADER_FORM", str(error)) from None
    return from_item(item)


def encode(header: Header) -> bytes:
    return rlp.encode(header.members())


def pow_hash(pow_name: str, pow_input: bytes) -> bytes:
    """H6"""
    if pow_name != "keccak256":
        raise NotImplementedError(f"{pow_name} is an engine that a node brings; the specification computes keccak256 only")
    return keccak256(pow_input)


def check_pow(pow_name: str, header: Header) -> None:
    """H6"""
    require(header.mix_hash == pow_hash(pow_name, header.pow_input), "POW")


def check_extra_data(header: Header) -> None:
    """H3, for every block but genesis"""
    extra = header.extra_data
    require(len(extra) == EXTRA_SIZE, "EXTRA_DATA", "size")
    require(extra[0] == VERSION, "EXTRA_DATA", "version")
    require(extra[97] <= 1, "EXTRA_DATA", "v")
    require(int.from_bytes(extra[65:97], "big") <= secp256k1.HALF_N, "EXTRA_DATA", "s is in the upper half")


def check_target(header: Header, weight: int) -> None:
    """H7: h · D < F · 2²⁵⁶"""
    require(header.quotient < weight, "TARGET")


def check_signature(header: Header, signer: bytes) -> None:
    """H8"""
    require(header.signer() == signer, "SIGNATURE")


def with_signature(header: Header, r: int, s: int, v: int) -> Header:
    """H3"""
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])
    return replace(header, extra_data=header.extra_data[:EXTRA_UNSIGNED_SIZE] + signature)


def randomx_key(number: int, genesis_hash: bytes, hash_of_ancestor) -> bytes:
    """K1: the key of block `number`; hash_of_ancestor(number) is on its own chain."""
    k = number // RANDOMX_EPOCH
    if k == 0:
        return keccak256(b"posw-rx" + genesis_hash)
    return hash_of_ancestor(max(0, RANDOMX_EPOCH * k - RANDOMX_LAG))
