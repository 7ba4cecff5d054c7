"""The parameters of a chain (section 1), the presets (W6), its upgrades (section 11) and the canonical parameters (section 10)."""

from dataclasses import dataclass, replace
from typing import Any

from . import rlp
from .verdict import require

COIN = 10**18
GWEI = 10**9
UINT64 = 2**64
UINT256_MAX = 2**256 - 1
STAKING = bytes.fromhex("00000000000000000000000000000000706f7377")  # S1
NO_ADDRESS = bytes(20)

POWS = ("keccak256", "argon2id", "randomx")  # in the order of C1
DIFFICULTY_RULES = ("asert", "fixed", "lwma3", "bitcoin2016", "homestead", "step", "asert-lag")
WEIGHT_RULES = ("power", "ticket")
FEE_RULES = ("burn", "pool")


@dataclass(frozen=True)
class Upgrade:
    """U1: what changes from a height on, as fields of Params."""

    height: int
    name: str
    changes: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Params:
    """Times in seconds or blocks, amounts in wei. The defaults are those of the chain file. Where a rule does not use a parameter, it is 0."""

    chain_id: int = 1
    pow: str = "argon2id"
    block_time: int = 15  # T
    window: int = 2016  # W
    epoch: int = 1008  # E
    unbonding: int = 40320  # U
    max_reorg: int = 504  # R
    difficulty_rule: str = "asert-lag"
    difficulty_blocks: int = 1008  # half-life, window or interval N
    difficulty_genesis: int = 1024  # D₀
    weight_rule: str = "ticket"
    unit: int = 0
    min: int = 0
    max: int = 0
    exponent_twice: int = 0
    boost: int = 1024  # M
    slots: int = 4
    price: int = 0  # fixed price; 0: derived
    ramp: int = 0
    stake_min: int = COIN
    reward_initial: int = 2 * COIN
    reward_halving: int = 4_204_800
    reward_tail: int = COIN // 10
    treasury: bytes = NO_ADDRESS
    treasury_share: int = 0  # of 10,000
    fees: str = "burn"
    pool_blocks: int = 0
    base_fee_initial: int = GWEI
    base_fee_min: int = GWEI
    gas_limit: int = 30_000_000
    upgrades: tuple[Upgrade, ...] = ()


def _power(maximum: int, exponent_twice: int) -> dict:
    return {
        "weight_rule": "power", "unit": 1000 * COIN, "min": 1, "max": maximum, "exponent_twice": exponent_twice,
        "boost": 0, "slots": 0, "price": 0, "ramp": 0,
    }  # fmt: skip


def _ticket(slots: int, boost: int, price: int) -> dict:
    return {
        "weight_rule": "ticket", "unit": 0, "min": 0, "max": 0, "exponent_twice": 0,
        "boost": boost, "slots": slots, "price": price, "ramp": 0,
    }  # fmt: skip


PRESETS: dict[str, dict] = {  # W6
    "pow": _power(1, 0),
    "linear": _power(1_000_000, 2),
    "sqrt": _power(1_000_000, 1),
    "quadratic": _power(1_000_000, 4),
    "diode": _power(50, 4),
    "ticket": _ticket(4, 1024, 0),
    "quarkchain": _ticket(1, 20, 1000 * COIN) | {"window": 256},
}


def with_preset(params: Params, preset: str) -> Params:
    return replace(params, **PRESETS[preset])


def at(p: Params, n: int) -> Params:
    """U2: the parameters as block n has them."""
    for upgrade in p.upgrades:
        if upgrade.height <= n:
            p = replace(p, **dict(upgrade.changes))
    return p


def _changing(p: Params) -> tuple:
    """What an upgrade may change, as far as it has an effect."""
    return p.gas_limit, p.base_fee_min, p.treasury_share, p.treasury if p.treasury_share else NO_ADDRESS


def _check_upgrades(p: Params) -> None:
    """U1"""
    require(len(p.upgrades) <= 16, "PARAMS_UPGRADE", "too many")
    height, before = 0, p
    for upgrade in p.upgrades:
        after = replace(before, **dict(upgrade.changes))
        require(height < upgrade.height < 2**40, "PARAMS_UPGRADE", "height")
        require(5000 <= after.gas_limit < 2**63 and 0 < after.base_fee_min < UINT64, "PARAMS_UPGRADE", "P6")
        require(after.treasury_share <= 10_000, "PARAMS_UPGRADE", "P8")
        require(not (after.treasury_share and after.treasury == STAKING), "PARAMS_UPGRADE", "P8")
        require(_changing(after) != _changing(before), "PARAMS_UPGRADE", "changes nothing")
        height, before = upgrade.height, after


def subsidy(p: Params, n: int) -> int:
    """R1"""
    halvings = n // p.reward_halving if p.reward_halving else 0
    halved = p.reward_initial >> halvings if halvings < 256 else 0
    return max(halved, p.reward_tail)


def subsidies_until(p: Params, last: int) -> int:
    """The sum of subsidy(n) for n from 1 to last (for P5), by runs of equal subsidies."""
    total, n = 0, 1
    while n <= last:
        amount = subsidy(p, n)
        if p.reward_halving and amount > p.reward_tail:
            run_end = min(last, (n // p.reward_halving + 1) * p.reward_halving - 1)
        else:
            run_end = last  # it does not fall any more
        total += amount * (run_end - n + 1)
        n = run_end + 1
    return total


def check(p: Params, genesis_supply: int) -> None:
    """Raises Invalid with the first rule that is broken, in the order of their numbers."""
    require(1 <= p.chain_id < 2**31 - 18, "PARAMS_CHAIN_ID")  # P1
    require(1 <= p.block_time <= 3600, "PARAMS_RANGE", "blockTime")  # P2
    require(2 <= p.window <= 65_536, "PARAMS_RANGE", "window")
    require(1 <= p.epoch <= 65_536, "PARAMS_RANGE", "epoch")
    require(1 <= p.max_reorg <= p.epoch, "PARAMS_RANGE", "maxReorg")
    require(p.unbonding <= 2**24, "PARAMS_RANGE", "unbonding")
    blocks = p.difficulty_blocks
    if p.difficulty_rule in ("asert", "asert-lag"):
        require(1 <= blocks <= 2**24, "PARAMS_RANGE", "half-life")
    elif p.difficulty_rule == "lwma3":
        require(6 <= blocks <= min(p.window, 1024), "PARAMS_RANGE", "N of lwma3")
    elif p.difficulty_rule == "bitcoin2016":
        require(2 <= blocks <= p.window, "PARAMS_RANGE", "N of bitcoin2016")
    require(p.unbonding // p.epoch * p.epoch >= p.window, "PARAMS_TICKET_LOCK")  # P3
    require(p.unbonding >= 2 * p.epoch, "PARAMS_UNBONDING")  # P4
    require(p.unbonding >= p.epoch + p.max_reorg, "PARAMS_UNBONDING")
    require(genesis_supply + subsidies_until(p, 2**40) < 2**128, "PARAMS_SUPPLY")  # P5
    require(1 <= p.difficulty_genesis < 2**256, "PARAMS_GENESIS", "difficulty")  # P6
    require(5000 <= p.gas_limit < 2**63, "PARAMS_GENESIS", "gasLimit")
    require(0 < p.base_fee_min <= p.base_fee_initial < UINT64, "PARAMS_GENESIS", "base fee")
    if p.weight_rule == "power":  # P7
        require(p.unit >= 1, "PARAMS_WEIGHT", "unit")
        require(1 <= p.min <= p.max < UINT64, "PARAMS_WEIGHT", "min, max")
        require(p.exponent_twice in (0, 1, 2, 3, 4, 6), "PARAMS_WEIGHT", "exponent")
    else:
        require(1 <= p.boost < UINT64, "PARAMS_WEIGHT", "boost")
        require(p.slots >= 1, "PARAMS_WEIGHT", "slots")
        require(p.price < 2**128, "PARAMS_WEIGHT", "price")
        require(p.ramp < 2**32, "PARAMS_WEIGHT", "ramp")
    require(p.stake_min >= 1, "PARAMS_ECONOMY", "minimum stake")  # P8
    require(p.treasury_share <= 10_000, "PARAMS_ECONOMY", "treasuryShare")
    require(p.reward_halving < 2**40, "PARAMS_ECONOMY", "halving")
    require(p.pool_blocks < 2**40, "PARAMS_ECONOMY", "poolBlocks")
    require(p.fees == "burn" or p.pool_blocks >= 1, "PARAMS_ECONOMY", "poolBlocks")
    require(not (p.treasury_share and p.treasury == STAKING), "PARAMS_ECONOMY", "treasury")
    _check_upgrades(p)


def canonical(p: Params) -> bytes:
    """C1: what the genesis block commits to; upgrades are no part of it (U3)."""
    power, ticket, pool = p.weight_rule == "power", p.weight_rule == "ticket", p.fees == "pool"
    has_blocks = p.difficulty_rule in ("asert", "asert-lag", "lwma3", "bitcoin2016")
    return rlp.encode([
        1, p.chain_id, POWS.index(p.pow), p.block_time, p.window, p.epoch, p.unbonding, p.max_reorg,
        DIFFICULTY_RULES.index(p.difficulty_rule), p.difficulty_blocks if has_blocks else 0,
        WEIGHT_RULES.index(p.weight_rule),
        p.unit if power else 0, p.min if power else 0, p.max if power else 0, p.exponent_twice if power else 0,
        p.boost if ticket else 0, p.slots if ticket else 0, p.price if ticket else 0, p.ramp if ticket else 0,
        p.stake_min, p.reward_initial, p.reward_halving, p.reward_tail,
        p.treasury if p.treasury_share else NO_ADDRESS, p.treasury_share,
        FEE_RULES.index(p.fees), p.pool_blocks if pool else 0, p.base_fee_min,
    ])  # fmt: skip
