"""The ticket window (W4), counted afresh from the ancestors each time. A node keeps counters; they must agree with this."""

from itertools import islice
from typing import Any

from .difficulty import with_ancestors
from .params import Params


def tickets_used(p: Params, parent: Any, miner: bytes) -> int:
    """W4: B of a miner for the block after `parent`. Blocks have `boosted`, `mtp`, `beneficiary` and `parent`."""
    unlocked_after = 2 * p.window * p.block_time  # time unlock, in seconds of median time past
    return sum(
        1
        for block in islice(with_ancestors(parent), p.window)  # n − W to n − 1
        if block.boosted and block.beneficiary == miner and parent.mtp - block.mtp <= unlocked_after
    )
