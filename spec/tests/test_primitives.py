"""Keccak, ECDSA and tries against themselves and known values."""

import unittest

from posw import secp256k1
from posw.build import Key
from posw.keccak import keccak256, keccak256_pure
from posw.trie import EMPTY_ROOT, Trie, verify_proof
from vectors.forms import Dice


class Keccak(unittest.TestCase):
    def test_known(self):
        for data, digest in (
            (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
            (b"\x80", "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
            (b"\xc0", "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"),
            (b"Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
        ):
            self.assertEqual(keccak256_pure(data).hex(), digest)
            self.assertEqual(keccak256(data).hex(), digest)

    def test_both_ways_agree(self):
        for size in (1, 31, 64, 134, 135, 136, 137, 271, 272, 273, 600):
            data = Dice("keccak").bytes(size)
            self.assertEqual(keccak256(data), keccak256_pure(data))


class Ecdsa(unittest.TestCase):
    def test_known_addresses(self):
        """The first two development keys that every Ethereum tool knows."""
        for secret, address in (
            (0xAC0974BEC39A17E36BA4A6B4D238FF944BACB478CBED5EFCAE784D7BF4F2FF80, "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"),
            (0x59C6995E998F97A5A0044966F0945389DC9E86DAE88C7A8412F4603B6B78690D, "70997970c51812dc3a010c7d01b50e0d17dc79c8"),
        ):
            self.assertEqual(Key(secret).address.hex(), address)

    def test_rfc_6979(self):
        """Key 1, SHA-256 of a known sentence: the published nonce gives this r."""
        digest = bytes.fromhex("a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e")  # "Satoshi Nakamoto"
        r, s, _ = secp256k1.sign(digest, 1)
        self.assertEqual(r, 0x934B1EA10A4B3C1757E2B0C017D0B6143CE3C9A7E6A4A49860D7A6AB210EE3D8)
        self.assertEqual(s, 0x2442CE9D2B916064108014783E923EC36B49743E2FFA1C4496F01A512AAFD9E5)

    def test_what_sign_remembers_is_what_recover_finds(self):
        dice = Dice("sign")
        for _ in range(30):
            secret, digest = 1 + dice.below(secp256k1.N - 1), dice.bytes(32)
            r, s, odd = secp256k1.sign(digest, secret)
            self.assertLessEqual(s, secp256k1.HALF_N)
            self.assertEqual(secp256k1.recover_anew(digest, r, s, odd), Key(secret).address)
            self.assertEqual(secp256k1.recover_anew(digest, r, secp256k1.N - s, 1 - odd), Key(secret).address)
            self.assertNotEqual(secp256k1.recover_anew(digest, r, s, 1 - odd), Key(secret).address)

    def test_multiples_of_the_generator(self):
        """The table, the endomorphism and plain addition give the same points."""
        point = None
        for k in range(1, 40):
            point = secp256k1._add_affine(point, secp256k1.G)
            self.assertEqual(secp256k1._to_affine(point), secp256k1.public_key(k))
        for k in (2, 3, secp256k1.LAMBDA, secp256k1.N - 1, 2**255, 2**128 + 1):
            self.assertEqual(secp256k1._to_affine(secp256k1._multiply(secp256k1.G, k)), secp256k1.public_key(k))

    def test_no_signature(self):
        digest = bytes(32)
        for r, s, odd in ((0, 1, 0), (1, 0, 0), (secp256k1.N, 1, 0), (1, secp256k1.N, 0), (1, 1, 2), (5, 1, 0)):
            self.assertIsNone(secp256k1.recover_anew(digest, r, s, odd))
        r = secp256k1.G[0]  # R = G, s = the digest: the key would be the point at infinity
        self.assertIsNone(secp256k1.recover_anew((7).to_bytes(32, "big"), r, 7, secp256k1.G[1] & 1))


class Tries(unittest.TestCase):
    def test_any_order_and_removal(self):
        """A trie knows its pairs, not their history; proofs show each value and each absence."""
        dice, pairs, top = Dice("trie"), {}, Trie()
        for _ in range(400):
            key = dice.bytes(1 + dice.below(2))
            value = b"" if dice.below(3) == 0 else dice.bytes(1 + dice.below(50))
            pairs[key] = value
            top = top.put(key, value)
        kept = {key: value for key, value in pairs.items() if value}
        fresh = Trie()
        for key in sorted(kept, key=lambda key: keccak256(key)):
            fresh = fresh.put(key, kept[key])
        self.assertEqual(top.root(), fresh.root())
        for key in pairs:
            self.assertEqual(top.get(key), pairs[key])
            self.assertEqual(verify_proof(top.root(), key, top.prove(key)), pairs[key])
        for key in kept:
            top = top.put(key, b"")
        self.assertEqual(top.root(), EMPTY_ROOT)

    def test_old_versions_stay(self):
        first = Trie().put(b"a", b"1")
        root = first.root()
        second = first.put(b"a", b"2").put(b"ab", b"3")
        self.assertEqual((first.root(), first.get(b"a")), (root, b"1"))
        self.assertEqual((second.get(b"a"), second.get(b"ab")), (b"2", b"3"))


if __name__ == "__main__":
    unittest.main()
