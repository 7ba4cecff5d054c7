"""Vectors for single rules, by section of doc/protocol.md."""

from dataclasses import dataclass, replace
from typing import Any

from posw import build, difficulty, execution, header as heads, params, rlp, secp256k1, stake, trie, tx as txs, weight, window
from posw.header import Header
from posw.params import COIN, GWEI, PRESETS, UINT256_MAX, Params, subsidy, with_preset
from posw.staking import Log
from posw.verdict import Invalid

from .forms import Dice, hexa

COINS_OF_DIODE = (0, 999, 1000, 1999, 2000, 49_999, 50_000, 99_999)


def _header(dice: Dice, **fields) -> Header:
    random = Header(
        parent_hash=dice.bytes(32), ommers_hash=heads.EMPTY_OMMERS, beneficiary=dice.bytes(20), state_root=dice.bytes(32),
        transactions_root=dice.bytes(32), receipts_root=dice.bytes(32), logs_bloom=dice.bytes(256), difficulty=1 + dice.below(2**40),
        number=dice.below(2**24), gas_limit=30_000_000, gas_used=dice.below(30_000_000), timestamp=1_700_000_000 + dice.below(2**24),
        extra_data=b"\x01" + dice.bytes(32), mix_hash=dice.bytes(32), nonce=dice.bytes(8), base_fee=1 + dice.below(2**40),
    )  # fmt: skip
    return replace(random, **fields)


def headers() -> dict:
    dice, key = Dice("headers"), build.Key.named("headers")
    unsigned = [
        _header(dice),
        _header(dice, number=0, gas_used=0, nonce=bytes(8)),
        _header(dice, difficulty=UINT256_MAX, number=2**64 - 1, gas_limit=2**64 - 1, gas_used=2**64 - 1, timestamp=2**64 - 1, base_fee=2**64 - 1),
        _header(dice, difficulty=1, mix_hash=b"\xff" * 32),
        _header(dice, difficulty=2, mix_hash=bytes(31) + b"\x80"),
        _header(dice, difficulty=2, mix_hash=b"\xff" * 31 + b"\x7f"),
    ]
    cases = []
    for header in [build.resign(header, key) for header in unsigned] + [replace(unsigned[0], extra_data=b"")]:
        signed = len(header.extra_data) == heads.EXTRA_SIZE
        cases.append({
            "header": hexa(heads.encode(header)), "hash": hexa(header.hash), "sealHash": hexa(header.seal_hash), "powInput": hexa(header.pow_input),
            "powHash": hexa(heads.pow_hash("keccak256", header.pow_input)), "signedHash": hexa(header.signed_hash),
            "signer": hexa(header.signer()) if signed else None, "quotient": str(header.quotient), "boosted": header.is_boosted,
        })  # fmt: skip
    return {"about": "H1, H4, H5, H6, H7 (quotient = floor(h * D / 2^256)), H8, H9", "cases": cases}


def seals() -> dict:
    """The edges of h · D < F · 2²⁵⁶."""
    cases = []
    for d in (1, 2, 3, 1000, 2**64 + 1, 2**200 + 12345, UINT256_MAX):
        for f in (1, 2, 20, 1024, 10**12):
            largest = ((f << 256) - 1) // d  # the largest h that meets the target
            for h in sorted({0, 1, largest - 1, largest, largest + 1, UINT256_MAX}):
                if 0 <= h <= UINT256_MAX:
                    mix = h.to_bytes(32, "little")
                    header = _header(Dice("seals"), difficulty=d, mix_hash=mix)
                    cases.append({"mixHash": hexa(mix), "difficulty": str(d), "weight": str(f), "valid": header.quotient < f, "boosted": header.is_boosted})
    return {"about": "H7, H9: mixHash read little-endian is h; valid iff h * difficulty < weight * 2^256", "cases": cases}


def _weight_case(p: Params, preset: str, number: int, stake_wei: int, supply: int, used: int) -> dict:
    return {
        "preset": preset, "rule": p.weight_rule, "unit": str(p.unit), "min": str(p.min), "max": str(p.max), "exponentTwice": p.exponent_twice, "boost": str(p.boost),
        "slots": p.slots, "price": str(p.price), "ramp": p.ramp, "window": p.window, "number": number, "stake": str(stake_wei), "supply": str(supply),
        "ticketsUsed": used, "ticketPrice": str(weight.ticket_price(p, supply)), "weight": str(weight.weight(p, number, stake_wei, supply, used)),
    }  # fmt: skip


def weights() -> dict:
    cases, supply = [], 8_064_000 * COIN
    for preset in PRESETS:
        p = with_preset(Params(), preset)
        price = weight.ticket_price(p, supply) or COIN
        stakes = [coins * COIN for coins in COINS_OF_DIODE] + [1000 * COIN - 1, 10**9 * COIN, 2**128 - 1, price - 1, price, 3 * price, 4 * price - 1]
        cases += [_weight_case(p, preset, 100, s, supply, used) for s in sorted(set(stakes)) for used in ((0, 3) if p.weight_rule == "ticket" else (0,))]
    power = with_preset(Params(), "linear")
    for exponent_twice in (0, 1, 2, 3, 4, 6):
        p = replace(power, unit=7, min=2, max=2**64 - 1, exponent_twice=exponent_twice)
        cases += [_weight_case(p, "", 1, s, 0, 0) for s in (0, 13, 14, 21, 7 * 10**6 + 6, 7 * (2**64 - 1), 7 * 2**64, 2**128 - 1)]
    ramp = replace(Params(), boost=1000, ramp=10)
    cases += [_weight_case(ramp, "", n, supply, supply, 0) for n in (0, 1, 5, 9, 10, 11)]
    cases += [_weight_case(replace(ramp, boost=2**64 - 1, ramp=2**32 - 1), "", n, supply, supply, 0) for n in (1, 2**31, 2**32 - 2, 2**32 - 1)]
    cases += [_weight_case(Params(), "", 1, s, small, 0) for small in (0, 8063, 8064, 16127, 16128) for s in (0, 1, 2)]  # W3: price at least 1
    return {"about": "W1, W2, W3, W5, W6. Amounts in wei; where preset is not empty, the parameters are the preset's", "cases": cases}


@dataclass
class Place:
    """As much of a block as windows and difficulty rules look at."""

    parent: "Place | None"
    number: int
    timestamp: int
    difficulty: int = 1
    beneficiary: bytes = b""
    boosted: bool = False
    mtp: int = 0


def windows() -> dict:
    cases = []
    for w, block_time, gaps in ((4, 10, (1, 12)), (8, 5, (1, 30)), (8, 1, (1, 40)), (16, 2, (1, 5))):
        dice, p = Dice(f"window {w} {block_time}"), replace(Params(), window=w, block_time=block_time)
        miners = [bytes(19) + bytes([i]) for i in (1, 2, 3)]
        tip = Place(None, 0, 1000)
        tip.mtp = difficulty.median_time_past(tip)
        blocks = []
        for n in range(1, 49):
            gap = gaps[0] + dice.below(gaps[1]) + (2 * w * block_time if n % 17 == 0 else 0)  # now and then the window's tickets unlock by time
            tip = Place(tip, n, tip.timestamp + gap, 1, dice.pick(miners), dice.below(3) > 0)
            tip.mtp = difficulty.median_time_past(tip)
            used = [window.tickets_used(p, tip, miner) for miner in miners]
            blocks.append({"timestamp": tip.timestamp, "miner": miners.index(tip.beneficiary), "boosted": tip.boosted, "mtp": tip.mtp, "usedAfter": used})
        cases.append({"window": w, "blockTime": block_time, "miners": [hexa(m) for m in miners], "genesisTimestamp": 1000, "blocks": blocks})
    return {"about": "T3, W4: blocks 1, 2, ... on genesis; mtp of each, and for each miner the tickets used (B) for the block after it", "cases": cases}


def epochs() -> dict:
    cases = []
    for e in (1, 2, 4, 1008, 65_536):
        p = replace(Params(), epoch=e)
        for n in sorted({0, 1, e - 1, e, e + 1, 2 * e - 1, 2 * e, 2 * e + 1, 3 * e - 1, 3 * e, 7 * e + e // 2, 10**12}):
            cases.append({"epoch": e, "number": n, "index": stake.epoch_of(p, n), "snapshot": stake.snapshot_number(p, n), "activeFrom": stake.active_from(p, n)})
    return {"about": "E1, S3: number's epoch, the block whose state has its stake table, the first block for which a deposit in it counts", "cases": cases}


def _proof(proof: stake.StakeProof, miner: bytes, epoch: int, root: bytes) -> dict:
    return {
        "epoch": epoch, "miner": hexa(miner), "signer": hexa(proof.signer), "stake": str(proof.stake), "supply": str(proof.supply), "total": str(proof.total),
        "siblings": [{"hash": hexa(h), "sum": str(s), "left": left} for h, s, left in proof.siblings], "root": hexa(root),
        "valid": proof.is_valid(epoch, miner, root),
    }  # fmt: skip


def _broken_proofs(proof: stake.StakeProof, miner: bytes, epoch: int, root: bytes) -> list[dict]:
    h, s, left = proof.siblings[0]
    rest = proof.siblings[1:]
    changed = [
        replace(proof, stake=proof.stake + 1), replace(proof, supply=proof.supply + 1), replace(proof, total=proof.total + 1),
        replace(proof, stake=proof.stake + 1, total=proof.total + 1), replace(proof, signer=bytes(20)), replace(proof, siblings=rest),
        replace(proof, siblings=((h, s, not left), *rest)), replace(proof, siblings=((h, s + 1, left), *rest)),
        replace(proof, siblings=((h, s + 1, left), *rest), stake=proof.stake - 1), replace(proof, siblings=proof.siblings * 17),
    ]  # fmt: skip
    return [_proof(p, miner, epoch, root) for p in changed] + [_proof(proof, bytes(20), epoch, root), _proof(proof, miner, epoch + 1, root)]


def stakes() -> dict:
    cases = []
    for size in (0, 1, 2, 3, 4, 5, 7, 8, 9, 17, 33, 100):
        dice = Dice(f"stakes {size}")
        entries = []
        for _ in range(size):
            miner = dice.bytes(20)
            entries.append(stake.Entry(miner, dice.pick([miner, dice.bytes(20)]), 1 + dice.below(10 ** dice.pick([1, 18, 24]))))
        table = stake.StakeTable(tuple(sorted(entries, key=lambda entry: entry.miner)), 10**27 + size)
        epoch = dice.pick([0, 1, 7, 2**40])
        root, proofs = table.root_in_force(epoch), []
        for place in sorted({0, 1, size // 2, size - 1} & set(range(size))):
            miner = table.entries[place].miner
            proofs.append(_proof(table.prove(miner), miner, epoch, root))
        if size == 5:
            miner = table.entries[1].miner
            proofs += _broken_proofs(table.prove(miner), miner, epoch, root)
        cases.append({
            "supply": str(table.supply), "entries": [[hexa(e.miner), hexa(e.signer), str(e.stake)] for e in table.entries], "total": str(table.total),
            "treeRoot": hexa(table.root), "epoch": epoch, "root": hexa(root), "proofs": proofs,
        })  # fmt: skip
    return {"about": "E2 to E5: stake tables [miner, signer, stake], tree root, stake root in force, proofs good and bad", "cases": cases}


def _difficulty_run(p: Params, word: str, gaps: list[int], length: int) -> dict:
    """A chain whose next gap is chosen by dice among `gaps`; every block has the difficulty that the rule gives."""
    dice, tip = Dice(word), Place(None, 0, 1_700_000_000, p.difficulty_genesis)
    blocks: list[Any] = []
    for n in range(1, length + 1):
        timestamp = tip.timestamp + dice.pick(gaps)
        tip = Place(tip, n, timestamp, difficulty.next_difficulty(p, tip, timestamp))
        blocks.append([str(timestamp), str(tip.difficulty)])
    return {"rule": p.difficulty_rule, "blocks": p.difficulty_blocks, "blockTime": p.block_time, "genesisDifficulty": str(p.difficulty_genesis),
            "genesisTimestamp": 1_700_000_000, "chain": blocks}  # fmt: skip


def difficulties() -> dict:
    rules_and_blocks = [("asert", 4), ("asert", 144), ("fixed", 0), ("lwma3", 6), ("lwma3", 20), ("bitcoin2016", 2), ("bitcoin2016", 10), ("homestead", 0), ("step", 0), ("asert-lag", 16), ("asert-lag", 128), ("asert-lag", 1008)]
    cases = []
    for rule, blocks in rules_and_blocks:
        for t, d0, gaps in (
            (15, 10**6, [1, 5, 10, 14, 15, 16, 20, 40, 100]),
            (1, 1, [1, 1, 2]),
            (600, 2**200, [1, 300, 600, 599, 601, 1200, 10_000]),
            (15, UINT256_MAX, [1, 1, 1, 15, 300]),
            (10, 131_073, [30, 100, 1000]),
        ):
            p = replace(Params(), difficulty_rule=rule, difficulty_blocks=blocks, block_time=t, difficulty_genesis=d0)
            cases.append(_difficulty_run(p, f"{rule} {blocks} {t} {d0}", gaps, 60 if rule != "fixed" else 3))
    for rule, blocks in (("asert", 1), ("asert-lag", 32)):
        far = replace(Params(), difficulty_rule=rule, difficulty_blocks=blocks, block_time=1)
        cases += [_difficulty_run(replace(far, difficulty_genesis=d), f"far {d}", [1, 2**40, 2**62], 3) for d in (1, 2**128, UINT256_MAX)]
    return {"about": "D1 to D8: chain = [timestamp, difficulty] of blocks 1, 2, ...; blocks = half-life or N of the rule", "cases": cases}


def base_fees() -> dict:
    cases = []
    for gas_limit in (5000, 5001, 30_000_000, 2**63 - 1):
        target = gas_limit // 2
        for minimum in (1, 7, GWEI):
            p = replace(Params(), gas_limit=gas_limit, base_fee_min=minimum)
            for base in sorted({minimum, minimum + 1, 8 * minimum, 10**12, 2**64 - 1}):
                for used in sorted({0, 1, target - 1, target, target + 1, gas_limit}):
                    cases.append([gas_limit, str(minimum), str(base), used, str(execution.next_base_fee(p, 1, base, used))])
    for case in cases:
        case[0], case[3] = str(case[0]), str(case[3])
    return {"about": "B1: [gas limit, minimum, base fee and gas used of the parent, base fee]", "cases": cases}


def lengths() -> dict:
    """P2 to P4 at their edges: every window around the longest that a lock allows, every lock around the shortest."""
    lists = []
    for e in (1, 2, 3, 7, 1008, 65536):
        for u in sorted({u + d for u in (2 * e, 3 * e, 5 * e, 2**24) for d in (-1, 0, 1)}):
            lists += [(w, e, u, e) for w in sorted({w + d for w in (2, u // e * e, e + u) for d in (-1, 0, 1)}) if w <= 65537]
        lists += [(2, e, 2 * e, r) for r in (0, 1, e - 1, e, e + 1)]
    cases = []
    for w, e, u, r in lists:
        try:
            params.check(replace(Params(), chain_id=1, window=w, epoch=e, unbonding=u, max_reorg=r), 0)
            cases.append([w, e, u, r, ""])
        except Invalid as broken:
            cases.append([w, e, u, r, broken.verdict.rule])
    return {"about": "P2, P3, P4: [window, epoch, unbonding, maxReorg, the rule that is broken or nothing]", "cases": cases}


def rewards() -> dict:
    cases = []
    for initial, halving, tail, share in (
        (2 * COIN, 4_204_800, COIN // 10, 0), (5 * COIN, 10, 0, 1000), (7, 3, 1, 3333), (0, 0, 0, 10_000), (3 * COIN, 0, 4 * COIN, 1), (2**127, 1, 0, 0),
    ):  # fmt: skip
        p = replace(Params(), reward_initial=initial, reward_halving=halving, reward_tail=tail, treasury_share=share)
        h = halving or 10
        for n in sorted({1, h - 1, h, h + 1, 2 * h, 5 * h, 127 * h, 255 * h, 256 * h, 10**13}):
            amount = subsidy(p, n)
            cases.append([str(initial), halving, str(tail), share, n, str(amount), str(amount * share // 10_000)])
    return {"about": "R1, R2: [initial, halving, tail, share, number, subsidy, treasury's part]", "cases": cases}


def receipts() -> dict:
    dice, cases, all_receipts = Dice("receipts"), [], []
    for kind, success, log_count in ((0, True, 0), (0, False, 0), (1, True, 1), (2, True, 3), (2, False, 0)):
        logs = tuple(Log(dice.bytes(20), tuple(dice.bytes(32) for _ in range(dice.below(4))), dice.bytes(dice.below(70))) for _ in range(log_count))
        receipt = execution.Receipt(kind, success, 21_000 + dice.below(10**6), 0, execution.bloom_of(logs), logs)
        all_receipts.append(receipt.encode())
        cases.append({
            "type": kind, "success": success, "gasUsedTotal": receipt.gas_used_total,
            "logs": [{"address": hexa(log.address), "topics": [hexa(t) for t in log.topics], "data": hexa(log.data)} for log in logs],
            "bloom": hexa(receipt.bloom), "encoded": hexa(receipt.encode()), "rootUpToThis": hexa(trie.list_root(list(all_receipts))),
        })  # fmt: skip
    return {"about": "X7: receipts; rootUpToThis is the receipts root of a block with the receipts from the first to this one", "cases": cases}


def transactions() -> dict:
    dice, key, cases = Dice("transactions"), build.Key.named("transactions"), []
    for kind in (txs.LEGACY, txs.ACCESS_LIST, txs.DYNAMIC_FEE):
        for chain_id, data, access in ((1, b"", ()), (2**31 - 19, bytes(3) + dice.bytes(40), ((dice.bytes(20), (dice.bytes(32), dice.bytes(32))), (dice.bytes(20), ())))):
            tx = txs.Tx(kind, chain_id, dice.below(2**64 - 1), 7, 7 if kind < 2 else 10**12, 21_000 + dice.below(10**6), dice.bytes(20), dice.below(2**200), data,
                        () if kind == txs.LEGACY else access)  # fmt: skip
            envelope = build.sign_tx(key, tx)
            signed = txs.decode(envelope)
            cases.append({"envelope": hexa(envelope), "hash": hexa(signed.hash), "signingHash": hexa(tx.signing_hash), "sender": hexa(signed.sender),
                          "intrinsicGas": tx.intrinsic_gas, "valid": True})  # fmt: skip
    good = txs.decode(bytes.fromhex(cases[-1]["envelope"][2:]))
    bad = [
        replace(good, s=secp256k1.N - good.s, odd=1 - good.odd), replace(good, r=0), replace(good, s=0), replace(good, r=secp256k1.N), replace(good, odd=2),
        replace(good, to=b""), replace(good, to=bytes(19)), replace(good, nonce=2**64), replace(good, gas_limit=2**64), replace(good, max_fee=2**256),
        replace(good, chain_id=None, type=0, access_list=()), replace(good, type=0, chain_id=2**62 + 1, access_list=()), replace(good, type=3),
    ]  # fmt: skip
    cases += [{"envelope": hexa(tx.envelope), "valid": False} for tx in bad]
    cases += [{"envelope": hexa(envelope), "valid": False} for envelope in (b"", b"\x02", b"\x02\xc0", b"\x01" + rlp.encode([1]), good.envelope + b"\x00", good.envelope[:-1])]
    return {"about": "X2, X3: envelopes; valid tells what form and signature alone can tell (V2, steps 1 and 3)", "cases": cases}
