"""The encoding in which stake proofs travel (include/posw/stake.h): rlp([supply, total, signer, stake, [[side, hash, sum]...]]), side 1 on the left."""
from posw import rlp
from posw.stake import SIBLINGS_MAX, StakeProof

AMOUNT_SIZE = 16


def encode(proof):
    siblings = [[int(on_left), digest, total] for digest, total, on_left in proof.siblings]
    return rlp.encode([proof.supply, proof.total, proof.signer, proof.stake, siblings])


def _sibling(item):
    side, digest, total = item
    if rlp.to_int(side) > 1 or not isinstance(digest, bytes) or len(digest) != 32:
        raise ValueError("not a sibling")
    return digest, rlp.to_int(total, AMOUNT_SIZE), rlp.to_int(side) == 1


def decode(data):
    """None for anything else than one canonical proof."""
    try:
        supply, total, signer, stake, siblings = rlp.decode(data)
        if not isinstance(siblings, list) or len(siblings) > SIBLINGS_MAX or not isinstance(signer, bytes) or len(signer) != 20:
            return None
        return StakeProof(rlp.to_int(supply), rlp.to_int(total, AMOUNT_SIZE), signer, rlp.to_int(stake, AMOUNT_SIZE), tuple(_sibling(s) for s in siblings))
    except ValueError:  # RlpError too
        return None
