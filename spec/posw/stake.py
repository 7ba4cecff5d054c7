"""Epochs, the stake table, its Merkle sum tree, the stake root in force and stake proofs (section 5, E)."""

from dataclasses import dataclass
from functools import cached_property

from .keccak import keccak256
from .params import Params

EMPTY_TREE = bytes(32)  # E3
SIBLINGS_MAX = 16  # E5: 65,536 leaves

Summed = tuple[bytes, int]  # a node of the tree: hash, sum of stake


def epoch_of(p: Params, number: int) -> int:
    """E1"""
    return number // p.epoch


def snapshot_number(p: Params, number: int) -> int:
    """E1: the block whose state has the table in force for block `number`."""
    e = epoch_of(p, number)
    return 0 if e <= 1 else (e - 1) * p.epoch - 1


def active_from(p: Params, number: int) -> int:
    """S3: the first block for which a deposit made in block `number` counts."""
    return (number // p.epoch + 2) * p.epoch


@dataclass(frozen=True)
class Entry:
    """E2"""

    miner: bytes
    signer: bytes
    stake: int

    def leaf(self) -> Summed:
        """E3"""
        return keccak256(b"\x00" + self.miner + self.signer + self.stake.to_bytes(16, "big")), self.stake


def join(left: Summed, right: Summed) -> Summed:
    """E3"""
    text = b"\x01" + left[0] + left[1].to_bytes(16, "big") + right[0] + right[1].to_bytes(16, "big")
    return keccak256(text), left[1] + right[1]


def stake_root(epoch: int, supply: int, total: int, tree_root: bytes) -> bytes:
    """E4"""
    return keccak256(epoch.to_bytes(8, "big") + supply.to_bytes(32, "big") + total.to_bytes(32, "big") + tree_root)


@dataclass(frozen=True)
class StakeProof:
    """E5. A sibling is (hash, sum, whether it is on the left)."""

    supply: int
    total: int
    signer: bytes
    stake: int
    siblings: tuple[tuple[bytes, int, bool], ...]

    def is_valid(self, epoch: int, miner: bytes, root: bytes) -> bool:
        """E5"""
        sums = [self.stake] + [s for _, s, _ in self.siblings]
        if len(self.siblings) > SIBLINGS_MAX or self.stake == 0 or min(sums) < 0 or sum(sums) >= 2**128 or not 0 <= self.supply < 2**256:
            return False
        node = Entry(miner, self.signer, self.stake).leaf()
        for sibling_hash, sibling_sum, on_left in self.siblings:
            sibling = sibling_hash, sibling_sum
            node = join(sibling, node) if on_left else join(node, sibling)
        return node[1] == self.total and stake_root(epoch, self.supply, self.total, node[0]) == root


@dataclass(frozen=True)
class StakeTable:
    """E2: entries by ascending miner, and the supply (S9) at the snapshot."""

    entries: tuple[Entry, ...]
    supply: int

    @cached_property
    def levels(self) -> list[list[Summed]]:
        """E3: the leaves first; the last level is the root alone. Empty for an empty table."""
        levels = [[entry.leaf() for entry in self.entries]] if self.entries else []
        while levels and len(levels[-1]) > 1:
            below = levels[-1]
            above = [join(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            levels.append(above + below[len(above) * 2 :])  # an odd last one goes up unchanged
        return levels

    @cached_property
    def root(self) -> bytes:
        """E3"""
        return self.levels[-1][0][0] if self.entries else EMPTY_TREE

    @cached_property
    def total(self) -> int:
        """E2"""
        return sum(entry.stake for entry in self.entries)

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {entry.miner: i for i, entry in enumerate(self.entries)}

    def get(self, miner: bytes) -> Entry | None:
        place = self._places.get(miner)
        return None if place is None else self.entries[place]

    def stake_of(self, miner: bytes) -> int:
        """S of section 4: 0 if absent."""
        entry = self.get(miner)
        return entry.stake if entry else 0

    def signer_of(self, miner: bytes) -> bytes:
        """H8"""
        entry = self.get(miner)
        return entry.signer if entry else miner

    def root_in_force(self, epoch: int) -> bytes:
        """E4"""
        return stake_root(epoch, self.supply, self.total, self.root)

    def prove(self, miner: bytes) -> StakeProof | None:
        """E5; None if the miner is not in the table."""
        place = self._places.get(miner)
        if place is None:
            return None
        entry, siblings = self.entries[place], []
        for level in self.levels[:-1]:
            other = place ^ 1
            if other < len(level):
                siblings.append((*level[other], other < place))
            place //= 2
        return StakeProof(self.supply, self.total, entry.signer, entry.stake, tuple(siblings))
