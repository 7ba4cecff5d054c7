"""The Merkle Patricia trie. A `Trie` is a value: `put` gives a new one that shares what did not change, and every node remembers its encoding, so
that old states stay readable and a new root costs the changed paths only.

A key is a string of nibbles (a `bytes` with values 0 to 15). A node is None (empty), a leaf, an extension or a branch.
"""

from dataclasses import dataclass
from typing import Union

from . import rlp
from .keccak import keccak256

EMPTY_ROOT = keccak256(rlp.encode(b""))


def nibbles_of(key: bytes) -> bytes:
    return bytes.fromhex("0" + "0".join(key.hex())) if key else b""


def _hex_prefix(path: bytes, is_leaf: bool) -> bytes:
    """The path packed into bytes, with a first nibble that tells a leaf (2) and an odd length (1)."""
    flag = 2 if is_leaf else 0
    head = bytes([flag + 1]) + path if len(path) % 2 else bytes([flag, 0]) + path
    return bytes([high << 4 | low for high, low in zip(head[::2], head[1::2])])


class Node:
    """Encoding and reference are made once."""

    __slots__ = ("_encoding", "_reference")

    def members(self) -> list[bytes]:
        raise NotImplementedError

    def encoding(self) -> bytes:
        try:
            return self._encoding
        except AttributeError:
            self._encoding = rlp.encode_list(self.members())
            return self._encoding

    def reference(self) -> bytes:
        """How the parent names the node, encoded: itself if it is shorter than 32 bytes, else its hash."""
        try:
            return self._reference
        except AttributeError:
            encoding = self.encoding()
            self._reference = encoding if len(encoding) < 32 else b"\xa0" + keccak256(encoding)
            return self._reference


class Leaf(Node):
    __slots__ = ("path", "value")

    def __init__(self, path: bytes, value: bytes):
        self.path, self.value = path, value

    def members(self) -> list[bytes]:
        return [rlp.encode(_hex_prefix(self.path, True)), rlp.encode(self.value)]


class Extension(Node):
    __slots__ = ("path", "child")

    def __init__(self, path: bytes, child: "Branch"):
        self.path, self.child = path, child

    def members(self) -> list[bytes]:
        return [rlp.encode(_hex_prefix(self.path, False)), self.child.reference()]


class Branch(Node):
    __slots__ = ("children", "value")

    def __init__(self, children: tuple, value: bytes):
        self.children, self.value = children, value

    def members(self) -> list[bytes]:
        return [child.reference() if child else b"\x80" for child in self.children] + [rlp.encode(self.value)]


AnyNode = Union[None, Leaf, Extension, Branch]
_NO_CHILDREN: tuple = (None,) * 16


def _common(a: bytes, b: bytes) -> int:
    n = 0
    for x, y in zip(a, b):
        if x != y:
            break
        n += 1
    return n


def _with_child(branch: Branch, i: int, child: AnyNode) -> Branch:
    return Branch(branch.children[:i] + (child,) + branch.children[i + 1 :], branch.value)


def _put(node: AnyNode, path: bytes, value: bytes) -> Node:
    if node is None:
        return Leaf(path, value)
    if isinstance(node, Branch):
        if not path:
            return Branch(node.children, value)
        return _with_child(node, path[0], _put(node.children[path[0]], path[1:], value))
    shared = _common(node.path, path)
    if shared == len(node.path):
        if isinstance(node, Extension):
            return Extension(node.path, _put(node.child, path[shared:], value))
        if shared == len(path):
            return Leaf(path, value)
    branch = Branch(_NO_CHILDREN, b"")  # where the paths part
    if isinstance(node, Leaf):
        branch = _put(branch, node.path[shared:], node.value)
    else:
        below = node.path[shared + 1 :]
        branch = _with_child(branch, node.path[shared], Extension(below, node.child) if below else node.child)
    branch = _put(branch, path[shared:], value)
    return Extension(path[:shared], branch) if shared else branch


def _joined(path: bytes, child: Node) -> Node:
    """The node that stands for `child` below `path`: paths are never split without need."""
    if isinstance(child, Leaf):
        return Leaf(path + child.path, child.value)
    if isinstance(child, Extension):
        return Extension(path + child.path, child.child)
    return Extension(path, child) if path else child


def _remove(node: AnyNode, path: bytes) -> AnyNode:
    if node is None:
        return None
    if isinstance(node, Leaf):
        return None if node.path == path else node
    if isinstance(node, Extension):
        if path[: len(node.path)] != node.path:
            return node
        child = _remove(node.child, path[len(node.path) :])
        return node if child is node.child else _joined(node.path, child)
    if path:
        child = _remove(node.children[path[0]], path[1:])
        if child is node.children[path[0]]:
            return node
        node = _with_child(node, path[0], child)
    else:
        node = Branch(node.children, b"")
    used = [i for i, child in enumerate(node.children) if child]
    if len(used) + bool(node.value) > 1:
        return node
    return _joined(bytes(used), node.children[used[0]]) if used else Leaf(b"", node.value)


@dataclass(frozen=True)
class Trie:
    top: AnyNode = None

    def put(self, key: bytes, value: bytes) -> "Trie":
        """An empty value removes the key."""
        path = nibbles_of(key)
        return Trie(_put(self.top, path, value) if value else _remove(self.top, path))

    def get(self, key: bytes) -> bytes:
        node, path = self.top, nibbles_of(key)
        while node is not None:
            if isinstance(node, Branch):
                if not path:
                    return node.value
                node, path = node.children[path[0]], path[1:]
            elif isinstance(node, Leaf):
                return node.value if node.path == path else b""
            elif path[: len(node.path)] == node.path:
                node, path = node.child, path[len(node.path) :]
            else:
                break
        return b""

    def root(self) -> bytes:
        return EMPTY_ROOT if self.top is None else keccak256(self.top.encoding())

    def prove(self, key: bytes) -> list[bytes]:
        """The encodings of the nodes on the way to the key (or to where it would be), from the root, without those inside their parent."""
        node, path, proof = self.top, nibbles_of(key), []
        while node is not None:
            if not proof or len(node.encoding()) >= 32:
                proof.append(node.encoding())
            if isinstance(node, Branch):
                node, path = (node.children[path[0]], path[1:]) if path else (None, path)
            elif isinstance(node, Extension) and path[: len(node.path)] == node.path:
                node, path = node.child, path[len(node.path) :]
            else:
                break
        return proof


def root_of(pairs: dict[bytes, bytes]) -> bytes:
    trie = Trie()
    for key, value in pairs.items():
        trie = trie.put(key, value)
    return trie.root()


def list_root(items: list[bytes]) -> bytes:
    """The root over a list: keys are the RLP of the position (transactions and receipts of a block)."""
    return root_of({rlp.encode(i): item for i, item in enumerate(items)})


def verify_proof(root: bytes, key: bytes, proof: list[bytes]) -> bytes:
    """The value that the proof shows for the key (b"": it is absent). ValueError if it shows nothing."""
    path, reference, rest = nibbles_of(key), root, list(proof)
    if root == EMPTY_ROOT and not proof:
        return b""
    while True:
        if isinstance(reference, list):  # inside its parent
            node = reference
        else:
            if not rest or keccak256(rest[0]) != reference:
                raise ValueError("the proof breaks off")
            node = rlp.decode(rest.pop(0))
        if len(node) == 17:
            if not path:
                return node[16]
            reference, path = node[path[0]], path[1:]
        else:
            head = nibbles_of(node[0])
            part = head[1:] if head[0] & 1 else head[2:]
            if path[: len(part)] != part:
                return b""
            path = path[len(part) :]
            if head[0] & 2:
                return node[1] if not path else b""
            reference = node[1]
        if reference == b"":
            return b""
