"""Against the official vectors in tests/vectors (sources and licences there)."""

import hashlib
import unittest
from dataclasses import replace

from posw import difficulty, execution, header as headers, rlp, secp256k1, trie, tx as txs
from posw.keccak import keccak256
from posw.params import Params
from posw.verdict import Invalid
from tests.vectors import FOLDER, lines, load, unhex
from vectors.rules import Place


def rlp_input(value):
    """The notation of ethereum/tests: '#' before numbers beyond JSON's, text as bytes."""
    if isinstance(value, list):
        return [rlp_input(member) for member in value]
    if isinstance(value, str):
        return int(value[1:]) if value.startswith("#") else value.encode("latin-1")
    return value


def as_items(value):
    if isinstance(value, list):
        return [as_items(member) for member in value]
    return rlp.from_int(value) if isinstance(value, int) else value


class Rlp(unittest.TestCase):
    def test_valid(self):
        for name, case in load("rlp/rlptest.json").items():
            with self.subTest(name):
                value = rlp_input(case["in"])
                self.assertEqual(rlp.encode(value), unhex(case["out"]))
                self.assertEqual(rlp.decode(unhex(case["out"])), as_items(value))

    def test_invalid(self):
        for name, case in load("rlp/invalidRLPTest.json").items():
            with self.subTest(name), self.assertRaises(rlp.RlpError):
                rlp.decode(unhex(case["out"]))

    def test_split_agrees_with_decode(self):
        data = rlp.encode([b"a", [], [b"bcd", [b"e" * 60]], b""])
        self.assertEqual([rlp.decode(member) for member in rlp.split(data)], rlp.decode(data))


class Trie(unittest.TestCase):
    def check_roots(self, file, secure):
        for name, case in load(f"TrieTests/{file}").items():
            pairs = case["in"].items() if isinstance(case["in"], dict) else case["in"]
            top = trie.Trie()
            for key, value in pairs:
                key, value = (unhex(text) if text and text.startswith("0x") else (text or "").encode() for text in (key, value))
                top = top.put(keccak256(key) if secure else key, value)
            with self.subTest(f"{file} {name}"):
                self.assertEqual(top.root(), unhex(case["root"]))

    def test_roots(self):
        for file in ("trietest.json", "trieanyorder.json"):
            self.check_roots(file, False)
        for file in ("trietest_secureTrie.json", "trieanyorder_secureTrie.json", "hex_encoded_securetrie_test.json"):
            self.check_roots(file, True)

    def test_lists(self):
        for case in load("trie/lists.json"):
            self.assertEqual(trie.list_root([unhex(item) for item in case["items"]]), unhex(case["root"]), case["name"])

    def test_proofs(self):
        for case in load("trie/proofs.json"):
            root, key, proof = unhex(case["root"]), keccak256(unhex(case["key"])), [unhex(node) for node in case["proof"]]
            self.assertEqual(trie.verify_proof(root, key, proof), unhex(case["value"]))
            if len(proof) > 1:
                with self.assertRaises(ValueError):
                    trie.verify_proof(root, key, proof[:-1])


class Transactions(unittest.TestCase):
    def judge(self, envelope: bytes) -> txs.Tx:
        """As far as a transaction can be judged alone, on Ethereum's own chain, which takes unprotected ones and creations."""
        tx = txs.decode(envelope)
        txs.check_signature(tx)
        gas = tx.intrinsic_gas + (0 if tx.to else 32_000)
        fits = tx.gas_limit >= gas and tx.tip <= tx.max_fee and tx.nonce < txs.NONCE_MAX and tx.gas_limit * tx.max_fee < 2**256
        if not fits or tx.chain_id not in (None, 1):
            raise Invalid("TX_INVALID")
        return tx

    def test_london(self):
        cases = load("transactions/london.json")
        self.assertGreater(len(cases), 200)
        for name, case in cases.items():
            with self.subTest(name):
                if "exception" in case:
                    with self.assertRaises(Invalid):
                        self.judge(unhex(case["txbytes"]))
                    continue
                tx = self.judge(unhex(case["txbytes"]))
                self.assertEqual((tx.hash, tx.sender), (unhex(case["hash"]), unhex(case["sender"])))
                self.assertEqual(tx.envelope, unhex(case["txbytes"]))
                if tx.to:
                    self.assertEqual(tx.intrinsic_gas, int(case["intrinsicGas"], 16))


class Headers(unittest.TestCase):
    def test_london_chain(self):
        data, blocks = (FOLDER / "chain/london.rlp").read_bytes(), []
        while data:
            end = rlp.member(data, 0, len(data))[2]
            blocks.append(rlp.decode(data[:end]))
            data = data[end:]
        london = blocks[1:-1]
        for block, following in zip(london, blocks[2:]):
            header = headers.from_item(block[0])
            self.assertEqual(header.hash, following[0][0])
            envelopes = [rlp.encode(tx) if isinstance(tx, list) else tx for tx in block[1]]
            self.assertEqual(header.transactions_root, execution.transactions_root(envelopes))
        for parent, block in zip(london, london[1:]):
            parent, header = headers.from_item(parent[0]), headers.from_item(block[0])
            p = replace(Params(), gas_limit=parent.gas_limit, base_fee_min=0)
            self.assertEqual(header.base_fee, execution.next_base_fee(p, 0, parent.base_fee, parent.gas_used))


class Difficulty(unittest.TestCase):
    def test_asert_runs(self):
        limit = self.expand(0x1D00FFFF)
        for run in range(1, 9):
            anchor, count = {}, 0
            for line in lines(f"asert/run{run:02}"):
                if line.startswith("##"):
                    key, _, value = line[2:].strip().partition(": ")
                    anchor[key] = value
                elif line and not line.startswith("#"):
                    _, height, time, bits = line.split()
                    late = int(time) - int(anchor["anchor parent time"]) - 600 * (int(height) - int(anchor["anchor height"]) + 1)
                    target = difficulty.asert_target(self.expand(int(anchor["anchor nBits"], 16)), late, 172_800)
                    self.assertEqual(self.compact(min(target, limit)), int(bits, 16), f"run {run}: {line}")
                    count += 1
            self.assertEqual(count, int(anchor["iterations"]))

    @staticmethod
    def expand(bits: int) -> int:
        size, word = bits >> 24, bits & 0x7FFFFF
        return word << 8 * (size - 3) if size > 3 else word >> 8 * (3 - size)

    @staticmethod
    def compact(target: int) -> int:
        size = (target.bit_length() + 7) // 8
        word = target >> 8 * (size - 3) if size > 3 else target << 8 * (3 - size)
        return (size + 1) << 24 | word >> 8 if word & 0x800000 else size << 24 | word

    def test_homestead(self):
        """D6 at T = 15 is Ethereum's rule without its bomb."""
        p = replace(Params(), difficulty_rule="homestead", block_time=15, difficulty_genesis=2**40)
        for line in lines("difficulty/homestead.txt"):
            number, parent_difficulty, parent_time, _, time, expected = [int(word, 0) for word in line.split()]
            bomb = 2 ** (number // 100_000 - 2) if number >= 200_000 else 0
            parent = Place(None, number - 1, parent_time, parent_difficulty)
            self.assertEqual(difficulty.next_difficulty(p, parent, time) + bomb, expected, line)


class Ecdsa(unittest.TestCase):
    def test_wycheproof(self):
        """A valid signature recovers to its key with one parity; the key of an invalid one is found with none. (That s is low is not recover's business.)"""
        checked = 0
        for group in load("wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json")["testGroups"]:
            key = unhex(group["publicKey"]["uncompressed"])[1:]
            address = keccak256(key)[12:]
            for case in group["tests"]:
                numbers = self.strict_der(unhex(case["sig"]))
                if numbers is None or numbers[1] > secp256k1.HALF_N:
                    self.assertEqual(case["result"], "invalid", case)
                    continue
                digest = hashlib.sha256(unhex(case["msg"])).digest()
                found = [secp256k1.recover_anew(digest, *numbers, odd) for odd in (0, 1)]
                if case["result"] == "invalid" or address in found:
                    self.assertEqual(address in found, case["result"] == "valid", case)
                    checked += 1
                else:  # r stands for x = r + n: outside of what Ethereum can express
                    self.assertLess(numbers[0], secp256k1.P - secp256k1.N)
        self.assertGreater(checked, 150)

    @staticmethod
    def strict_der(data: bytes) -> tuple[int, int] | None:
        def number(at: int) -> tuple[int, int] | None:
            if data[at : at + 1] != b"\x02" or at + 2 > len(data):
                return None
            size, body = data[at + 1], data[at + 2 : at + 2 + data[at + 1]]
            if not 0 < size < 0x80 or len(body) != size or body[0] >= 0x80 or (size > 1 and body[0] == 0 and body[1] < 0x80):
                return None
            return int.from_bytes(body, "big"), at + 2 + size

        if len(data) < 8 or data[0] != 0x30 or data[1] != len(data) - 2 or data[1] >= 0x80:
            return None
        first = number(2)
        second = number(first[1]) if first else None
        return (first[0], second[0]) if second and second[1] == len(data) else None


if __name__ == "__main__":
    unittest.main()
