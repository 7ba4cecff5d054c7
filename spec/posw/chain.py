"""A node's view of the chain: import, fork choice (section 8), and the order of checks (V2). Written to be read, not to be small in memory: the
state of every executed block is kept.
"""

import pathlib
from typing import Iterator, Union

from . import chainfile as chain_file
from . import difficulty, execution, genesis, header as headers, params, rlp, staking, weight, window
from . import tx as transactions
from .difficulty import with_ancestors
from .header import Header
from .stake import StakeProof, StakeTable, epoch_of, snapshot_number
from .tx import Tx
from .verdict import VALID, Invalid, NotYet, Refused, Verdict, require


EMPTY_LIST = rlp.encode([])


class Block:
    """A block whose header is valid. `state` and `receipts` are None until it is executed."""

    def __init__(self, header: Header, parent: "Block | None", txs: list[Tx], encoded: bytes = b""):
        self.header, self.parent, self.txs, self.bytes = header, parent, txs, encoded
        self.hash, self.number, self.timestamp = header.hash, header.number, header.timestamp
        self.difficulty, self.beneficiary = header.difficulty, header.beneficiary
        self.boosted = header.is_boosted  # H9
        self.mtp = difficulty.median_time_past(self)  # T3
        self.weight = header.difficulty + (parent.weight if parent else 0)  # F1
        self.state = None
        self.receipts = None
        self._table: StakeTable | None = None

    def table(self) -> StakeTable:
        """E2: of the state after this block."""
        if self._table is None:
            self._table = staking.table_of(self.state)
        return self._table


def decode_block(encoded: bytes) -> tuple[Header, list[Tx]]:
    """V2, step 1: size, form of the block, number and form of the transactions."""
    require(len(encoded) <= execution.BLOCK_SIZE_MAX, "BLOCK_SIZE")  # X9
    name = "HEADER_FORM"  # H1
    try:
        is_list, at, end = rlp.member(encoded, 0, len(encoded))
        require(is_list and end == len(encoded), name, "not a list to the last byte")
        _, _, after_header = rlp.member(encoded, at, end)
        header = headers.decode(encoded[at:after_header])
        name = "TX_FORM"  # X2
        is_list, _, after_txs = rlp.member(encoded, after_header, end)
        require(is_list, name, "no list of transactions")
        require(encoded[after_txs : after_txs + 1] == EMPTY_LIST, "OMMERS")  # H2
        require(after_txs + 1 == end, "HEADER_FORM", "a fourth member")
        items = rlp.split(encoded[after_header:after_txs])
        require(len(items) <= header.gas_limit // execution.TX_GAS_MIN, "BLOCK_SIZE", "more transactions than gas")  # X9
        txs = [transactions.from_item(rlp.decode(item)) for item in items]
    except rlp.RlpError as error:
        raise Invalid(name, str(error)) from None
    for tx in txs:
        transactions.check_form(tx)
    return header, txs


def check_header_fields(p, parent: Block, header: Header, root: bytes) -> None:
    """V2, step 5: what is cheap."""
    require(header.number == parent.number + 1 and header.parent_hash == parent.hash, "PARENT")  # H1
    require(header.ommers_hash == headers.EMPTY_OMMERS, "OMMERS")  # H2
    headers.check_extra_data(header)  # H3
    require(header.timestamp > parent.timestamp, "TIME_ORDER")  # T1
    require(header.gas_limit == params.at(p, header.number).gas_limit, "GAS_LIMIT")  # X9, U2
    require(header.gas_used <= header.gas_limit, "GAS_USED")  # X8
    expected = execution.next_base_fee(p, parent.number, parent.header.base_fee, parent.header.gas_used)
    require(header.base_fee == expected, "BASE_FEE")  # B1
    require(header.stake_root == root, "STAKE_ROOT")  # E4
    require(header.difficulty == difficulty.next_difficulty(p, parent, header.timestamp), "DIFFICULTY")  # D1


def check_header_time(p, header: Header, now: int) -> None:
    """T2"""
    if header.timestamp > now + difficulty.future_limit(p):
        raise NotYet("TIME_FUTURE")


class Chain:
    def __init__(self, chainfile: Union[dict, str, pathlib.Path]):
        self.spec = chain_file.read(chainfile)
        self.params = self.spec.params
        self._allow_deep_reorg = False
        state = genesis.genesis_state(self.spec)
        self.genesis = Block(genesis.genesis_header(self.spec, state), None, [])
        self.genesis.state, self.genesis.receipts = state, ()
        self.tip = self.genesis
        self.highest = 0  # F3: number of the highest tip since the start, or since the limit was off
        self.blocks: dict[bytes, Block] = {self.genesis.hash: self.genesis}
        self.condemned: dict[bytes, Verdict] = {}
        self._main: list[Block] = [self.genesis]
        self.change: tuple[list[Block], list[Block]] = ([], [])

    @property
    def allow_deep_reorg(self) -> bool:
        """F3: the limit is off."""
        return self._allow_deep_reorg

    @allow_deep_reorg.setter
    def allow_deep_reorg(self, allow: bool) -> None:
        self._allow_deep_reorg = allow
        self._note_height()

    def _note_height(self) -> None:
        self.highest = self.tip.number if self.allow_deep_reorg else max(self.highest, self.tip.number)

    # Import

    def import_block(self, encoded: bytes, now: int) -> Verdict:
        """Checks a block, keeps it, and moves the tip where F2 says so."""
        self.change = ([], [])
        try:
            header, txs = decode_block(encoded)
            if header.hash in self.condemned:  # V2, step 2
                return self.condemned[header.hash]
            if header.hash in self.blocks:
                return VALID
            self._check_alone(header, txs)
            parent = self._find_parent(header)
            self._check_header(parent, header, now)
            block = Block(header, parent, txs, encoded)
            self.blocks[block.hash] = block
            if block.weight > self.tip.weight:  # F2
                self._execute_branch(block)
                self._switch(block)
        except Refused as refused:
            return refused.verdict
        return VALID

    def _check_alone(self, header: Header, txs: list[Tx]) -> None:
        """V2, step 3: what needs no chain."""
        if len(header.extra_data) == headers.EXTRA_SIZE:
            headers.check_pow(self.params.pow, header)  # H6
        root = execution.transactions_root([tx.envelope for tx in txs])
        require(header.transactions_root == root, "TX_ROOT")  # X8
        for tx in txs:
            transactions.check_signature(tx)  # X2

    def _find_parent(self, header: Header) -> Block:
        """V2, step 4."""
        if header.parent_hash in self.condemned:
            self.condemned[header.hash] = Verdict("invalid", "BAD_ANCESTOR")
            raise Invalid("BAD_ANCESTOR")
        require(header.number != 0, "PARENT")  # H1
        parent = self.blocks.get(header.parent_hash)
        if parent is None:
            raise NotYet("UNKNOWN_PARENT")
        fork = next(block for block in with_ancestors(parent) if self.is_main(block))
        if self.highest - fork.number > self.params.max_reorg and not self.allow_deep_reorg:
            raise NotYet("REORG_DEPTH")  # F3
        return parent

    def _check_header(self, parent: Block, header: Header, now: int) -> None:
        """V2, steps 5 to 7."""
        p = self.params
        try:
            table = self.table(parent.number + 1, parent)  # still step 4
        except Invalid as ancestor:
            self.condemned[header.hash] = ancestor.verdict
            raise
        check_header_fields(p, parent, header, table.root_in_force(epoch_of(p, parent.number + 1)))
        headers.check_target(header, self.weight_of(header.beneficiary, parent))  # H7
        headers.check_signature(header, table.signer_of(header.beneficiary))  # H8
        check_header_time(p, header, now)  # T2

    def _execute_branch(self, last: Block) -> None:
        """V2, step 8: executes what is not executed yet of the branch that ends with `last`. Raises Invalid."""
        unexecuted = []
        for block in with_ancestors(last):
            if block.state is not None:
                break
            unexecuted.append(block)
        for block in reversed(unexecuted):
            try:
                self._execute(block)
            except Invalid as broken:
                self._condemn(block, broken.verdict)
                raise Invalid(self.condemned[last.hash].name, self.condemned[last.hash].text) from None

    def _execute(self, block: Block) -> None:
        """V2, step 8: X2, X3, X4, X8"""
        header = block.header
        result = execution.execute(self.params, block.parent.state, block.number, block.beneficiary, header.base_fee, block.txs)
        require(header.gas_used == result.gas_used, "GAS_USED")
        require(header.logs_bloom == result.bloom, "BLOOM")
        require(header.receipts_root == result.receipts_root, "RECEIPTS_ROOT")
        require(header.state_root == result.state.root(), "STATE_ROOT")
        block.state, block.receipts = result.state, result.receipts

    def _condemn(self, bad: Block, verdict: Verdict) -> None:
        """The block and all its descendants leave; for them it is an invalid ancestor (F2)."""
        leaving = [block for block in self.blocks.values() if any(ancestor is bad for ancestor in with_ancestors(block))]
        for block in leaving:
            del self.blocks[block.hash]
            self.condemned[block.hash] = verdict if block is bad else Verdict("invalid", "BAD_ANCESTOR")

    def _switch(self, block: Block) -> None:
        """F2: `block` becomes the tip."""
        added = []
        for ancestor in with_ancestors(block):
            if self.is_main(ancestor):
                break
            added.append(ancestor)
        removed = self._main[ancestor.number + 1 :]
        del self._main[ancestor.number + 1 :]
        self._main += reversed(added)
        self.tip = block
        self._note_height()
        self.change = (removed[::-1], added[::-1])
        if not removed and len(added) == 1:
            self._forget_deep_branches()

    def _forget_deep_branches(self) -> None:
        """F3: side branches that the tip has left too far behind."""
        for block in list(self.blocks.values()):
            fork = next(ancestor for ancestor in with_ancestors(block) if self.is_main(ancestor))
            if self.highest - fork.number > self.params.max_reorg and fork is not block and not self.allow_deep_reorg:
                del self.blocks[block.hash]

    # Asking

    def is_main(self, block: Block) -> bool:
        return block.number < len(self._main) and self._main[block.number] is block

    def main_chain(self) -> list[Block]:
        return list(self._main)

    def table(self, number: int, parent: Block | None = None) -> StakeTable:
        """E1: the stake table in force for block `number` after `parent`. V2, step 4: a side branch is executed as far as it takes."""
        wanted = snapshot_number(self.params, number)
        snapshot = next(block for block in with_ancestors(parent or self.tip) if block.number == wanted)
        if snapshot.state is None:
            try:
                self._execute_branch(snapshot)
            except Invalid:
                raise Invalid("BAD_ANCESTOR") from None
        return snapshot.table()

    def stake_root(self, number: int, parent: Block | None = None) -> bytes:
        """E4"""
        return self.table(number, parent).root_in_force(epoch_of(self.params, number))

    def next_difficulty(self, timestamp: int, parent: Block | None = None) -> int:
        """D1"""
        return difficulty.next_difficulty(self.params, parent or self.tip, timestamp)

    def next_base_fee(self, parent: Block | None = None) -> int:
        """B1"""
        parent = parent or self.tip
        return execution.next_base_fee(self.params, parent.number, parent.header.base_fee, parent.header.gas_used)

    def tickets_used(self, miner: bytes, parent: Block | None = None) -> int:
        """W4"""
        return window.tickets_used(self.params, parent or self.tip, miner)

    def weight_of(self, miner: bytes, parent: Block | None = None) -> int:
        """W1, W2: F of a miner for the block after `parent`."""
        parent = parent or self.tip
        number = parent.number + 1
        table = self.table(number, parent)
        return weight.weight(self.params, number, table.stake_of(miner), table.supply, self.tickets_used(miner, parent))

    def target_of(self, miner: bytes, timestamp: int, parent: Block | None = None) -> int:
        """H7: the largest h that seals the next block: h · D < F · 2²⁵⁶."""
        limit = self.weight_of(miner, parent) << 256
        return min((limit - 1) // self.next_difficulty(timestamp, parent), 2**256 - 1)

    def proof_of(self, miner: bytes, parent: Block | None = None) -> StakeProof | None:
        """E5: for the block after `parent`."""
        parent = parent or self.tip
        return self.table(parent.number + 1, parent).prove(miner)

    def branch(self, block: Block) -> Iterator[Block]:
        """The block and its ancestors."""
        return with_ancestors(block)
