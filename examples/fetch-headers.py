#!/usr/bin/env python3
"""Writes the headers of a running node with their stake proofs, for the light clients beside this file.

Usage: fetch-headers.py [URL] > HEADERS.txt        (default http://127.0.0.1:8545)

A line is the header in hexadecimal, a blank, and the stake proof of its miner in the epoch of the block, or "-" if it has none.
"""
import json
import sys
import urllib.request

BATCH = 100


def call(url, requests):
    """[(method, params)] -> answers in order, each with "result" or "error"."""
    body = [{"jsonrpc": "2.0", "id": i, "method": method, "params": params} for i, (method, params) in enumerate(requests)]
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return sorted(json.load(answer), key=lambda a: a["id"])
    except OSError as error:
        sys.exit(f"no node answers at {url} ({error}); start one with 'posw dev'")


def proofs_of(url, numbers):
    blocks = call(url, [("eth_getBlockByNumber", [hex(n), False]) for n in numbers])
    answers = call(url, [("posw_getStakeProof", [b["result"]["miner"], hex(n)]) for n, b in zip(numbers, blocks)])
    return [a["result"]["encoded"] if "result" in a else "0x-" for a in answers]


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8545"
    tip = int(call(url, [("eth_blockNumber", [])])[0]["result"], 16)
    for first in range(0, tip + 1, BATCH):
        numbers = range(first, min(first + BATCH, tip + 1))
        headers = [a["result"] for a in call(url, [("debug_getRawHeader", [hex(n)]) for n in numbers])]
        for number, header, proof in zip(numbers, headers, proofs_of(url, numbers)):
            print(header[2:], "-" if number == 0 else proof[2:])


if __name__ == "__main__":
    main()
