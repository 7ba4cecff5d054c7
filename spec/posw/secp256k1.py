"""ECDSA over secp256k1: sign (RFC 6979), recover. Pure, not constant in time: for tests and known keys only.

Points are affine (x, y), Jacobian (x, y, z), or None for the point at infinity. Speed comes from a table of multiples of the generator (additions only)
and, for other points, from the curve's endomorphism: λ·(x, y) = (β·x, y) halves the number of doublings.
"""

import hmac
from functools import lru_cache

from .keccak import keccak256

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
HALF_N = N // 2
BETA = 0x7AE96A2B657C07106E64479EAC3434E99CF0497512F58995C1396C28719501EE
LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72
# A short basis of the lattice {(a, b): a + b·λ = 0 mod N}.
_A1, _B1 = 0x3086D221A7D46BCDE86C90E49284EB15, -0xE4437ED6010E88286F547FA90ABFE4C3
_A2, _B2 = 0x114CA50F7A8E2F3F657C1108D9D44CFD8, 0x3086D221A7D46BCDE86C90E49284EB15

Affine = tuple[int, int]
Jacobian = tuple[int, int, int]
_WINDOW = 6  # bits of a digit of the generator's table


def _double(p: Jacobian) -> Jacobian:
    x, y, z = p
    yy = y * y % P
    s = 4 * x * yy % P
    m = 3 * x * x % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add_affine(p: Jacobian | None, q: Affine) -> Jacobian | None:
    x2, y2 = q
    if p is None:
        return x2, y2, 1
    x1, y1, z1 = p
    zz = z1 * z1 % P
    h = (x2 * zz - x1) % P
    r = (y2 * zz * z1 - y1) % P
    if h == 0:
        return _double(p) if r == 0 else None
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - y1 * hhh) % P, z1 * h % P


def _to_affine(p: Jacobian | None) -> Affine | None:
    if p is None:
        return None
    inverse = pow(p[2], -1, P)
    square = inverse * inverse % P
    return p[0] * square % P, p[1] * square * inverse % P


def _all_to_affine(points: list[Jacobian]) -> list[Affine]:
    """With one inversion for all (Montgomery's trick). None of them is infinity."""
    products, product = [], 1
    for point in points:
        products.append(product)
        product = product * point[2] % P
    inverse, result = pow(product, -1, P), []
    for (x, y, z), before in zip(reversed(points), reversed(products)):
        one = inverse * before % P
        inverse = inverse * z % P
        square = one * one % P
        result.append((x * square % P, y * square * one % P))
    return result[::-1]


@lru_cache(maxsize=1)
def _generator_table() -> list[list[Affine]]:
    """Row i, column j − 1: j · 2^(6i) · G."""
    rows, base = [], (*G, 1)
    count = (1 << _WINDOW) - 1
    points: list[Jacobian] = []
    for _ in range(-(-256 // _WINDOW)):
        base_affine = _to_affine(base)
        multiple = base
        for _ in range(count):
            points.append(multiple)
            multiple = _add_affine(multiple, base_affine)
        base = multiple
    flat = _all_to_affine(points)
    for start in range(0, len(flat), count):
        rows.append(flat[start : start + count])
    return rows


def _add_generator(start: Jacobian | None, k: int) -> Jacobian | None:
    """start + k·G."""
    point, mask = start, (1 << _WINDOW) - 1
    for row in _generator_table():
        digit = k & mask
        if digit:
            point = _add_affine(point, row[digit - 1])
        k >>= _WINDOW
    return point


def _split(k: int) -> tuple[int, int]:
    """k = k1 + k2·λ mod N, both of at most 129 bits, signed."""
    c1 = (_B2 * k + N // 2) // N
    c2 = (-_B1 * k + N // 2) // N
    return k - c1 * _A1 - c2 * _A2, -c1 * _B1 - c2 * _B2


def _signed_digits(k: int) -> list[int]:
    """Width-5 non-adjacent form, the lowest digit first: digits are 0 or odd, |digit| < 16."""
    digits = []
    while k:
        digit = 0
        if k & 1:
            digit = k & 31
            if digit > 16:
                digit -= 32
            k -= digit
        digits.append(digit)
        k >>= 1
    return digits


def _multiply(p: Affine, k: int) -> Jacobian | None:
    """k·p, by two interleaved scalars of half the length."""
    k1, k2 = _split(k)
    double = _to_affine(_double((*p, 1)))
    odd: list[Jacobian] = [(*p, 1)]
    for _ in range(7):
        odd.append(_add_affine(odd[-1], double))
    table = _all_to_affine(odd)
    table = table + [(x, P - y) for x, y in reversed(table)]  # digit d at (d − 1) / 2, also for negative d
    turned = [(x * BETA % P, y) for x, y in table]
    first, second = _signed_digits(abs(k1)), _signed_digits(abs(k2))
    sign1, sign2 = (1 if k1 >= 0 else -1), (1 if k2 >= 0 else -1)
    point = None
    for i in range(max(len(first), len(second)) - 1, -1, -1):
        if point is not None:
            point = _double(point)
        if i < len(first) and first[i]:
            point = _add_affine(point, table[(sign1 * first[i] - 1) // 2])
        if i < len(second) and second[i]:
            point = _add_affine(point, turned[(sign2 * second[i] - 1) // 2])
    return point


def public_key(secret: int) -> Affine:
    point = _to_affine(_add_generator(None, secret))
    assert point is not None
    return point


def address_of(key: Affine) -> bytes:
    """The Ethereum address of a public key."""
    return keccak256(key[0].to_bytes(32, "big") + key[1].to_bytes(32, "big"))[12:]


@lru_cache(maxsize=1 << 10)
def address_of_secret(secret: int) -> bytes:
    return address_of(public_key(secret))


_known: dict[tuple[bytes, int, int, int], bytes | None] = {}  # results of recover


def forget() -> None:
    """For measuring."""
    _known.clear()


def _remember(signature: tuple[bytes, int, int, int], address: bytes | None) -> bytes | None:
    if len(_known) >= 1 << 14:
        _known.clear()
    _known[signature] = address
    return address


def recover(digest: bytes, r: int, s: int, odd: int) -> bytes | None:
    """The address whose key made the signature (r, s) of the digest, `odd` telling R's y; None if there is none. Does not judge high s.
    What `sign` has made in this process is known without arithmetic."""
    signature = digest, r, s, odd
    return _known[signature] if signature in _known else _remember(signature, recover_anew(*signature))


def recover_anew(digest: bytes, r: int, s: int, odd: int) -> bytes | None:
    if not (0 < r < N and 0 < s < N and odd in (0, 1)):
        return None
    square = (r * r * r + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    if y & 1 != odd:
        y = P - y
    inverse = pow(r, -1, N)
    u1 = -int.from_bytes(digest, "big") * inverse % N
    u2 = s * inverse % N
    key = _to_affine(_add_generator(_multiply((r, y), u2), u1))
    return None if key is None else address_of(key)


def _nonces(digest: bytes, secret: int):
    """The candidates for k of RFC 6979 with HMAC-SHA-256."""
    hashed = (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    seed = secret.to_bytes(32, "big") + hashed
    k, v = bytes(32), b"\x01" * 32
    for separator in (b"\x00", b"\x01"):
        k = hmac.digest(k, v + separator + seed, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        yield int.from_bytes(v, "big")
        k = hmac.digest(k, v + b"\x00", "sha256")
        v = hmac.digest(k, v, "sha256")


def sign(digest: bytes, secret: int) -> tuple[int, int, int]:
    """(r, s, odd) with s in the lower half."""
    for k in _nonces(digest, secret):
        if not 0 < k < N:
            continue
        x, y = public_key(k)
        r = x % N
        s = pow(k, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N
        if r != x or r == 0 or s == 0:  # r ≥ N would need another recovery id
            continue
        s, odd = (s, y & 1) if s <= HALF_N else (N - s, 1 - (y & 1))
        _remember((digest, r, s, odd), address_of_secret(secret))
        return r, s, odd
    raise AssertionError
