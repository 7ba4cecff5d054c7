#!/usr/bin/env python3
"""Writes tests/vectors/spec/*.json: what this specification says, for other implementations to be held against. See README.md for the formats.

    python3 spec/make_vectors.py            write them
    python3 spec/make_vectors.py --check    make them again and compare; exit 1 on a difference
"""

import argparse
import json
import pathlib
import sys

from vectors import chains, rules

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors" / "spec"
MAKERS = {
    "headers": rules.headers,
    "seals": rules.seals,
    "weights": rules.weights,
    "windows": rules.windows,
    "epochs": rules.epochs,
    "stakes": rules.stakes,
    "difficulties": rules.difficulties,
    "basefees": rules.base_fees,
    "rewards": rules.rewards,
    "lengths": rules.lengths,
    "receipts": rules.receipts,
    "transactions": rules.transactions,
    "genesis": chains.geneses,
    "chain-ticket": chains.ticket_chain,
    "chain-power": chains.power_chain,
    "chain-upgrades": chains.upgrade_chain,
}


def text_of(vectors: dict) -> str:
    """JSON with a case on each line, so that a change is seen in a diff."""
    head = {key: value for key, value in vectors.items() if key != "cases"}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    cases = ",\n".join(json.dumps(case) for case in vectors["cases"])
    return "{\n" + ",\n".join(lines) + ',\n"cases": [\n' + cases + "\n]\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="golden vectors of the specification")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check
    different = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in MAKERS.items():
        path, text = FOLDER / f"{name}.json", text_of(make())
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            different.append(path.name)
    unknown = sorted(path.name for path in FOLDER.glob("*.json") if path.stem not in MAKERS)
    for name in different:
        print(f"{name} is not what the specification gives: run spec/make_vectors.py and look at the difference", file=sys.stderr)
    for name in unknown:
        print(f"{name} is made by nothing: remove it", file=sys.stderr)
    return 1 if different or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
