"""RLP: items are `bytes` or lists of items; numbers are big-endian without leading zeros. Decoding is strict: one value has one encoding."""

from typing import Union

Item = Union[bytes, list["Item"]]
DEPTH_MAX = 32


class RlpError(ValueError):
    """Not the canonical encoding of anything, or not of what was expected."""


def from_int(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def to_int(item: Item, size_max: int = 32) -> int:
    if isinstance(item, list) or len(item) > size_max or item[:1] == b"\x00":
        raise RlpError("not a number of this size")
    return int.from_bytes(item, "big")


_SHORT = tuple(bytes([0x80 + size]) for size in range(56))  # heads of byte strings


def _head(short: int, size: int) -> bytes:
    if size < 56:
        return bytes([short + size])
    length = from_int(size)
    return bytes([short + 55 + len(length)]) + length


def encode(item: Union[bytes, int, list, tuple]) -> bytes:
    """Integers are taken as numbers."""
    if isinstance(item, (list, tuple)):
        body = b"".join([encode(member) for member in item])
        return _head(0xC0, len(body)) + body
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    size = len(item)
    if size == 1 and item[0] < 0x80:
        return bytes(item)
    return (_SHORT[size] if size < 56 else _head(0x80, size)) + item


def encode_list(encoded: list[bytes]) -> bytes:
    """A list of members that are encoded already."""
    body = b"".join(encoded)
    return _head(0xC0, len(body)) + body


def decode(data: bytes) -> Item:
    """One item that fills `data`."""
    item, end = _decode_at(data, 0, len(data), 0)
    if end != len(data):
        raise RlpError("bytes after the end")
    return item


def member(data: bytes, at: int, end: int) -> tuple[bool, int, int]:
    """The item that begins at `at`: whether it is a list, where its content begins, and where it ends. Looks at its head only."""
    if at >= end:
        raise RlpError("ends too early")
    first = data[at]
    if first < 0x80:
        return False, at, at + 1
    is_list = first >= 0xC0
    short = first - (0xC0 if is_list else 0x80)
    start = at + 1
    if short < 56:
        size = short
    else:
        length = data[start : start + short - 55]
        start += short - 55
        size = int.from_bytes(length, "big")
        if start > end or length[0] == 0 or size < 56:
            raise RlpError("the length is not canonical")
    stop = start + size
    if stop > end:
        raise RlpError("ends too early")
    if not is_list and size == 1 and data[start] < 0x80:
        raise RlpError("one small byte stands for itself")
    return is_list, start, stop


def split(data: bytes) -> list[bytes]:
    """The encodings of the members of a list that fills `data`."""
    is_list, at, end = member(data, 0, len(data))
    if not is_list or end != len(data):
        raise RlpError("not a list, or bytes after the end")
    members = []
    while at < end:
        stop = member(data, at, end)[2]
        members.append(data[at:stop])
        at = stop
    return members


def _decode_at(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    is_list, start, stop = member(data, at, end)
    if not is_list:
        return data[start:stop], stop
    if depth == DEPTH_MAX:
        raise RlpError("nested too deeply")
    items = []
    while start < stop:
        item, start = _decode_at(data, start, stop, depth + 1)
        items.append(item)
    return items, stop
