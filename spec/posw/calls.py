"""Input for the functions of the staking contract (S3 to S7)."""

from .keccak import keccak256


def encode(signature: str, *arguments: int | bytes) -> bytes:
    """The selector and one word for each argument."""
    words = [(int.from_bytes(a, "big") if isinstance(a, bytes) else a).to_bytes(32, "big") for a in arguments]
    return keccak256(signature.encode())[:4] + b"".join(words)


def stake(miner: bytes) -> bytes:
    return encode("stake(address)", miner)


def unstake(miner: bytes, amount: int) -> bytes:
    return encode("unstake(address,uint256)", miner, amount)


def withdraw() -> bytes:
    return encode("withdraw()")


def set_signer(signer: bytes) -> bytes:
    return encode("setSigner(address)", signer)


def stake_of(miner: bytes) -> bytes:
    return encode("stakeOf(address)", miner)


def stake_of_owner(owner: bytes, miner: bytes) -> bytes:
    return encode("stakeOf(address,address)", owner, miner)


def active_stake_of(miner: bytes) -> bytes:
    return encode("activeStakeOf(address)", miner)


def pending_of(miner: bytes) -> bytes:
    return encode("pendingOf(address)", miner)


def exits_of(owner: bytes) -> bytes:
    return encode("exitsOf(address)", owner)


def signer_of(miner: bytes) -> bytes:
    return encode("signerOf(address)", miner)


def total_stake() -> bytes:
    return encode("totalStake()")


def ticket_price() -> bytes:
    return encode("ticketPrice()")


def weight_of(miner: bytes) -> bytes:
    return encode("weightOf(address)", miner)
