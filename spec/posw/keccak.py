"""Keccak-256 as Ethereum uses it: rate 136, padding 0x01 … 0x80, 32 bytes out.

The permutation is written out once, at import, as straight-line code over 25 local variables: in CPython that is several times faster than loops
and lists, and still 0.2 ms. So where the library nettle is installed its permutation is used, after it has given the same results; with
POSW_SPEC_PURE=1 in the environment it is not. Everything else of the specification calls `keccak256` only.
"""

import ctypes
import os
from functools import lru_cache
from struct import Struct

RATE = 136
_MASK = (1 << 64) - 1


def _round_constants() -> list[int]:
    """The 24 constants of iota, from the linear feedback shift register that defines them."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << ((1 << j) - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(constant)
    return constants


def _rotations() -> dict[tuple[int, int], int]:
    """The offsets of rho: along the walk (x, y) → (y, 2x + 3y) from (1, 0), the triangular numbers."""
    offsets, x, y = {(0, 0): 0}, 1, 0
    for t in range(24):
        offsets[x, y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


def _permutation_source() -> str:
    """Python text of f(a): the 25 lanes in, the 25 lanes out. Lane (x, y) is a{x + 5y}."""
    rho = _rotations()
    names = [f"a{i}" for i in range(25)]
    lines = ["def permute(" + ", ".join(names) + "):"]
    for constant in _round_constants():
        for x in range(5):  # theta
            lines.append(f" c{x} = " + " ^ ".join(f"a{x + 5 * y}" for y in range(5)))
        for x in range(5):
            after = (x + 1) % 5
            lines.append(f" d{x} = c{(x + 4) % 5} ^ ((c{after} << 1 | c{after} >> 63) & {_MASK})")
        for x in range(5):  # rho and pi
            for y in range(5):
                to, turn = y + 5 * ((2 * x + 3 * y) % 5), rho[x, y]
                lines.append(f" t = a{x + 5 * y} ^ d{x}")
                lines.append(f" b{to} = (t << {turn} | t >> {64 - turn}) & {_MASK}" if turn else f" b{to} = t")
        for y in range(0, 25, 5):  # chi: a ^ (~b & c) = a ^ c ^ (b & c)
            for x in range(5):
                one, two = y + (x + 1) % 5, y + (x + 2) % 5
                lines.append(f" a{x + y} = b{x + y} ^ b{two} ^ (b{one} & b{two})")
        lines.append(f" a0 ^= {constant}")  # iota
    lines.append(" return " + ", ".join(names))
    return "\n".join(lines)


_scope: dict = {}
exec(_permutation_source(), _scope)
permute = _scope["permute"]
_lanes = Struct("<25Q")


def _padded(data: bytes) -> bytes:
    zeros = RATE - 1 - len(data) % RATE
    if zeros == 0:
        return data + b"\x81"
    return data + b"\x01" + bytes(zeros - 1) + b"\x80"


def keccak256_pure(data: bytes) -> bytes:
    """The definition."""
    padded, state = _padded(data), bytes(200)
    for offset in range(0, len(padded), RATE):
        block = _lanes.unpack(padded[offset : offset + RATE] + bytes(200 - RATE))
        lanes = permute(*[lane ^ word for lane, word in zip(_lanes.unpack(state), block)])
        state = _lanes.pack(*lanes)
    return state[:32]


def _native():
    """The same with nettle's permutation, or None where it is not installed."""
    if os.environ.get("POSW_SPEC_PURE"):
        return None
    try:
        nettle_permute = ctypes.CDLL("libnettle.so.8").nettle_sha3_permute
    except (OSError, AttributeError):
        return None
    nettle_permute.argtypes, nettle_permute.restype = [ctypes.c_void_p], None
    state = bytearray(200)
    address = ctypes.addressof((ctypes.c_char * 200).from_buffer(state))
    zeros, number, rest = bytes(200), int.from_bytes, bytes(200 - RATE)

    def keccak256_native(data: bytes) -> bytes:
        padded = _padded(data)
        state[:] = padded[:RATE] + rest
        nettle_permute(address)
        for offset in range(RATE, len(padded), RATE):
            block = padded[offset : offset + RATE]
            state[:RATE] = (number(state[:RATE], "little") ^ number(block, "little")).to_bytes(RATE, "little")
            nettle_permute(address)
        return bytes(state[:32])

    samples = [zeros[:n] for n in (0, 1, 134, 135, 136, 200)] + [bytes(range(200)) * 2]
    if any(keccak256_native(sample) != keccak256_pure(sample) for sample in samples):
        return None
    return keccak256_native


keccak256 = lru_cache(maxsize=1 << 15)(_native() or keccak256_pure)
