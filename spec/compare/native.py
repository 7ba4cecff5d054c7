"""Faster arithmetic, so that the differential test has time for chains: ECDSA from libsecp256k1, and Keccak of one short block for the nonce search.

The specification's own plain Python does the same some twenty times slower. What is taken from libraries here is only arithmetic that official
vectors fix (both are tested against them), no rule of the protocol. `install` puts these functions in the place of the specification's, wherever
one of its modules has imported them, after comparing the two; where a library is missing nothing is changed.
"""
import ctypes
import sys
from functools import lru_cache

from posw import build, secp256k1
from posw.keccak import RATE, keccak256, keccak256_pure

_SIGN_AND_VERIFY = 0x301
_UNCOMPRESSED = 2
POW_INPUT_SIZE = 47  # H5


def _load():
    for name in ("libsecp256k1.so.1", "libsecp256k1.so.0", "libsecp256k1.so"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if hasattr(library, "secp256k1_ecdsa_recover"):
            library.secp256k1_context_create.restype = ctypes.c_void_p
            return library
    return None


_library = _load()
_context = ctypes.c_void_p(_library.secp256k1_context_create(_SIGN_AND_VERIFY)) if _library else None


@lru_cache(maxsize=1 << 12)
def recover(digest, r, s, odd):
    """The address whose key made the signature, or None: secp256k1.recover."""
    if not (0 < r < secp256k1.N and 0 < s < secp256k1.N and odd in (0, 1)):
        return None
    signature, key, out, size = (ctypes.create_string_buffer(n) for n in (65, 64, 65, 8))
    compact = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    if not _library.secp256k1_ecdsa_recoverable_signature_parse_compact(_context, signature, compact, odd):
        return None
    if not _library.secp256k1_ecdsa_recover(_context, key, signature, bytes(digest)):
        return None
    ctypes.memmove(size, (65).to_bytes(8, sys.byteorder), 8)
    _library.secp256k1_ec_pubkey_serialize(_context, out, size, key, _UNCOMPRESSED)
    return keccak256(out.raw[1:])[12:]


def sign(digest, secret):
    """(r, s, odd): secp256k1.sign."""
    signature, compact, odd = ctypes.create_string_buffer(65), ctypes.create_string_buffer(64), ctypes.c_int()
    if not _library.secp256k1_ecdsa_sign_recoverable(_context, signature, bytes(digest), secret.to_bytes(32, "big"), None, None):
        raise ValueError("not a secret key")
    _library.secp256k1_ecdsa_recoverable_signature_serialize_compact(_context, compact, ctypes.byref(odd), signature)
    return int.from_bytes(compact.raw[:32], "big"), int.from_bytes(compact.raw[32:], "big"), odd.value


# ---- the nonce search: one block of the sponge, of a size that is always the same ----

def _short_keccak(size):
    """keccak256 of exactly `size` bytes (less than one block) with nettle's permutation, or None."""
    try:
        permute = ctypes.CDLL("libnettle.so.8").nettle_sha3_permute
    except (OSError, AttributeError):
        return None
    permute.argtypes, permute.restype = [ctypes.c_void_p], None
    state = bytearray(200)
    at = ctypes.c_void_p(ctypes.addressof((ctypes.c_char * 200).from_buffer(state)))
    tail = b"\x01" + bytes(RATE - size - 2) + b"\x80" + bytes(200 - RATE)

    def hash_of(data):
        state[:] = data + tail
        permute(at)
        return bytes(state[:32])

    sample = bytes(range(size))
    return hash_of if hash_of(sample) == keccak256_pure(sample) else None


def _agree():
    for i in range(1, 9):
        digest = keccak256(bytes([i]))
        secret = int.from_bytes(keccak256(digest), "big") % secp256k1.N
        r, s, odd = sign(digest, secret)
        if (r, s, odd) != secp256k1.sign(digest, secret):
            return False
        for other in (0, 1):
            if recover(digest, r, s, other) != secp256k1.recover(digest, r, s, other):
                return False
            if recover(digest, r + i, s, other) != secp256k1.recover(digest, r + i, s, other):
                return False
    return True


def install():
    """True if libsecp256k1's functions are in use from now on."""
    short = _short_keccak(POW_INPUT_SIZE)
    if short is not None:
        build._keccak_uncached = short
    if _library is None:
        return False
    if not _agree():
        raise RuntimeError("libsecp256k1 and spec/posw/secp256k1.py disagree")
    for ours, theirs in ((recover, secp256k1.recover), (sign, secp256k1.sign)):
        for name, module in list(sys.modules.items()):
            if name == "posw" or name.startswith("posw."):
                for attribute, value in list(vars(module).items()):
                    if value is theirs:
                        setattr(module, attribute, ours)
    return True
