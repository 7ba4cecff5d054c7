#!/usr/bin/env python3
"""The differential test: the C library and this specification get the same random chains and must say the same.

    spec/differential.py --chains 2000 --jobs 2          random chains; each is made from one number, its seed
    spec/differential.py --seed 1234 --chains 1          exactly one of them again
    spec/differential.py --seed random --blocks 100000   others each time; the seed is printed
    spec/differential.py --events FILE                   a recorded sequence again

Each chain has random parameters, a tree of blocks that arrive in disorder, twice, too early and broken, and questions in between. Both sides get
each event; their answers are texts, which must be equal (see tests/differential/replay.c for the form). On a difference the events are cut
down to few that still show it and written to a file, and the exit status is 1.
"""
import argparse
import collections
import multiprocessing
import os
import pathlib
import random
import sys
import tempfile
import time

from compare.events import Difference, Pair, load_events, save_events, shrink
from compare.world import World

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What a run of some thousand blocks must have met, else the test does not test what it says. By the names of include/posw/verdict.h.
EXPECTED = """
HEADER_FORM OMMERS EXTRA_DATA POW TARGET SIGNATURE PROOF_MISSING PARENT TIME_ORDER TIME_FUTURE DIFFICULTY STAKE_ROOT STAKE_PROOF TX_FORM
TX_INTRINSIC_GAS TX_INVALID GAS_LIMIT BLOCK_SIZE GAS_USED TX_ROOT RECEIPTS_ROOT BLOOM STATE_ROOT BASE_FEE REORG_DEPTH BAD_ANCESTOR UNKNOWN_PARENT
PARAMS_CHAIN_ID PARAMS_RANGE PARAMS_TICKET_LOCK PARAMS_UNBONDING PARAMS_SUPPLY PARAMS_GENESIS PARAMS_WEIGHT PARAMS_ECONOMY PARAMS_UPGRADE
""".split()
EDGES = ["blocks at the highest base fee", "blocks of a supply above 2^126", "transactions that may use 2^60 gas",  # where numbers end: B1, P5, P6
         "blocks of more than 127 transactions", "blocks a year after their parents", "blocks with a second signature", "chains with many exits paid at once"]
CHANGED = ["gas_limit", "base_fee_min", "treasury", "treasury_share"]  # by upgrades that a chain went past


def seed_of(text):
    return random.SystemRandom().randrange(2**40) if text == "random" else int(text)


def parse_arguments():
    p = argparse.ArgumentParser(description="compares the C library with the specification on random chains")
    p.add_argument("--seed", type=seed_of, default=1, help="the first chain's number (default 1), or \"random\"")
    p.add_argument("--chains", type=int, default=100, help="so many chains at least")
    p.add_argument("--blocks", type=int, default=0, help="go on until so many different blocks have been imported")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    p.add_argument("--length", type=int, default=0, help="steps a chain (default: random, 4 to 26)")
    p.add_argument("--replay", default=str(ROOT / "build/tests/differential/posw-replay"), help="path of posw-replay")
    p.add_argument("--require-all", action="store_true", help="fail unless each rule of a list has been met")
    p.add_argument("--events", help="a file that an earlier failure has written")
    p.add_argument("--out", default=tempfile.gettempdir(), help="where a failure's events are written")
    p.add_argument("--quiet", action="store_true", help="no progress line")
    return p.parse_args()


# ---- workers ----

_options = None


def start_worker(options):
    global _options
    _options = options


def run_chain(seed):
    """(seed, statistics, None or (step, event, answers, file))"""
    pair = Pair(_options.replay)
    world = World(seed, pair, _options.length)
    try:
        world.run()
    except Difference as d:
        events = shrink(_options.replay, pair.events)
        path = os.path.join(_options.out, f"posw-differential-{seed}.events")
        save_events(path, events)
        return seed, world.statistics, (d.step, d.event, d.in_c, d.in_python, path, len(events))
    except Exception as error:  # the seed must be said, whatever happened
        raise RuntimeError(f"seed {seed}: {type(error).__name__}: {error}") from error
    finally:
        pair.close()
    return seed, world.statistics, None


# ---- the report ----

def report_difference(options, seed, failure):
    step, event, library, specification, path, count = failure
    print(f"\nDIFFERENCE: seed {seed}, event {step}: {event}\n  library:       {library}\n  specification: {specification}\n"
          f"again:   spec/differential.py --seed {seed} --chains 1 --length {options.length} --replay {options.replay}\n"
          f"shorter: spec/differential.py --events {path} --replay {options.replay}    ({count} events)", file=sys.stderr)


def print_table(title, counter, total=None):
    if not counter:
        return
    print(title)
    for name, n in sorted(counter.items(), key=lambda item: (-item[1], item[0])):
        print(f"  {n:9,}  {name}" + (f"  ({100 * n / total:.1f} %)" if total else ""))


def report(statistics, chains, seconds):
    count = statistics["count"]
    print(f"{chains:,} chains, {count['imports']:,} imports of {count['blocks']:,} different blocks in {seconds:.0f} s; {count['events']:,} events, all answers equal")
    print("  " + ", ".join(f"{n:,} {name}" for name, n in sorted(count.items()) if name not in ("imports", "blocks", "events")))
    print_table("verdicts", statistics["verdict"])
    print_table("ways of breaking a block", statistics["mutation"])
    print_table("difficulty rules", statistics["difficulty"], chains)
    print_table("weight rules", statistics["weight"], chains)
    print_table("changes of upgrades that were passed", statistics["upgrades"])


def missing_rules(statistics):
    met = {v.split()[-1] for v in statistics["verdict"]}
    met.update(statistics["upgrades"])
    met.update(name for name, n in statistics["count"].items() if n > 0)
    return [name for name in EXPECTED + CHANGED + EDGES if name not in met]


def merge(into, statistics):
    for name, counter in statistics.items():
        into[name].update(counter)


# ---- the run ----

def seeds(options, statistics):
    """Numbers, as long as more chains or blocks are wanted."""
    n = 0
    while n < options.chains or statistics["count"]["blocks"] < options.blocks:
        yield options.seed + n
        n += 1


def run(options):
    print(f"seeds from {options.seed} on", flush=True)
    statistics, chains, started = collections.defaultdict(collections.Counter), 0, time.monotonic()
    options.jobs = max(1, min(options.jobs, options.chains if not options.blocks else options.jobs))
    with multiprocessing.Pool(options.jobs, start_worker, (options,)) as pool:
        batch = 16 * options.jobs  # seeds are handed out in batches, so that --blocks ends in time
        source = seeds(options, statistics)
        while numbers := [s for _, s in zip(range(batch), source)]:
            for seed, part, failure in pool.imap_unordered(run_chain, numbers):
                merge(statistics, part)
                chains += 1
                if failure is not None:
                    report_difference(options, seed, failure)
                    return 1
            if not options.quiet and sys.stderr.isatty():
                print(f"\r{chains:,} chains, {statistics['count']['imports']:,} imports", end="", file=sys.stderr)
    if not options.quiet and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    report(statistics, chains, time.monotonic() - started)
    missing = missing_rules(statistics) if options.require_all else []
    if missing:
        print("never met: " + ", ".join(missing), file=sys.stderr)
    return 1 if missing else 0


def run_events(options):
    pair = Pair(options.replay)
    try:
        for event in load_events(options.events):
            library, specification = pair.both(event)
            mark = "  " if library == specification else "!!"
            print(f"{mark} {event}\n     {library}" + ("" if library == specification else f"\n     {specification}"))
    finally:
        pair.close()
    return 0


def main():
    options = parse_arguments()
    return run_events(options) if options.events else run(options)


if __name__ == "__main__":
    sys.exit(main())
