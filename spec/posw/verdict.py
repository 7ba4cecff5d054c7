"""Verdicts (V1): valid, invalid for ever (with the broken rule), or not yet (with the rule that says what is missing).

The table repeats the one of include/posw/verdict.h: names without POSW_RULE_, and the number in doc/protocol.md. One number has several names where one rule
speaks of several things.
"""

from dataclasses import dataclass

RULES: dict[str, str] = {
    "HEADER_FORM": "H1",
    "OMMERS": "H2",
    "EXTRA_DATA": "H3",
    "POW": "H6",
    "TARGET": "H7",
    "SIGNATURE": "H8",
    "PROOF_MISSING": "H10",
    "PARENT": "H1",
    "TIME_ORDER": "T1",
    "TIME_FUTURE": "T2",
    "DIFFICULTY": "D1",
    "STAKE_ROOT": "E4",
    "STAKE_PROOF": "E5",
    "TX_FORM": "X2",
    "TX_INTRINSIC_GAS": "X3",
    "TX_INVALID": "X4",
    "GAS_LIMIT": "X9",
    "BLOCK_SIZE": "X9",
    "GAS_USED": "X8",
    "TX_ROOT": "X8",
    "RECEIPTS_ROOT": "X8",
    "BLOOM": "X8",
    "STATE_ROOT": "X8",
    "BASE_FEE": "B1",
    "REORG_DEPTH": "F3",
    "BAD_ANCESTOR": "F2",
    "UNKNOWN_PARENT": "F2",
    "PARAMS_CHAIN_ID": "P1",
    "PARAMS_RANGE": "P2",
    "PARAMS_TICKET_LOCK": "P3",
    "PARAMS_UNBONDING": "P4",
    "PARAMS_SUPPLY": "P5",
    "PARAMS_GENESIS": "P6",
    "PARAMS_WEIGHT": "P7",
    "PARAMS_ECONOMY": "P8",
    "PARAMS_ALLOC": "P9",
    "PARAMS_UPGRADE": "U1",
    "CHAIN_FILE": "",  # the chain file's form, which has no numbered rule
}


@dataclass(frozen=True)
class Verdict:
    kind: str  # 'valid', 'invalid', 'not yet'
    name: str = ""
    text: str = ""

    @property
    def rule(self) -> str:
        return RULES[self.name] if self.name else ""

    def __str__(self) -> str:
        return f"{self.kind} {self.rule} {self.name}: {self.text}" if self.name else self.kind


VALID = Verdict("valid")


class Refused(Exception):
    """Ends a check with a verdict that is not 'valid'."""

    kind = ""

    def __init__(self, name: str, text: str = ""):
        self.verdict = Verdict(self.kind, name, text)
        super().__init__(str(self.verdict))

    name = property(lambda self: self.verdict.name)
    rule = property(lambda self: self.verdict.rule)


class Invalid(Refused):
    kind = "invalid"


class NotYet(Refused):
    kind = "not yet"


def require(condition: bool, name: str, text: str = "") -> None:
    if not condition:
        raise Invalid(name, text)
