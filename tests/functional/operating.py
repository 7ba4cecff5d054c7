"""What the tests for operators share: chains on a folder, nodes that watch tools can read, and Debian's Prometheus."""
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from posw_process import POSW, SECRET, Node, posw

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(POSW).parent
MINER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
COMPLAINTS = {  # of promtool about names, which keep the stems that dashboards of other chains have (EIP-2159)
    "posw_peer_count non-histogram and non-summary metrics should not have \"_count\" suffix",
    "posw_stake_total non-counter metrics should not have \"_total\" suffix",
}


@functools.cache
def program(package, path):
    """A program of a Debian package, unpacked beside the build if this machine does not have it."""
    found = [p for p in (pathlib.Path(d) / os.path.basename(path) for d in os.environ["PATH"].split(":")) if p.exists()]
    if found:
        return str(found[0])
    subprocess.run([ROOT / "tools/unpack", BUILD / "unpacked", package], check=True, timeout=300)
    return str(BUILD / "unpacked" / path)


def installed(name, package):
    """A program that is installed from its package if it is missing."""
    if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        subprocess.run([ROOT / "tools/deps", package], check=True, timeout=300)
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def prometheus():
    return program("prometheus", "usr/bin/prometheus")


def promtool(*args, stdin=None):
    """(exit code, everything that was said)"""
    done = subprocess.run([program("prometheus", "usr/bin/promtool"), *map(str, args)], input=stdin, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def until(what, true, seconds=20, every=0.1):
    end = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def get(port, path, host="127.0.0.1", method="GET", headers=None):
    """(status, headers, text)"""
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}{path}", headers=headers or {}, method=method), timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def samples(text):
    """name{labels} -> value"""
    return {m[1]: float(m[2]) for m in re.finditer(r"^([a-z_]\S*(?: [^ {}]+\"})?) (\S+)$", text, re.M)}


def heads(text):
    """name -> (type, help)"""
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
    return {name: (kind, helps[name]) for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)}


def make_chain(folder, *args):
    """folder/chain.json, and folder/keys with the miner's key under folder/password."""
    folder = pathlib.Path(folder)
    (folder / "password").write_text("a password\n")
    (folder / "secret").write_text(f"{SECRET[0]:064x}\n")
    for words in (("chain", "new", "--name", "Watched", "--ticker", "W", "--chain-id", "1337", "--pow", "keccak256", "--accounts", f"{MINER}=8064000coin",
                   *(args or ("--block-time", "1")), folder / "chain.json"),
                  ("wallet", "import", "--light", "--keystore", folder / "keys", "--password-file", folder / "password", "--key-file", folder / "secret")):
        done = posw(*map(str, words))
        assert done.code == 0, done
    return folder / "chain.json"


def mining(folder):
    return ("--mine", MINER, "--keystore", f"{folder}/keys", "--password-file", f"{folder}/password")


def start(folder, name, *args):
    """A node of folder/chain.json on folder/name, which only this machine reaches."""
    return Node("node", "--chain", f"{folder}/chain.json", "--datadir", f"{folder}/{name}", "--listen", "127.0.0.1", "--p2p-port", "0", "--private-network",
                *map(str, args))


@contextlib.contextmanager
def scraped(folder, target):
    """A Prometheus that reads this port each second; gives a function for its queries: [(labels, value)]."""
    port = free_port()
    config = pathlib.Path(folder, "prometheus.yml")
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [
        {"job_name": "posw", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}]}))  # JSON is YAML
    with open(f"{folder}/prometheus.log", "w") as log:
        process = subprocess.Popen([prometheus(), f"--config.file={config}", f"--storage.tsdb.path={folder}/prometheus", f"--web.listen-address=127.0.0.1:{port}"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def query(text):
            try:
                status, _, body = get(port, "/api/v1/query?" + urllib.parse.urlencode({"query": text}))
            except OSError:
                return []  # it does not listen yet
            return [(r["metric"], float(r["value"][1])) for r in json.loads(body)["data"]["result"]] if status == 200 else []

        try:
            yield query
        finally:
            process.terminate()
            process.wait(20)
