"""The golden vectors are what the specification gives."""

import unittest

import make_vectors


class Vectors(unittest.TestCase):
    def test_files(self):
        for name, make in make_vectors.MAKERS.items():
            with self.subTest(name):
                self.assertEqual((make_vectors.FOLDER / f"{name}.json").read_text(), make_vectors.text_of(make()))

    def test_size(self):
        self.assertLess(sum(path.stat().st_size for path in make_vectors.FOLDER.glob("*.json")), 1_000_000)


if __name__ == "__main__":
    unittest.main()
