"""Random chain files and random parameters.

Lengths are tiny, so that the edges of epochs, windows and the time unlock come every few blocks. Difficulties are such that a block costs a few
hashes, yet span 256 bits: where every miner's weight is huge, a huge difficulty is as cheap as a small one.
"""

from posw.params import STAKING

COIN = 10**18
DIFFICULTY_RULES = ("asert", "fixed", "lwma3", "bitcoin2016", "homestead", "step", "asert-lag")
PRESETS = ("pow", "linear", "sqrt", "quadratic", "diode", "ticket", "quarkchain")
EXPONENTS = ("0", "0.5", "1", "1.5", "2", "3")


def wei(n):
    return f"{n} wei"


def number(n):
    """JSON integers end at 2^63; larger ones are written as text."""
    return n if n < 2**63 else str(n)


def lock(window, epoch):
    """The shortest unbonding time (P3, P4)."""
    return max(2, -(-window // epoch)) * epoch


def random_lengths(rng):
    window = rng.choice((2, 3, 4, 6, 6, 8, 8, 12, 12, 20, 40))
    epoch = rng.choice((1, 1, 2, 3, 4, 5, 8, 10))
    unbonding = lock(window, epoch) + (rng.choice((0, 0, 1, 2, 5)) if rng.random() < 0.97 else 70)
    return {"window": window, "epoch": epoch, "unbonding": unbonding, "maxReorg": rng.randint(1, epoch)}


def random_difficulty(rng, rule, window, genesis):
    out = {"rule": rule, "genesis": number(genesis)}
    if rule == "asert":
        out["halfLife"] = rng.choice((1, 2, 10, 100, 2**24))
    elif rule == "asert-lag":
        out["halfLife"] = rng.choice((1, 15, 16, 100, 8 * window, 16 * window + 15, 1008, 2**24))
    elif rule == "lwma3":
        out["blocks"] = rng.randint(6, window)
    elif rule == "bitcoin2016":
        out["blocks"] = rng.randint(2, window)
    return out


def random_power(rng):
    low = rng.choice((1, 1, 2, 10))
    return {"rule": "power", "unit": wei(rng.choice((1, COIN // 3, COIN, 10 * COIN, 1000 * COIN))), "min": low,
            "max": number(rng.choice((low, low + 1, 50, 10**6, 2**64 - 1))), "exponent": rng.choice(EXPONENTS)}


def random_ticket(rng):
    return {"rule": "ticket", "boost": number(rng.choice((1, 2, 20, 1024, 2**32, 2**64 - 1))),
            "slots": number(rng.choice((1, 1, 2, 4, 100, 2**64 - 1))), "price": wei(rng.choice((0, 0, 1, COIN, 10 * COIN, 1000 * COIN))),
            "ramp": rng.choice((0, 0, 3, 7, 15, 1000, 2**32 - 1))}


def random_weight(rng):
    """(weight section, its name for the statistics, genesis difficulties that go with it)"""
    kind = rng.random()
    if kind < 0.08:  # everybody's weight is huge: all of 256 bits can be had as difficulty
        low = rng.choice((2**63, 2**64 - 1))
        weight = {"rule": "power", "unit": wei(1), "min": str(low), "max": str(2**64 - 1), "exponent": "3"}
        return weight, "power, huge", (2**130, 2**180 + 12345, 2**188)
    if kind < 0.2:
        return random_power(rng), "power, custom", (1, 2, 3, 10, 40)
    if kind < 0.4:
        return random_ticket(rng), "ticket, custom", (1, 2, 3, 10, 40)
    preset = rng.choice(PRESETS)
    return {"preset": preset}, preset, (1, 2, 3, 10, 40)


def random_economy(rng, addresses):
    base = rng.choice(("burn", "pool"))
    low = rng.choice((1, 7, 1000, 10**9))
    first = rng.choice((low, low + 1, 10 * low, 10**9 + low))
    if rng.random() < 0.08:  # at the upper bound of B1
        first = 2**64 - rng.choice((1, 2, 2**40, 2**61))
        low = rng.choice((low, low, first))
    fees = {"base": base, "minimum": wei(low), "initial": wei(first)}
    if base == "pool":
        fees["poolBlocks"] = rng.choice((1, 2, 7, 100, 2**40 - 1))
    reward = {"initial": wei(rng.choice((0, 1, 2 * COIN, 12345678901234567890))), "halving": rng.choice((0, 0, 1, 2, 5, 2**40 - 1)),
              "tail": wei(rng.choice((0, 1, COIN // 10)))}
    if rng.random() < 0.5:
        reward["treasury"] = "0x" + rng.choice(addresses + [bytes(19) + b"\x77"]).hex()
        reward["treasuryShare"] = rng.choice((0, 1, 2500, 3333, 9999, 10000))
    return {"fees": fees, "reward": reward, "stake": {"minimum": wei(rng.choice((1, 1, COIN, 10 * COIN)))}}


def random_allocation(rng, addresses, minimum):
    most = rng.random() < 0.08  # P5 leaves hardly room for more
    accounts = {"0x" + a.hex(): wei(2**125 if most else rng.choice((10**6 * COIN, 10**7 * COIN, 5 * COIN, 0 if rng.random() < 0.1 else COIN))) for a in addresses}
    stakes = []
    for _ in range(rng.choice((0, 1, 2, 3, 5))):
        amount = rng.choice((minimum, minimum + 1, max(minimum, COIN), max(minimum, 3000 * COIN), max(minimum, 123456 * COIN + 789)))
        if most and rng.random() < 0.5:
            amount = 2**124 + rng.choice((0, 1, 12345))
        stakes.append({"miner": "0x" + rng.choice(addresses).hex(), "owner": "0x" + rng.choice(addresses).hex(), "amount": wei(amount)})
    return {"accounts": accounts, "stakes": stakes}


GAS_LIMITS = (5000, 21000, 100_000, 200_000, 500_000, 1_000_000, 30_000_000, 2**62)


def random_upgrades(rng, addresses):
    """At small heights, so that they are passed; some beyond, some right after the other."""
    upgrades, height = [], 0
    for i in range(rng.choice((1, 1, 2, 3, 16))):
        height += rng.choice((1, 1, 2, 3, 5, 40))
        upgrade = {"height": number(height), "name": rng.choice(("up", "\u00e4" * 16))}
        kind = rng.randrange(1, 8)
        if kind & 1:
            upgrade["gasLimit"] = rng.choice(GAS_LIMITS) + i  # never what it was
        if kind & 2:
            upgrade["fees"] = {"minimum": wei(rng.choice((1, 7, 1000, 10**9, 10**12)) + i)}
        if kind & 4:
            upgrade["reward"] = {"treasury": "0x" + rng.choice(addresses + [bytes(19) + b"\x78"]).hex(), "treasuryShare": rng.choice((0, 1, 2500, 9999, 10000))}
        upgrades.append(upgrade)
    return upgrades


def random_chain(rng, addresses):
    """(chain file as a dict, difficulty rule, name of the weight rule)"""
    rule = rng.choice(DIFFICULTY_RULES)
    lengths = random_lengths(rng)
    if rule == "lwma3":
        lengths["window"] = max(6, lengths["window"])
        lengths["unbonding"] = max(lengths["unbonding"], lock(lengths["window"], lengths["epoch"]))
    weight, weight_name, difficulties = random_weight(rng)
    if weight_name == "quarkchain" and rng.random() < 0.5:  # the preset's own window of 256
        del lengths["window"]
        lengths["unbonding"] = max(lengths["unbonding"], lock(256, lengths["epoch"]))
    if rule in ("homestead", "step", "asert-lag") and weight_name in ("ticket", "quarkchain", "diode"):  # where their steps are not all 0
        difficulties += (2050, 3000)
    chain = {"name": rng.choice(("Test", "Kette \u00e4\u00f6\u00fc", "x" * 32)), "ticker": rng.choice(("T", "POSW", "ABC123")), "pow": "keccak256",
             "chainId": rng.choice((1, 1337, 2**31 - 19)), "blockTime": rng.choice((1, 2, 5, 10, 15, 60, 3600)), **lengths,
             "difficulty": random_difficulty(rng, rule, lengths.get("window", 256), rng.choice(difficulties)), "weight": weight,
             "gasLimit": rng.choice(GAS_LIMITS),
             "timestamp": number(rng.choice((0, 1, 1000, 1_790_000_000, 1_790_000_000, 2**63, 2**64 - 10**9))), **random_economy(rng, addresses)}
    minimum = int(chain["stake"]["minimum"].split()[0])
    chain.update(random_allocation(rng, addresses, minimum))
    if rng.random() < 0.5:
        chain["upgrades"] = random_upgrades(rng, addresses)
    return chain, rule, weight_name


# ---- chain files that must be refused, or just not ----

def _set(path, *values):
    def change(rng, chain):
        place = chain
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = rng.choice(values)
    return change


def _drop(*path):
    def change(_rng, chain):
        place = chain
        for key in path[:-1]:
            place = place.get(key, {})
        place.pop(path[-1], None)
    return change


def _stake_below_minimum(_rng, chain):
    address = "0x" + "11" * 20
    chain["stake"] = {"minimum": wei(1000)}
    chain["stakes"] = [{"miner": address, "owner": address, "amount": wei(999)}]


def _too_many_miners_of_one_owner(_rng, chain):
    chain["stakes"] = [{"miner": f"0x{i:040x}", "owner": "0x" + "11" * 20, "amount": wei(10 * COIN)} for i in range(1, 66)]


def _contract_has_account(_rng, chain):
    chain["accounts"]["0x00000000000000000000000000000000706f7377"] = wei(1)


def _contract_is_treasury(rng, chain):
    chain["reward"].update(treasury="0x00000000000000000000000000000000706f7377", treasuryShare=rng.choice((0, 1)))


def _up(height=5, name="up", **changes):
    return {"height": height, "name": name, **(changes or {"gasLimit": 77777})}


UPGRADES = (
    {}, None, [], [5], [{"name": "up", "gasLimit": 6000}], [{"height": 5, "gasLimit": 6000}], [_up(0)], [_up(1)], [_up("1")], [_up("01")], [_up(-1)],
    [_up(2**40 - 1)], [_up(2**40)], [_up(name="")], [_up(name="\u00e4" * 17)], [_up(name="x" * 32)], [_up(name="a\nb")], [_up(name="\u0085")],
    [_up(name="\u00a0")], [_up(name=5)], [_up(gasLimit=4999)], [_up(gasLimit=5000)], [_up(gasLimit=2**63 - 1)], [_up(gasLimit=str(2**63))],
    [_up(fees={"minimum": "0 wei"})], [_up(fees={"minimum": "3 wei"})], [_up(fees={"minimum": f"{2**64 - 1} wei"})], [_up(fees={"minimum": f"{2**64} wei"})],
    [_up(fees={})], [_up(fees=[])], [_up(fees={"initial": "3 wei"})], [_up(reward={"treasuryShare": 77})], [_up(reward={"treasury": "0x" + "77" * 20})],
    [_up(reward={"treasury": "0x" + "77" * 20, "treasuryShare": 77})], [_up(reward={"treasury": "0x" + "77" * 20, "treasuryShare": 10001})],
    [_up(reward={"treasury": "0x00000000000000000000000000000000706f7377", "treasuryShare": 1})], [_up(reward={"tail": "0 wei"})], [_up(window=5)],
    [_up(reward={"treasury": "0x00000000000000000000000000000000706f7377", "treasuryShare": 0})], [_up(), _up()], [_up(), _up(6)], [_up(), _up(6, gasLimit=77778)],
    [_up(6), _up(5, gasLimit=77778)], [_up(i, gasLimit=70000 + i) for i in range(1, 17)], [_up(i, gasLimit=70000 + i) for i in range(1, 18)],
)

CHANGES = (
    _set(("upgrades",), *UPGRADES), _set(("upgrades",), *UPGRADES), _set(("upgrades",), *UPGRADES),
    _set(("chainId",), 0, 2**31 - 18, 2**31 - 19), _set(("blockTime",), 0, 1, 3600, 3601), _set(("window",), 0, 1, 2, 65536, 65537),
    _set(("epoch",), 0, 1, 65536, 65537), _set(("maxReorg",), 0, 1, 1000), _set(("unbonding",), 0, 1, 2**24, 2**24 + 1),
    _set(("gasLimit",), 0, 4999, 5000, 2**63 - 1, str(2**63)), _set(("difficulty", "genesis"), 0, 1, str(2**256 - 1), str(2**256)),
    _set(("difficulty", "halfLife"), 0, 1, 2**24, 2**24 + 1), _set(("difficulty", "blocks"), 0, 1, 5, 6, 40, 1025, 65537),
    _set(("difficulty", "rule"), *DIFFICULTY_RULES, "lwma", 1), _set(("fees", "minimum"), "0 wei", "1 wei", f"{2**64} wei"),
    _set(("fees", "initial"), "0 wei", "1 wei", f"{2**64 - 1} wei", f"{2**64} wei"), _set(("fees", "poolBlocks"), 0, 1, 2**40 - 1, 2**40),
    _set(("reward", "initial"), f"{2**128} wei", f"{2**87} wei", f"{2**88} wei"), _set(("reward", "tail"), f"{2**88} wei", f"{2**87} wei"),
    _set(("reward", "halving"), 2**40 - 1, 2**40), _set(("reward", "treasuryShare"), 10000, 10001), _set(("stake", "minimum"), "0 wei", "1 wei"),
    _set(("accounts", "0x" + "22" * 20), f"{2**128 - 1} wei", f"{2**127} wei", f"{2**128} wei"), _set(("unknown",), 1), _set(("stakes",), {}, []),
    _set(("weight", "preset"), *PRESETS, "none"), _set(("weight", "boost"), 0, 1), _set(("weight", "min"), 0, 1), _set(("weight", "exponent"), "2.5", 2, 4),
    _set(("name",), "", "x" * 33, "\u00e4" * 17, "a\u0001b", "\u0085", 5), _set(("ticker",), "", "ABCDEFG", "abc"), _set(("timestamp",), "5", -1, str(2**64)),
    _drop("weight", "unit"), _drop("weight", "max"), _drop("weight", "boost"), _drop("weight", "price"), _drop("weight", "ramp"),
    _drop("name"), _drop("chainId"), _drop("timestamp"), _drop("difficulty"), _drop("weight"), _drop("stake"), _drop("fees"),
    _set(("blockTime",), "15", "0015", "0x10", 15.0, True, None, " 15", "1e1", "", [15]), _set(("timestamp",), 2**63 - 1, 2**63, 2**64 - 1),
    _set(("stake", "minimum"), "1coin", "1  coin", "1\tcoins", "0.5 wei", "1.0 wei", "1. coin", ".5 coin", "1 Coin", "1", 1, "0.000000000000000001 coin",
         "0.0000000000000000001 coin", "1.000000000 gwei", "1.0000000001 gwei", "-1 wei", "1 wei ", "00000000000000000000000000000000000001 wei"),
    _set(("accounts", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), "1 wei"), _set(("accounts", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), "1 wei"),
    _set(("accounts", "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"), "1 wei"), _set(("accounts", "0X" + "22" * 20), "1 wei"),
    _stake_below_minimum, _too_many_miners_of_one_owner, _contract_has_account, _contract_is_treasury,
)


def broken_chain(rng, chain):
    """One or two changes, most of which make the file invalid."""
    for _ in range(rng.choice((1, 1, 2))):
        try:
            rng.choice(CHANGES)(rng, chain)
        except AttributeError:  # a change of something that an earlier change has replaced
            pass
    return chain


# ---- parameters alone ----

def _near(*values):
    return tuple(v + d for v in values for d in (-1, 0, 1) if v + d >= 0)


PARAMETERS = {
    "chain_id": _near(1, 2**31 - 18), "block_time": _near(1, 3600), "window": _near(2, 65536), "epoch": _near(1, 65536, 1008), "max_reorg": _near(1, 504, 1008),
    "unbonding": _near(0, 1008, 2016, 40320, 2**24), "difficulty_rule": range(7), "difficulty_blocks": _near(1, 2, 6, 144, 1024, 2016, 2**24), "weight_rule": (0, 1),
    "unit": _near(1, COIN, 2**256 - 2), "min": _near(1, 2**64 - 2), "max": _near(1, 2**64 - 2), "exponent_x2": range(8), "boost": _near(1, 2**64 - 2),
    "slots": _near(1, 2**64 - 2), "price": _near(0, 2**128), "ramp": _near(0, 2**32), "stake_min": _near(1, 2**255), "treasury_share": _near(0, 10000),
    "reward": _near(0, 2**88, 2**128, 2**256 - 2), "tail": _near(0, 2**87, 2**88), "halving": _near(0, 1, 256, 2**32, 2**40), "fee_rule": (0, 1),
    "pool_blocks": _near(0, 1, 2**40), "base_fee_min": _near(1, 10**9, 2**64 - 2), "base_fee": _near(1, 10**9, 2**64 - 2),
    "genesis_difficulty": _near(1, 2**256 - 2), "gas_limit": _near(5000, 2**63), "treasury": (bytes(20), b"\x11" * 20),
}
UPGRADE_PARAMETERS = {  # of one upgrade, all together
    "upgrade_height": _near(1, 2**40), "upgrade_gas_limit": _near(5000, 30_000_000, 2**63), "upgrade_base_fee_min": _near(1, 10**9, 2**64 - 2),
    "upgrade_treasury": (bytes(20), b"\x11" * 20, STAKING), "upgrade_treasury_share": _near(0, 0, 10000),
}


def random_params(rng):
    out = {"chain_id": 1337}
    for key in rng.sample(sorted(PARAMETERS), rng.choice((1, 1, 2, 3, 8))):
        out[key] = rng.choice(PARAMETERS[key])
    if rng.random() < 0.3:
        out.update({key: rng.choice(values) for key, values in UPGRADE_PARAMETERS.items()})
    return out
