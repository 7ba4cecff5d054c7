"""What can be told of a header without any state: the checks of a light client, and of a node to which a header came with its stake proof (H10, E5)."""

from typing import Any

from . import header as headers, weight, window
from .chain import check_header_fields
from .header import Header
from .params import Params
from .stake import StakeProof, epoch_of
from .verdict import VALID, NotYet, Refused, Verdict, require


def check_proof(p: Params, parent: Any, header: Header, proof: StakeProof | None) -> None:
    """H7, H8, H10, E5. A missing or wrong proof is 'not yet': it is no part of the header and cannot condemn it."""
    miner = header.beneficiary
    headers.check_target(header, weight.greatest(p, header.number))  # H10, H7: too weak for anybody
    if proof is None:
        if header.quotient >= weight.weight(p, header.number, 0, 0, 0):
            raise NotYet("PROOF_MISSING")  # H10
        require(header.signer() is not None, "SIGNATURE")  # H10, H8
        if header.signer() != miner:
            raise NotYet("PROOF_MISSING")
        return
    if not proof.is_valid(epoch_of(p, header.number), miner, header.stake_root):
        raise NotYet("STAKE_PROOF")  # E5
    used = window.tickets_used(p, parent, miner)
    headers.check_target(header, weight.weight(p, header.number, proof.stake, proof.supply, used))  # H7
    headers.check_signature(header, proof.signer)  # H8


def check_header_proof(p: Params, parent: Any, header: Header, proof: StakeProof | None, stake_root: bytes | None = None) -> Verdict:
    """All checks of a header after a known parent but T2. Without `stake_root` the header's own is taken: who made the chain of headers answers for it."""
    try:
        check_header_fields(p, parent, header, header.stake_root if stake_root is None else stake_root)
        check_proof(p, parent, header, proof)
        headers.check_pow(p.pow, header)  # H6, last: it may cost more than all others
    except Refused as refused:
        return refused.verdict
    return VALID
