#!/usr/bin/env python3
"""The light client of examples/light-client, in Python. Usage: light_client.py CHAIN.json HEADERS.txt [NOW]"""
import sys
import time

import posw


def read_line(line):
    header, proof = line.split()
    return bytes.fromhex(header), None if proof == "-" else bytes.fromhex(proof)


def main():
    with open(sys.argv[1], "rb") as file:
        params = posw.read_params(file.read())
    with open(sys.argv[2]) as file:
        genesis, *rest = [read_line(line) for line in file]
    now_s = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    light = posw.Light(params, genesis[0])
    _, verdict = light.extend(rest, now_s)
    if verdict.kind != posw.VALID:
        how = "refused" if verdict.kind == posw.INVALID else "not accepted yet"
        print(f"header {light.number + 1} is {how} by rule {verdict.number}: {verdict.text}")
        return 1
    print(f"{light.number} headers hold (libposw {posw.version()}); weight {light.weight}; tip 0x{light.tip_hash.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
