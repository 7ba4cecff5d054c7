"""The chain file (section 13): JSON in, parameters and genesis allocation out. Strict: a key that is unknown or does nothing is an error."""

import json
import pathlib
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Any, Union

from . import params
from .keccak import keccak256
from .params import NO_ADDRESS, PRESETS, STAKING, UINT64, Params, Upgrade
from .verdict import require

DECIMALS = {"wei": 0, "gwei": 9, "coin": 18, "coins": 18}
EXPONENTS = {"0": 0, "0.5": 1, "1": 2, "1.5": 3, "2": 4, "3": 6}
ACCOUNTS_MAX = STAKES_MAX = 65_536  # P9
MINERS_MAX, MINERS_OF_OWNER_MAX = 65_536, 64  # S3

# Plain values: section, key, field of Params, kind.
FIELDS = (
    ("", "chainId", "chain_id", "number"),
    ("", "blockTime", "block_time", "number"),
    ("", "window", "window", "number"),
    ("", "epoch", "epoch", "number"),
    ("", "unbonding", "unbonding", "number"),
    ("", "maxReorg", "max_reorg", "number"),
    ("", "gasLimit", "gas_limit", "number"),
    ("difficulty", "genesis", "difficulty_genesis", "number"),
    ("stake", "minimum", "stake_min", "amount"),
    ("reward", "initial", "reward_initial", "amount"),
    ("reward", "halving", "reward_halving", "number"),
    ("reward", "tail", "reward_tail", "amount"),
    ("reward", "treasuryShare", "treasury_share", "number"),
    ("reward", "treasury", "treasury", "address"),
    ("fees", "initial", "base_fee_initial", "amount"),
    ("fees", "minimum", "base_fee_min", "amount"),
)
WEIGHT_FIELDS = {
    "power": (("unit", "unit", "amount"), ("min", "min", "number"), ("max", "max", "number"), ("exponent", "exponent_twice", "exponent")),
    "ticket": (("boost", "boost", "number"), ("slots", "slots", "number"), ("price", "price", "amount"), ("ramp", "ramp", "number")),
}


@dataclass(frozen=True)
class GenesisStake:
    miner: bytes
    owner: bytes
    amount: int


@dataclass(frozen=True)
class ChainSpec:
    name: str
    ticker: str
    params: Params
    timestamp: int
    accounts: tuple[tuple[bytes, int], ...]
    stakes: tuple[GenesisStake, ...]

    def supply(self) -> int:
        return sum(balance for _, balance in self.accounts) + sum(stake.amount for stake in self.stakes)


def _refuse(text: str) -> None:
    require(False, "CHAIN_FILE", text)


def _number(key: str, value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,77}", value, re.ASCII):
        return int(value)
    if type(value) is not int or not 0 <= value < 2**63:
        _refuse(f"{key} is not a number")
    return value


def _amount(key: str, value: Any) -> int:
    """Wei of "12.5 coin", "3 gwei", "1000 wei"."""
    match = re.fullmatch(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?[ \t]*(coins?|gwei|wei)", value, re.ASCII) if isinstance(value, str) else None
    if not match:
        _refuse(f"{key} is not an amount with a unit")
    whole, part, unit = match[1], match[2] or "", match[3]
    if len(part) > DECIMALS[unit] or len(whole) > 100:
        _refuse(f"{key} is not a whole number of wei")
    wei = int(whole + part.ljust(DECIMALS[unit], "0"))
    if wei >= 2**256:
        _refuse(f"{key} is not below 2^256 wei")
    return wei


def _address(key: str, value: Any) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        _refuse(f"{key} is not an address")
    digits = value[2:]
    if digits not in (digits.lower(), digits.upper(), _with_checksum(digits.lower())):
        _refuse(f"{key} has a wrong checksum")
    return bytes.fromhex(digits)


def _with_checksum(digits: str) -> str:
    """EIP-55"""
    return "".join(c.upper() if int(h, 16) >= 8 else c for c, h in zip(digits, keccak256(digits.encode()).hex()))


def _name_is_valid(name: Any) -> bool:
    """UTF-8 without control characters"""
    if not isinstance(name, str) or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        return False
    return 1 <= len(name.encode()) <= 32


def _exponent(key: str, value: Any) -> int:
    if not isinstance(value, (str, int)) or str(value) not in EXPONENTS:
        _refuse(f"{key} is not one of {', '.join(EXPONENTS)}")
    return EXPONENTS[str(value)]


READ = {"number": _number, "amount": _amount, "address": _address, "exponent": _exponent}


def _choice(key: str, value: Any, allowed: tuple) -> str:
    if value not in allowed:
        _refuse(f"{key} is not one of {', '.join(allowed)}")
    return value


def _only(section: str, given: Any, allowed: set[str]) -> dict:
    if not isinstance(given, dict):
        _refuse(f"{section or 'the chain file'} is not an object")
    unknown = sorted(set(given) - allowed)
    if unknown:
        _refuse(f"{section}{unknown[0]} is unknown or has no meaning here")
    return given


def _no_twice(pairs: list[tuple[str, Any]]) -> dict:
    result = dict(pairs)
    if len(result) != len(pairs):
        _refuse("a key is given twice")
    return result


def _difficulty(given: dict, p: Params) -> Params:
    rule = _choice("difficulty.rule", given.get("rule", "asert-lag"), params.DIFFICULTY_RULES)
    key, blocks = {
        "asert": ("halfLife", 144),
        "asert-lag": ("halfLife", 1008),
        "lwma3": ("blocks", min(60, p.window)),
        "bitcoin2016": ("blocks", min(2016, p.window)),
    }.get(rule, (None, 0))
    _only("difficulty.", given, {"rule", "genesis"} | ({key} if key else set()))
    if key in given:
        blocks = _number(key, given[key])
    return replace(p, difficulty_rule=rule, difficulty_blocks=blocks)


def _weight(given: dict, p: Params) -> Params:
    if "preset" in given and "rule" in given:
        _refuse("weight.preset and weight.rule are both given")
    if "rule" in given:
        rule = _choice("weight.rule", given["rule"], params.WEIGHT_RULES)
        values = {"weight_rule": rule} | {field: 0 for fields in WEIGHT_FIELDS.values() for _, field, _ in fields}
        missing = [key for key, _, _ in WEIGHT_FIELDS[rule] if key not in given and key != "ramp"]
        if missing:
            _refuse(f"weight.{missing[0]} is missing")
    else:
        values = dict(PRESETS[_choice("weight.preset", given.get("preset", "ticket"), tuple(PRESETS))])
        rule = values["weight_rule"]
        values.pop("window", None)
    fields = WEIGHT_FIELDS[rule]
    _only("weight.", given, {"preset", "rule"} | {key for key, _, _ in fields})
    for key, field, kind in fields:
        if key in given:
            values[field] = READ[kind](f"weight.{key}", given[key])
    return replace(p, **values)


def _fees(given: dict, p: Params) -> Params:
    rule = _choice("fees.base", given.get("base", "burn"), params.FEE_RULES)
    _only("fees.", given, {"base", "initial", "minimum"} | ({"poolBlocks"} if rule == "pool" else set()))
    if rule == "pool" and "poolBlocks" not in given:
        _refuse("fees.poolBlocks is missing")
    return replace(p, fees=rule, pool_blocks=_number("fees.poolBlocks", given.get("poolBlocks", 0)))


def _values(file: dict, fields: tuple) -> dict[str, Any]:
    values = {}
    for section, key, field, kind in fields:
        given = file.get(section, {}) if section else file
        if isinstance(given, dict) and key in given:
            values[field] = READ[kind](key, given[key])
    return values


UPGRADE_FIELDS = tuple(field for field in FIELDS if field[2] in ("gas_limit", "base_fee_min", "treasury", "treasury_share"))


def _upgrades(given: Any, p: Params) -> tuple[Upgrade, ...]:
    """U1"""
    if not isinstance(given, list):
        _refuse("upgrades is not a list")
    result: list[Upgrade] = []
    named = p.treasury != NO_ADDRESS or p.treasury_share > 0  # an address to which a share can go
    for item in given:
        for key in ("height", "name"):
            if key not in _only("upgrades.", item, {"height", "name", "gasLimit", "fees", "reward"}):
                _refuse(f"upgrades.{key} is missing")
        if not _name_is_valid(item["name"]):
            _refuse("upgrades.name has 1 to 32 bytes of UTF-8 without control characters")
        _only("upgrades.fees.", item.get("fees", {}), {"minimum"})
        named = named or "treasury" in _only("upgrades.reward.", item.get("reward", {}), {"treasury", "treasuryShare"})
        changes = _values(item, UPGRADE_FIELDS)
        if changes.get("treasury_share") and not named:
            _refuse("upgrades.reward.treasury is missing")
        result.append(Upgrade(_number("height", item["height"]), item["name"], tuple(changes.items())))
    return tuple(result)


def _allocation(file: dict) -> tuple[tuple, tuple]:
    given = file.get("accounts", {})
    if not isinstance(given, dict) or not isinstance(file.get("stakes", []), list):
        _refuse("accounts is an object, stakes a list")
    accounts = tuple((_address("accounts", key), _amount(key, value)) for key, value in given.items())
    if len({address for address, _ in accounts}) != len(accounts):
        _refuse("an account is listed twice")
    if any(address == STAKING for address, _ in accounts):
        _refuse("what the staking contract holds is listed under stakes")
    stakes = []
    for stake in file.get("stakes", []):
        if set(_only("stakes.", stake, {"miner", "owner", "amount"})) != {"miner", "owner", "amount"}:
            _refuse("a stake has miner, owner and amount")
        stakes.append(GenesisStake(_address("miner", stake["miner"]), _address("owner", stake["owner"]), _amount("amount", stake["amount"])))
    return accounts, tuple(stakes)


def _check_allocation(spec: ChainSpec) -> None:
    """P9, with S3 for every stake"""
    require(len(spec.accounts) <= ACCOUNTS_MAX and len(spec.stakes) <= STAKES_MAX, "PARAMS_ALLOC", "too many")
    miners_of: dict[bytes, set[bytes]] = {}
    for stake in spec.stakes:
        require(stake.amount >= spec.params.stake_min, "PARAMS_ALLOC", "a stake is below the minimum")
        require(stake.miner != NO_ADDRESS, "PARAMS_ALLOC", "a stake has no miner")
        miners_of.setdefault(stake.owner, set()).add(stake.miner)
    require(all(len(miners) <= MINERS_OF_OWNER_MAX for miners in miners_of.values()), "PARAMS_ALLOC", "too many miners of one owner")
    require(len({stake.miner for stake in spec.stakes}) <= MINERS_MAX, "PARAMS_ALLOC", "too many miners")


def read(chainfile: Union[dict, str, pathlib.Path]) -> ChainSpec:
    """A chain file that keeps all rules P1 to P9 and U1. Raises Invalid."""
    if isinstance(chainfile, pathlib.Path):
        chainfile = chainfile.read_text("utf-8")
    if isinstance(chainfile, str):
        try:
            chainfile = json.loads(chainfile, object_pairs_hook=_no_twice)
        except ValueError as error:
            _refuse(f"not JSON: {error}")
    top = {key for section, key, _, _ in FIELDS if not section}
    file = _only("", chainfile, top | {"name", "ticker", "pow", "timestamp", "difficulty", "weight", "stake", "reward", "fees", "upgrades", "accounts", "stakes"})
    for key in ("name", "ticker", "chainId", "timestamp"):
        if key not in file:
            _refuse(f"{key} is missing")
    if not _name_is_valid(file["name"]):
        _refuse("name has 1 to 32 bytes of UTF-8 without control characters")
    if not isinstance(file["ticker"], str) or not re.fullmatch("[A-Z0-9]{1,6}", file["ticker"]):
        _refuse("ticker has 1 to 6 of A-Z and 0-9")
    _only("stake.", file.get("stake", {}), {"minimum"})
    reward = _only("reward.", file.get("reward", {}), {"initial", "halving", "tail", "treasury", "treasuryShare"})
    p = Params(pow=_choice("pow", file.get("pow", "argon2id"), params.POWS))
    weight = file.get("weight", {})
    if isinstance(weight, dict) and weight.get("preset") == "quarkchain":  # W6: it brings its window
        p = replace(p, window=PRESETS["quarkchain"]["window"])
    p = replace(p, **_values(file, FIELDS))
    for reader, section in ((_difficulty, "difficulty"), (_weight, "weight"), (_fees, "fees")):
        given = file.get(section, {})
        if not isinstance(given, dict):
            _refuse(f"{section} is not an object")
        p = reader(given, p)
    if p.treasury_share and "treasury" not in reward:
        _refuse("reward.treasury is missing")
    p = replace(p, upgrades=_upgrades(file.get("upgrades", []), p))
    timestamp = _number("timestamp", file["timestamp"])
    if timestamp >= UINT64:
        _refuse("timestamp is too large")
    accounts, stakes = _allocation(file)
    spec = ChainSpec(file["name"], file["ticker"], p, timestamp, accounts, stakes)
    params.check(p, spec.supply())
    _check_allocation(spec)
    return spec
