"""libposw in Python through ctypes: as much of it as a light client needs.

Structs that are only handed from one function to another are opaque here; the others are written down as in the headers. The library is
found as usual (LD_LIBRARY_PATH, ldconfig), or where POSW_LIBRARY says.
"""
import ctypes
import os

VALID, INVALID, NOT_YET = range(3)

_HASH, _ADDRESS, _U256 = ctypes.c_uint8 * 32, ctypes.c_uint8 * 20, ctypes.c_uint64 * 4


def _opaque(size):
    return type(f"Opaque{size}", (ctypes.Structure,), {"_fields_": [("words", ctypes.c_uint64 * (size // 8))]})


_Proof = _opaque(2048)


class Params(ctypes.Structure):
    _fields_ = [("chain_id", ctypes.c_uint64), ("pow", ctypes.c_int), ("block_time_s", ctypes.c_uint64), ("window_blocks", ctypes.c_uint64),
                ("epoch_blocks", ctypes.c_uint64), ("unbonding_blocks", ctypes.c_uint64), ("reorg_max_blocks", ctypes.c_uint64),
                ("rest", ctypes.c_uint64 * 512)]  # more than the library has, so that it may grow


class Header(ctypes.Structure):
    _fields_ = [("parent_hash", _HASH), ("ommers_hash", _HASH), ("beneficiary", _ADDRESS), ("state_root", _HASH), ("transactions_root", _HASH),
                ("receipts_root", _HASH), ("logs_bloom", ctypes.c_uint8 * 256), ("difficulty", _U256), ("number", ctypes.c_uint64),
                ("gas_limit", ctypes.c_uint64), ("gas_used", ctypes.c_uint64), ("timestamp", ctypes.c_uint64), ("extra", ctypes.c_uint8 * 98),
                ("extra_size", ctypes.c_uint32), ("mix_hash", _HASH), ("nonce", ctypes.c_uint8 * 8), ("base_fee_wei", ctypes.c_uint64)]


class _Light(ctypes.Structure):
    _fields_ = [("params", ctypes.c_void_p), ("window", ctypes.c_void_p), ("pow", ctypes.c_void_p), ("pow_scratch", ctypes.c_void_p),
                ("tip", Header), ("tip_hash", _HASH), ("weight", _U256), ("stake_root", _HASH), ("pow_key", _HASH), ("pow_key_next", _HASH)]


class _Item(ctypes.Structure):
    _fields_ = [("header", ctypes.POINTER(Header)), ("proof", ctypes.POINTER(_Proof))]


class Verdict(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("rule", ctypes.c_int)]

    @property
    def number(self):
        return _lib.posw_rule_number(self.rule).decode()

    @property
    def text(self):
        return _lib.posw_rule_text(self.rule).decode()


def _load():
    lib = ctypes.CDLL(os.environ.get("POSW_LIBRARY", "libposw.so.1"))
    P, size, u64, char = ctypes.POINTER, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_char_p
    for name, result, arguments in [
        ("posw_version", char, []),
        ("posw_rule_number", char, [ctypes.c_int]),
        ("posw_rule_text", char, [ctypes.c_int]),
        ("posw_params_read", ctypes.c_int, [P(Params), char, char, size, char, size]),
        ("posw_header_decode", ctypes.c_bool, [P(Header), char, size]),
        ("posw_stake_proof_decode", ctypes.c_bool, [P(_Proof), char, size]),
        ("posw_window_size", size, [u64, u64]),
        ("posw_window_init", ctypes.c_void_p, [ctypes.c_void_p, u64, u64, u64]),
        ("posw_pow_keccak256", ctypes.c_void_p, []),
        ("posw_light_init", ctypes.c_bool, [P(_Light), P(Params), ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, P(Header)]),
        ("posw_light_extend", Verdict, [P(ctypes.c_bool), P(size), P(_Light), P(_Item), size, u64]),
    ]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


_lib = _load()


def version():
    return _lib.posw_version().decode()


def read_params(json_text):
    """The consensus part of a chain file (bytes)."""
    params, message = Params(), ctypes.create_string_buffer(512)
    if _lib.posw_params_read(params, None, json_text, len(json_text), message, len(message)) != 0:
        raise ValueError(message.value.decode())
    return params


def _decode(kind, function, data, name):
    out = kind()
    if not function(out, data, len(data)):
        raise ValueError(f"the {name} is malformed")
    return out


class Light:
    """A chain followed by its headers, from genesis on; keccak256 is its proof of work."""

    def __init__(self, params, genesis):
        if params.pow != 0:
            raise ValueError("only keccak256 is connected here")
        self._params, self._light = params, _Light()
        w, history = params.window_blocks, params.reorg_max_blocks
        self._memory = ctypes.create_string_buffer(_lib.posw_window_size(w, history) + 16)
        address = (ctypes.addressof(self._memory) + 15) // 16 * 16
        window = _lib.posw_window_init(address, w, history, 2 * w * params.block_time_s)
        header = _decode(Header, _lib.posw_header_decode, genesis, "header")
        if not _lib.posw_light_init(self._light, params, window, _lib.posw_pow_keccak256(), None, header):
            raise ValueError("this is not the genesis header of that chain file")

    def extend(self, pairs, now_s):
        """[(header, proof or None)] -> (how many were accepted, verdict of the next one)."""
        items, keep = (_Item * len(pairs))(), []
        for i, (item, (header, proof)) in enumerate(zip(items, pairs), 1):
            keep.append(_decode(Header, _lib.posw_header_decode, header, f"header ({i} of {len(pairs)})"))
            item.header = ctypes.pointer(keep[-1])
            if proof is not None:
                keep.append(_decode(_Proof, _lib.posw_stake_proof_decode, proof, f"stake proof ({i} of {len(pairs)})"))
                item.proof = ctypes.pointer(keep[-1])
        ok, accepted = ctypes.c_bool(), ctypes.c_size_t()
        verdict = _lib.posw_light_extend(ok, accepted, self._light, items, len(pairs), now_s)
        if not ok:
            raise MemoryError("the proof of work could not be computed")
        return accepted.value, verdict

    @property
    def number(self):
        return self._light.tip.number

    @property
    def tip_hash(self):
        return bytes(self._light.tip_hash)

    @property
    def weight(self):
        return sum(word << (64 * i) for i, word in enumerate(self._light.weight))
