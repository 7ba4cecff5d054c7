"""The books of a state (S2, S9): every coin is in one place, and every word of the staking contract belongs to something."""
from posw.params import STAKING
from posw.staking import (ALL_MINERS, EXITS, FEE_POOL, LOW64, LOW128, MINER_COUNT, SIGNER, STAKE, TOTAL_IN_EXIT, TOTAL_STAKE, deposit_slot, m,
                          miners_of, open_exits)
from posw.state import SUPPLY_SLOT


class _Reader:
    """Words that were asked for."""

    def __init__(self, state):
        self.state, self.seen = state, set()

    def word(self, slot):
        self.seen.add(slot)
        return self.state.word(slot)


def _members(books, listing):
    """Of a list of miners; places are those of the members."""
    members = listing.members(books)
    assert len(set(members)) == len(members) == books.word(listing.count), "S2: a miner twice in a list"
    for place, miner in enumerate(members, 1):
        assert books.word(m(miner, listing.place)) == place, "S2: a wrong place"
    return members


def _deposits(books, owner):
    """{miner: amount} of one owner; the latest two epochs' deposits are part of it, the newest first."""
    found = {}
    for miner in _members(books, miners_of(owner)):
        d = deposit_slot(owner, miner)
        found[miner], newest, before = books.word(d), books.word(d + 1), books.word(d + 2)
        assert found[miner] >= (newest & LOW128) + (before & LOW128), "S2: the parts are more than the deposit"
        assert newest & LOW128 or not newest and not before, "S2: an empty newest deposit"
        assert before & LOW128 or not before, "S2: an epoch without an amount"
        assert not before or before >> 128 < newest >> 128, "S2: deposits out of order"
    return found


def _in_exit(books, owner):
    exits, word = open_exits(books, owner), books.word(m(owner, EXITS))
    assert word == 0 or word >> 64 < word & LOW64, "S2: an empty range of exits"
    blocks = [unlock for _, unlock, _ in exits]
    assert blocks == sorted(set(blocks)) and all(amount for _, _, amount in exits), "S4: exits out of order"
    return sum(amount for _, _, amount in exits)


def check(state, owners):
    """AssertionError where something does not add up. owners: beside all who have an account."""
    books, stakes = _Reader(state), {}
    owners = set(owners) | set(state.addresses())
    assert state.sum_of_balances() == books.word(SUPPLY_SLOT), "S9"
    held = [books.word(slot) for slot in (TOTAL_STAKE, TOTAL_IN_EXIT, FEE_POOL)]
    assert state.balance(STAKING) == sum(held), "S1: the contract holds what it owes"
    for owner in owners:
        for miner, amount in _deposits(books, owner).items():
            stakes[miner] = stakes.get(miner, 0) + amount
    members = _members(books, ALL_MINERS)
    assert {miner: books.word(m(miner, STAKE)) for miner in members} == stakes and all(stakes.values()), "S2: stakes and deposits differ"
    assert sum(stakes.values()) == held[0] and len(stakes) == books.word(MINER_COUNT), "S2: the total stake"
    assert sum(_in_exit(books, owner) for owner in owners) == held[1], "S2: the total in exit"
    signers = {m(owner, SIGNER) for owner in owners}
    assert all(slot in books.seen or slot in signers for slot in state.words()), "S2: a word that belongs to nothing"
