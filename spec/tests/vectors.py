"""Reading tests/vectors."""

import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "tests" / "vectors"


def load(path: str):
    return json.loads((FOLDER / path).read_text())


def lines(path: str) -> list[str]:
    return (FOLDER / path).read_text().splitlines()


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
