"""How values stand in the vectors, and a source of reproducible variety."""

from posw.keccak import keccak256


def hexa(data: bytes) -> str:
    return "0x" + data.hex()


class Dice:
    """Numbers from a word and a counter: the same for ever, whatever Python's own generator does."""

    def __init__(self, word: str):
        self.word, self.count = word.encode(), 0

    def bytes(self, size: int) -> bytes:
        result = b""
        while len(result) < size:
            self.count += 1
            result += keccak256(self.word + self.count.to_bytes(8, "big"))
        return result[:size]

    def below(self, limit: int) -> int:
        return int.from_bytes(self.bytes(48), "big") % limit

    def pick(self, options: list):
        return options[self.below(len(options))]
