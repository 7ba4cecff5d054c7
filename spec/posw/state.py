"""Accounts (X1). On this chain the staking contract is the only account with code or storage."""

from . import rlp
from .keccak import keccak256
from .params import STAKING
from .trie import EMPTY_ROOT, Trie

STAKING_CODE = bytes.fromhex("fe706f7377")  # S1
STAKING_NONCE = 1  # S1
NO_CODE = keccak256(b"")
SUPPLY_SLOT = 4  # S2


def slot_key(slot: int) -> bytes:
    """X1: the trie's key of a storage word."""
    return keccak256(slot.to_bytes(32, "big"))


class State:
    """Balances, nonces and the staking contract's words. `copy` is cheap; the tries are brought up to date by `root` alone."""

    def __init__(self) -> None:
        self._accounts: dict[bytes, tuple[int, int]] = {}  # nonce, balance
        self._words: dict[int, int] = {}
        self._account_trie, self._storage_trie = Trie(), Trie()
        self._changed_accounts: set[bytes] = set()
        self._changed_words: set[int] = set()

    def copy(self) -> "State":
        other = State()
        other.restore(self)
        return other

    def restore(self, saved: "State") -> None:
        self._accounts, self._words = dict(saved._accounts), dict(saved._words)
        self._account_trie, self._storage_trie = saved._account_trie, saved._storage_trie
        self._changed_accounts, self._changed_words = set(saved._changed_accounts), set(saved._changed_words)

    # Reading

    def nonce(self, address: bytes) -> int:
        return self._accounts.get(address, (0, 0))[0]

    def balance(self, address: bytes) -> int:
        return self._accounts.get(address, (0, 0))[1]

    def has_code(self, address: bytes) -> bool:
        return address == STAKING

    def word(self, slot: int) -> int:
        """Of the staking contract."""
        return self._words.get(slot, 0)

    def words(self) -> list[int]:
        """The slots of the staking contract whose words are not 0."""
        return sorted(self._words)

    def supply(self) -> int:
        """S9"""
        return self.word(SUPPLY_SLOT)

    def sum_of_balances(self) -> int:
        return sum(balance for _, balance in self._accounts.values())

    def addresses(self) -> list[bytes]:
        return sorted(self._accounts)

    # Writing

    def _set(self, address: bytes, nonce: int, balance: int) -> None:
        assert balance >= 0
        self._changed_accounts.add(address)
        if nonce == 0 and balance == 0:  # X1: EIP-161
            self._accounts.pop(address, None)
        else:
            self._accounts[address] = nonce, balance

    def set_nonce(self, address: bytes, nonce: int) -> None:
        self._set(address, nonce, self.balance(address))

    def add_balance(self, address: bytes, amount: int) -> None:
        """A negative amount takes."""
        self._set(address, self.nonce(address), self.balance(address) + amount)

    def move(self, source: bytes, target: bytes, amount: int) -> None:
        self.add_balance(source, -amount)
        self.add_balance(target, amount)

    def set_word(self, slot: int, value: int) -> None:
        self._changed_words.add(slot)
        if value:
            self._words[slot] = value
        else:
            self._words.pop(slot, None)  # X1: zero deletes

    # Roots

    def _account_rlp(self, address: bytes) -> bytes:
        """X1"""
        if address not in self._accounts:
            return b""
        nonce, balance = self._accounts[address]
        if self.has_code(address):
            return rlp.encode([nonce, balance, self._storage_trie.root(), keccak256(STAKING_CODE)])
        return rlp.encode([nonce, balance, EMPTY_ROOT, NO_CODE])

    def _commit(self) -> None:
        for slot in self._changed_words:
            value = self.word(slot)
            self._storage_trie = self._storage_trie.put(slot_key(slot), rlp.encode(value) if value else b"")
        if self._changed_words:
            self._changed_accounts.add(STAKING)
        for address in self._changed_accounts:
            self._account_trie = self._account_trie.put(keccak256(address), self._account_rlp(address))
        self._changed_words, self._changed_accounts = set(), set()

    def root(self) -> bytes:
        """X1: stateRoot."""
        self._commit()
        return self._account_trie.root()

    def storage_root(self) -> bytes:
        """X1: of the staking contract."""
        self._commit()
        return self._storage_trie.root()

    def prove(self, address: bytes) -> list[bytes]:
        self._commit()
        return self._account_trie.prove(keccak256(address))

    def prove_word(self, slot: int) -> list[bytes]:
        self._commit()
        return self._storage_trie.prove(slot_key(slot))
