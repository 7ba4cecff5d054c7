"""The weight F of a beneficiary (section 4): how much easier its seal may be than the base target."""

from math import isqrt

from .params import Params


def power_weight(p: Params, stake: int) -> int:
    """W1"""
    u = min(max(stake // p.unit, p.min), p.max)
    if p.exponent_twice % 2 == 0:
        return u ** (p.exponent_twice // 2)
    return isqrt(u**p.exponent_twice)


def ticket_price(p: Params, supply: int) -> int:
    """W3: c, with the supply of the snapshot in force. 0 under `power` (S7)."""
    if p.weight_rule == "power":
        return 0
    if p.price:
        return p.price
    return max(1, supply // (p.slots * p.window))


def boost(p: Params, number: int) -> int:
    """W5: M′ for block `number`."""
    if number < p.ramp:
        return 1 + (p.boost - 1) * number // p.ramp
    return p.boost


def greatest(p: Params, number: int) -> int:
    """H10: the F that no stake exceeds at this height."""
    return power_weight(p, p.max * p.unit) if p.weight_rule == "power" else boost(p, number)


def weight(p: Params, number: int, stake: int, supply: int, tickets_used: int) -> int:
    """W1, W2: F of a beneficiary with this active stake for block `number`. `tickets_used` is B (W4); `power` does not look at it."""
    if p.weight_rule == "power":
        return power_weight(p, stake)
    has_ticket = stake // ticket_price(p, supply) > tickets_used  # W2
    return boost(p, number) if has_ticket else 1
