"""Random transactions: those that fit, those that fail when they run, and those that no block may contain."""
from posw import rlp, secp256k1
from posw.build import calls, sign_tx, state_after
from posw.keccak import keccak256
from posw.params import STAKING, at
from posw.staking import deposit_slot
from posw.tx import Tx

COIN = 10**18
UNKNOWN = [bytes(19) + b"\x01", bytes(20), b"\xee" * 20, STAKING]


class TxMaker:
    """Transactions on the state of one block, in order: nonces follow each other."""

    def __init__(self, rng, chain, parent, keys):
        self.rng, self.chain, self.params, self.keys = rng, chain, chain.params, keys
        self.state, self.base_fee = state_after(chain.params, parent), chain.next_base_fee(parent)
        self.nonces, self.spent = {}, {}
        self.gas_left = self.gas_limit = at(self.params, parent.number + 1).gas_limit

    def nonce(self, key):
        return self.nonces.get(key.address, self.state.nonce(key.address))

    # ---- what is called ----

    def any_address(self):
        return self.rng.choice([k.address for k in self.keys] + UNKNOWN)

    def stake_call(self):
        rng = self.rng
        low = self.params.stake_min
        value = rng.choice((low, low, low + 1, low - 1, 0, 2 * low, COIN, 5 * COIN, 1000 * COIN + 1, 40000 * COIN, 2**124 - 1))
        miner = rng.choice(self.keys).address if rng.random() < 0.9 else self.any_address()
        return calls.stake(miner), value

    def unstake_call(self, owner):
        rng, state, low = self.rng, self.state, self.params.stake_min
        miner = rng.choice(self.keys).address
        for key in rng.sample(self.keys, len(self.keys)):  # one that the owner has staked for, if there is one
            if state.word(deposit_slot(owner.address, key.address)):
                miner = key.address
                break
        have = state.word(deposit_slot(owner.address, miner))
        amounts = (have, have, have - low, have - low + 1, have + 1, have // 2, 1, 0, rng.randint(0, have + 1), 2**256 - 1, 2**128)
        return calls.unstake(miner, max(0, rng.choice(amounts))), 0

    def odd_call(self):
        """Inputs that a wallet would not make."""
        rng = self.rng
        address = rng.choice(self.keys).address
        whole = rng.choice((calls.stake(address), calls.unstake(address, COIN), calls.withdraw(), calls.set_signer(address)))
        kind = rng.randrange(6)
        if kind == 0:
            return rng.randbytes(rng.choice((0, 1, 3, 4, 5, 36, 100)))
        if kind == 1:
            return whole[:rng.randrange(len(whole) + 1)]
        if kind == 2:
            return whole + rng.randbytes(rng.choice((1, 31, 32, 64)))
        if kind == 3:  # an address with dirty high bytes
            return whole[:4] + rng.choice((b"\x01" + bytes(11), bytes(11) + b"\x01")) + whole[16:] if len(whole) > 16 else whole
        if kind == 4:  # a view inside a transaction
            view = rng.choice(("stake_of", "active_stake_of", "pending_of", "exits_of", "signer_of", "weight_of"))
            return getattr(calls, view)(address)
        return rng.choice((calls.total_stake(), calls.ticket_price()))

    def any_call(self, sender):
        """(input, value) for the staking contract."""
        kind = self.rng.random()
        if kind < 0.34:
            return self.stake_call()
        if kind < 0.56:
            return self.unstake_call(sender)
        if kind < 0.68:
            return calls.withdraw(), 0
        if kind < 0.8:
            return calls.set_signer(self.rng.choice([self.any_address(), bytes(20), sender.address])), 0
        return self.odd_call(), self.rng.choice((0, 0, 0, 1, COIN))

    def price_of(self, data):
        """X6, without exits: what to add to the intrinsic gas so that a call fits, most of the time."""
        return {calls.stake(bytes(20))[:4]: 60000, calls.unstake(bytes(20), 0)[:4]: 70000, calls.withdraw()[:4]: 30000 + 6000 * self.rng.choice((0, 1, 2, 8)),
                calls.set_signer(bytes(20))[:4]: 25000}.get(data[:4], 3000)

    def spare_gas(self, key, tx):
        """As much as the block or the balance lets one ask for, or half of it; nothing of it is used."""
        coins = max(0, self.state.balance(key.address) - self.spent.get(key.address, 0) - tx["value"])
        return max(0, min(self.gas_left, coins // max(1, tx["max_fee"])) // self.rng.choice((1, 2)) - 10**6)

    # ---- a whole transaction ----

    def fields(self):
        rng = self.rng
        key = rng.choice(self.keys)
        to_contract = rng.random() < 0.65
        if to_contract:
            data, value = self.any_call(key)
        else:
            data = rng.randbytes(rng.choice((0, 0, 0, 1, 32, 200))) if rng.random() < 0.3 else b""
            value = rng.choice((0, 1, COIN, rng.randrange(10 * COIN), self.state.balance(key.address) // 2, self.state.balance(key.address)))
        kind = rng.choice((0, 1, 2, 2))
        access = ()
        if kind and rng.random() < 0.3:
            access = tuple((self.any_address(), tuple(rng.randbytes(32) for _ in range(rng.randrange(3)))) for _ in range(rng.randrange(3)))
        tip = rng.choice((0, 1, 10**9, self.base_fee))
        max_fee = self.base_fee + rng.choice((0, 0, 1, tip, 10 * tip, self.base_fee))
        tx = {"type": kind, "chain_id": self.params.chain_id, "nonce": self.nonce(key), "tip": min(tip, max_fee) if kind == 2 else max_fee,
              "max_fee": max_fee, "to": STAKING if to_contract else self.any_address(), "value": value, "data": data, "access_list": access}
        exact = intrinsic(tx) + (self.price_of(data) if to_contract else 0)
        tx["gas_limit"] = exact + rng.choice((0, 0, 0, 1, 1000, 100_000, self.spare_gas(key, tx))) - (1 if to_contract and rng.random() < 0.05 else 0)
        return key, tx

    def next(self):
        """An envelope that a block could contain as far as is known here, or None where nothing fits any more."""
        for _ in range(4):
            key, tx = self.fields()
            cost = tx["gas_limit"] * tx["max_fee"] + tx["value"]
            spent = self.spent.get(key.address, 0) + cost
            if intrinsic(tx) <= tx["gas_limit"] <= self.gas_left and spent <= self.state.balance(key.address):
                self.gas_left -= tx["gas_limit"]
                self.nonces[key.address], self.spent[key.address] = tx["nonce"] + 1, spent
                return self.sign(key, tx)
        return None

    @staticmethod
    def sign(key, tx):
        return sign_tx(key, Tx(**tx))

    def calls_of(self, key, data, values, gas=()):
        """One transaction for each call of the contract, from one key, with the gas that it needs (beyond the intrinsic gas; what is not given is enough
        for all but many exits)."""
        out = []
        for i, (one, value) in enumerate(zip(data, values)):
            tx = {"type": 2, "chain_id": self.params.chain_id, "nonce": self.nonce(key), "tip": 0, "max_fee": self.base_fee, "to": STAKING, "value": value,
                  "data": one, "access_list": (), "gas_limit": 0}
            tx["gas_limit"] = intrinsic(tx) + (gas[i] if i < len(gas) else 76000)
            if tx["gas_limit"] > self.gas_left:
                break
            self.gas_left -= tx["gas_limit"]
            self.nonces[key.address] = tx["nonce"] + 1
            out.append(self.sign(key, tx))
        return out

    def many(self, count):
        """Small ones, as many as the richest key can pay."""
        key, out = max(self.keys, key=lambda k: self.state.balance(k.address)), []
        for i in range(min(count, self.state.balance(key.address) // max(1, 25_000 * self.base_fee + 1))):
            to = self.any_address()
            tx = {"type": i % 3, "chain_id": self.params.chain_id, "nonce": self.nonce(key), "tip": self.base_fee, "max_fee": self.base_fee, "to": to,
                  "value": i % 2, "data": b"", "access_list": (), "gas_limit": 21_000 + (3_000 if to == STAKING else 0)}
            self.nonces[key.address] = tx["nonce"] + 1
            out.append(self.sign(key, tx))
        return out

    def several(self, most):
        out = []
        for _ in range(self.rng.choice((0, 0, 1, 1, 2, most))):
            tx = self.next()
            if tx is not None:
                out.append(tx)
        return out


def intrinsic(tx):
    """X3, on its own: the generator needs it before there is a transaction."""
    zeros = tx["data"].count(0)
    keys = sum(len(k) for _, k in tx["access_list"])
    return 21000 + 4 * zeros + 16 * (len(tx["data"]) - zeros) + 2400 * len(tx["access_list"]) + 1900 * keys


# ---- what no block may contain: each returns an envelope ----

def _resign(maker, **changes):
    key, tx = maker.fields()
    tx.update(changes)
    return maker.sign(key, tx)


def wrong_nonce(maker):
    key, tx = maker.fields()
    tx["nonce"] = max(0, tx["nonce"] + maker.rng.choice((-1, 1, 2, 2**64 - 1 - tx["nonce"])))
    tx["gas_limit"] = max(tx["gas_limit"], intrinsic(tx))
    return maker.sign(key, tx)


def no_funds(maker):
    key, tx = maker.fields()
    tx["value"] = maker.rng.choice((maker.state.balance(key.address) - tx["gas_limit"] * tx["max_fee"] + 1, 2**256 - 1, 2**128))
    return maker.sign(key, {**tx, "value": max(0, tx["value"])})


def fee_below_base(maker):
    fee = maker.rng.choice((0, maker.base_fee - 1))
    return _resign(maker, max_fee=fee, tip=fee)


def tip_above_fee(maker):
    return _resign(maker, type=2, tip=maker.base_fee + 1, max_fee=maker.base_fee)


def huge_fee(maker):
    fee = maker.rng.choice((2**256 - 1, 2**200, 2**64))
    return _resign(maker, max_fee=fee, tip=maker.rng.choice((0, fee)) if maker.rng.random() < 0.5 else fee)


def gas_above_block(maker):
    return _resign(maker, gas_limit=maker.rng.choice((maker.gas_limit + 1, 2**64 - 1, 2**63)))


def gas_below_intrinsic(maker):
    key, tx = maker.fields()
    tx["gas_limit"] = maker.rng.choice((intrinsic(tx) - 1, 0, 20999))
    return maker.sign(key, tx)


def wrong_chain(maker):
    return _resign(maker, chain_id=maker.rng.choice((0, maker.params.chain_id + 1, 2**62)))


def creation(maker):
    return _resign(maker, to=b"")


def _parts(maker, kind=None):
    """(type byte, list of items) of a signed transaction."""
    raw = _resign(maker, **({} if kind is None else {"type": kind, "access_list": ()}))
    return (raw[:1], rlp.decode(raw[1:])) if raw[0] < 0x80 else (b"", rlp.decode(raw))


def unprotected(maker):
    """As before EIP-155: v is 27 or 28, over six fields. Its signature is right."""
    _, items = _parts(maker, 0)
    key = maker.rng.choice(maker.keys)
    r, s, odd = key.sign(keccak256(rlp.encode(items[:6])))
    return rlp.encode(items[:6] + [27 + odd, r, s])


def other_type(maker):
    prefix, items = _parts(maker, 2)
    return maker.rng.choice((b"\x00", b"\x03", b"\x04", b"\x7f", b"\x10")) + rlp.encode(items)


def bad_signature(maker):
    """High s, zero or too large r or s, another v."""
    rng = maker.rng
    prefix, items = _parts(maker)
    r, s = (int.from_bytes(i, "big") for i in items[-2:])
    v = int.from_bytes(items[-3], "big")
    odd = v % 2 if prefix else (v - 35) % 2
    base = 0 if prefix else v - odd
    choice = rng.randrange(6)
    if choice == 0:
        s, v = secp256k1.N - s, base + 1 - odd
    elif choice == 1:
        r = rng.choice((0, secp256k1.N, secp256k1.N - 1, 2**256 - 1))
    elif choice == 2:
        s = rng.choice((0, secp256k1.N, secp256k1.HALF_N + 1, 2**256 - 1))
    elif choice == 3:
        v = rng.choice((2, 0, 1, 26, 27, 29, 34, 35, 36, 37, 255, 2**64 - 1, 2**64))
    elif choice == 4:
        r = rng.randrange(1, secp256k1.N)  # half of them are no point of the curve
    else:
        v = base + 1 - odd  # somebody else's signature
    return prefix + rlp.encode(items[:-3] + [v, r, s])


def bad_fields(maker):
    """Canonical RLP of the wrong things."""
    rng = maker.rng
    prefix, items = _parts(maker)
    items = list(items)
    i = rng.randrange(len(items))
    change = rng.randrange(7)
    if change == 0:
        items.pop(i)
    elif change == 1:
        items.insert(i, b"")
    elif change == 2:
        items[i] = b"\x00" + items[i] if isinstance(items[i], bytes) else [[], items[i]]
    elif change == 3:
        items[i] = rng.randbytes(rng.choice((9, 19, 21, 33)))
    elif change == 4:
        items[i] = []
    elif change == 5:
        items[i] = [items[i]]
    elif prefix:
        items[-4] = [[rng.randbytes(rng.choice((19, 20, 21))), [rng.randbytes(rng.choice((31, 32, 33)))]] + [[]] * rng.randrange(2)]
    return prefix + rlp.encode(items)


def bad_bytes(maker):
    """Something else than one canonical encoding."""
    rng = maker.rng
    raw = _resign(maker)
    change = rng.randrange(4)
    if change == 0:
        return raw + rng.choice((b"\x00", b"\x80", raw))
    if change == 1:
        return raw[:rng.randrange(1, len(raw))]
    if change == 2:
        return rng.randbytes(rng.choice((1, 2, 20, 200)))
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1:]


UNFIT = {"nonce": wrong_nonce, "funds": no_funds, "fee below base": fee_below_base, "tip above fee": tip_above_fee, "huge fee": huge_fee,
         "gas above block": gas_above_block, "gas below intrinsic": gas_below_intrinsic, "chain id": wrong_chain, "creation": creation,
         "unprotected": unprotected, "type": other_type, "signature": bad_signature, "fields": bad_fields, "bytes": bad_bytes}
