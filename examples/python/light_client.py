#!/usr/bin/env python3
"""The light client of examples/light-client, in Python. Usage: light_client.py CHAIN.json HEADERS.txt [NOW]"""
import sys
import time

import posw


def read_headers(path):
    """[(header, proof or None)]"""
    pairs = []
    with open(path) as file:
        for number, line in enumerate(file, 1):
            try:
                header, proof = line.split()
                pairs.append((bytes.fromhex(header), None if proof == "-" else bytes.fromhex(proof)))
            except ValueError:
                raise ValueError(f"line {number}: this is not a header and a proof in hexadecimal; was the file cut?") from None
    if not pairs:
        raise ValueError("the file of headers is empty")
    return pairs


def check(chain, headers, now_s):
    with open(chain, "rb") as file:
        params = posw.read_params(file.read())
    genesis, *rest = read_headers(headers)
    light = posw.Light(params, genesis[0])
    _, verdict = light.extend(rest, now_s)
    if verdict.kind != posw.VALID:
        how = "refused" if verdict.kind == posw.INVALID else "not accepted yet"
        print(f"header {light.number + 1} is {how} by rule {verdict.number}: {verdict.text}")
        return 1
    print(f"{light.number} headers hold (libposw {posw.version()}); weight {light.weight}; tip 0x{light.tip_hash.hex()}")
    return 0


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        return check(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time()))
    except (OSError, ValueError) as error:
        print(f"light_client.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
