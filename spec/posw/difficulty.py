"""Time and difficulty (section 3).

The rules look at a block and its ancestors: here anything with `number`, `timestamp`, `difficulty` and `parent` (None for genesis).
"""

from itertools import islice
from typing import Any, Iterator

from .params import UINT256_MAX, Params

MTP_ANCESTORS = 10  # T3


def with_ancestors(block: Any) -> Iterator[Any]:
    """The block, its parent, and so on to genesis."""
    while block is not None:
        yield block
        block = block.parent


def median_time_past(block: Any) -> int:
    """T3"""
    times = sorted(b.timestamp for b in islice(with_ancestors(block), 1 + MTP_ANCESTORS))
    return times[len(times) // 2]


def future_limit(p: Params) -> int:
    """T2: seconds that a block may be ahead of the local clock."""
    return max(2 * p.block_time, 15)


def target_of(difficulty: int) -> int:
    """D1; the same formula leads back."""
    return UINT256_MAX // difficulty


def next_difficulty(p: Params, parent: Any, timestamp: int) -> int:
    """D1: the difficulty of a block with this timestamp after `parent`."""
    return min(max(RULES[p.difficulty_rule](p, parent, timestamp), 1), UINT256_MAX)


def _divide_towards_zero(a: int, b: int) -> int:
    return a // b if a >= 0 else -(-a // b)


def asert_target(target_0: int, late: int, tau: int) -> int:
    """D2: the target of a block whose parent is `late` seconds behind the ideal time."""
    x = _divide_towards_zero(late * 65536, tau)
    shifts, f = x >> 16, x % 65536
    factor = 65536 + ((195766423245049 * f + 971821376 * f**2 + 5127 * f**3 + 2**47) >> 48)
    product, exponent = target_0 * factor, shifts - 16
    exponent = min(max(exponent, -600), 600)  # beyond, the result is at a bound anyway
    target = product << exponent if exponent >= 0 else product >> -exponent
    return min(max(target, 1), UINT256_MAX)


def _asert(p: Params, parent: Any, time: int) -> int:
    """D2, with `time` in place of the parent's timestamp."""
    *_, genesis = with_ancestors(parent)
    late = (time - genesis.timestamp) - p.block_time * parent.number
    return target_of(asert_target(target_of(p.difficulty_genesis), late, p.difficulty_blocks * p.block_time))


def asert(p: Params, parent: Any, _timestamp: int) -> int:
    """D2"""
    return _asert(p, parent, parent.timestamp)


def asert_lag(p: Params, parent: Any, _timestamp: int) -> int:
    """D8"""
    lag = min(p.difficulty_blocks // 16, p.window, parent.number)
    ancestor = next(islice(with_ancestors(parent), lag, None))
    return _asert(p, parent, max(ancestor.timestamp + lag * p.block_time, parent.timestamp - lag * p.block_time))


def fixed(p: Params, _parent: Any, _timestamp: int) -> int:
    """D3"""
    return p.difficulty_genesis


def lwma3(p: Params, parent: Any, _timestamp: int) -> int:
    """D4"""
    n, window, block_time = parent.number + 1, p.difficulty_blocks, p.block_time
    if n <= window:
        return p.difficulty_genesis
    blocks = list(islice(with_ancestors(parent), window))[::-1]  # n − N to n − 1
    solve_times = [min(6 * block_time, b.timestamp - b.parent.timestamp) for b in blocks]
    weighted = sum(i * st for i, st in enumerate(solve_times, 1))
    total = sum(b.difficulty for b in blocks)
    result = total * block_time * (window + 1) * 99 // (200 * weighted)
    result = min(max(result, 67 * parent.difficulty // 100), 150 * parent.difficulty // 100)
    if 10 * sum(solve_times[-3:]) < 8 * block_time:
        result = max(result, 108 * parent.difficulty // 100)
    return result


def bitcoin2016(p: Params, parent: Any, _timestamp: int) -> int:
    """D5"""
    n, interval = parent.number + 1, p.difficulty_blocks
    if n % interval:
        return parent.difficulty
    first = next(islice(with_ancestors(parent), interval - 1, None))  # block n − N
    goal = interval * p.block_time
    span = min(max(parent.timestamp - first.timestamp, goal // 4), 4 * goal)
    target = target_of(parent.difficulty) * span // goal
    return target_of(min(max(target, 1), UINT256_MAX))


def homestead(p: Params, parent: Any, timestamp: int) -> int:
    """D6"""
    k = (timestamp - parent.timestamp) // max(1, 6931 * p.block_time // 10000)
    step = parent.difficulty // 2048
    result = parent.difficulty + step if k == 0 else parent.difficulty - step * min(k - 1, 99)
    return max(result, min(p.difficulty_genesis, 131_072))


def step(p: Params, parent: Any, timestamp: int) -> int:
    """D7"""
    change = parent.difficulty // 10
    result = parent.difficulty + change if timestamp - parent.timestamp < p.block_time else parent.difficulty - change
    return max(result, min(p.difficulty_genesis, 65_536))


RULES = {"asert": asert, "fixed": fixed, "lwma3": lwma3, "bitcoin2016": bitcoin2016, "homestead": homestead, "step": step, "asert-lag": asert_lag}
