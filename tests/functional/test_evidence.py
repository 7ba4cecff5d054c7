"""doc/evidence.md: each figure of its tables is what its command prints."""
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
POSW = os.environ["POSW"]
TOLERANCE = 0.011  # of the figure, or of one unit of its last digit


@functools.cache
def ask(command):
    words = shlex.split(command)
    assert words[:2] == ["posw", "lab"], command
    out = subprocess.run([POSW, *words[1:], "--json"], capture_output=True, text=True, timeout=300)
    if out.returncode != 0:
        raise AssertionError(f"{command}: {out.stderr}")
    return json.loads(out.stdout)


def value(answer, key):
    """KEY, or TABLE[NAME].KEY: of the row whose first entry is NAME; of a list the last number."""
    table = re.fullmatch(r"(\w+)\[(\w+)\]\.(\w+)", key)
    if table:
        answer = next(row for row in answer[table[1]] if next(iter(row.values())) == table[2])
        key = table[3]
    v = answer[key]
    return v[-1] if isinstance(v, list) else v


def close(shown, got):
    digits = len(shown.partition(".")[2])
    want = float(shown.replace(",", ""))
    return abs(got - want) <= max(TOLERANCE * abs(want), 0.51 * 10**-digits)


class Evidence(unittest.TestCase):
    def rows(self):
        for line in (ROOT / "doc/evidence.md").read_text().splitlines():
            cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
            if not line.startswith("|") or "`posw lab" not in line:
                continue
            command, *keys = re.findall(r"`([^`]+)`", cells[-1])
            yield cells, command, keys

    def check(self, command, key, shown):
        with self.subTest(command=command, key=key):
            got = value(ask(command), key)
            self.assertTrue(close(shown, got), f"{command}: {key} is {got}, the document says {shown}")

    def test_each_figure(self):
        checked = 0
        for cells, command, keys in self.rows():
            if "RULE" in cells[-1]:  # one column a rule
                for rule, shown in zip(["pow", "quadratic", "ticket"], cells[1:4]):
                    self.check(command.replace("RULE", rule), keys[0].replace("RULE", rule), shown)
                    checked += 1
                continue
            for key, shown in zip(keys, cells[1:-1]):
                self.check(command, key, shown)
                checked += 1
        self.assertGreater(checked, 45)

    def test_the_readme_says_the_same(self):
        """Each figure of README's table of the laboratory stands in a row of doc/evidence.md."""
        text = (ROOT / "README.md").read_text()
        table = text[text.index("of a small chain (coins worth"):].split("\n\n")[1]
        evidence = {n for cells, _, _ in self.rows() for cell in cells[:-1] for n in re.findall(r"[\d,.]*\d", cell)}
        figures = [n for line in table.splitlines()[2:] for cell in line.strip("|").split("|")[1:] for n in re.findall(r"[\d,.]*\d", cell)]
        self.assertGreater(len(figures), 12)
        for n in figures:
            self.assertIn(n, evidence)


if __name__ == "__main__":
    unittest.main()
