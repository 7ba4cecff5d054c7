"""The Debian packages in a clean root: they are built twice in different folders and are the same bytes; they install, the service starts by its
ExecStart as its user, mines, stops, is upgraded and keeps its data; removing keeps it, purging does not. Needs root, and Debian's mirror.

    python3 tests/functional/trial_deb.py            a quarter of an hour: three builds, and a Debian of 200 MB in a temporary folder

No systemd runs in the root; what it would do for the service (user, StateDirectory, NOTIFY_SOCKET, SIGTERM) is done here. The unit itself is
looked at by test_operating.py.
"""
import configparser
import filecmp
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import clean_root
from clean_root import ROOT, run

PACKAGES = ("posw", "libposw1", "libposw-dev")
UPGRADE = "0.1.1~trial1"
RPC_PORT, METRICS_PORT = 18545, 19464
MINER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


class Service:
    """ExecStart of the installed unit, as systemd would run it."""

    def __init__(self, root):
        unit = configparser.RawConfigParser(strict=False)
        unit.optionxform = str
        unit.read_string(re.sub(r"^#.*$", "", (root / "lib/systemd/system/posw.service").read_text(), flags=re.M))
        service = unit["Service"]
        words = shlex.split(service["ExecStart"].replace("%S", "/var/lib"))
        notify = root / "run/posw-notify"
        notify.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(notify))
        self.socket.settimeout(60)
        notify.chmod(0o666)
        self.stop_s = 60 * int(re.fullmatch(r"(\d+)min", service["TimeoutStopSec"])[1])
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(["chroot", f"--userspec={service['User']}:{service['Group']}", root, "env", "-i", "PATH=/usr/bin:/bin",
                                         "NOTIFY_SOCKET=/run/posw-notify", *words], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        try:
            while b"READY=1" not in self.socket.recv(4096):
                pass
        except TimeoutError:
            self.kill()
            raise AssertionError("the service is not ready: " + self.said()) from None

    def said(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def rpc(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{RPC_PORT}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["result"]

    def height(self):
        return int(self.rpc("eth_blockNumber"), 16)

    def reach(self, height):
        end = time.monotonic() + 60
        while self.height() < height:
            if time.monotonic() > end:
                raise AssertionError(f"no block {height} within a minute: " + self.said())
            time.sleep(0.2)

    def stop(self):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code, took = self.process.wait(self.stop_s), time.monotonic() - begin
        self.kill()
        return code, took

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.log.close()


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = clean_root.prepare(cls)

    def build(self, name, *args):
        """Each in a working folder of its own."""
        work = self.folder / f"work-{name}"
        work.mkdir()
        said = run(ROOT / "tools/deb", *args, self.folder / name, env={**os.environ, "TMPDIR": str(work)})
        for line in said.splitlines():
            self.assertNotRegex(line, r"^E:")
        return sorted((self.folder / name).glob("*.deb"))

    def chroot(self, *words):
        return run("chroot", self.root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *words)

    def start(self):
        service = Service(self.root)
        self.addCleanup(service.kill)
        return service

    def test_life(self):
        first, second = self.build("first"), self.build("second")
        self.assertEqual({p.name.split("_")[0] for p in first}, set(PACKAGES))
        for a, b in zip(first, second):
            self.assertTrue(filecmp.cmp(a, b, shallow=False), f"{a.name} is not the same bytes when it is built elsewhere")
        upgrade = self.build("upgrade", "--version", UPGRADE)

        self.root = self.folder / "root"
        clean_root.debian(self.root)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        run("mount", "-t", "proc", "proc", self.root / "proc")
        self.addCleanup(run, "umount", self.root / "proc")
        (self.root / "packages").mkdir()
        for deb in (*first, *upgrade):
            shutil.copy(deb, self.root / "packages")
        install = lambda version: self.chroot("apt-get", "install", "-y", "--no-install-recommends", *(f"/packages/{p}_{version}_amd64.deb" for p in PACKAGES))

        install("0.1.0")
        self.assertEqual(self.chroot("posw", "--version").split(), ["posw", "0.1.0"])
        self.assertRegex(self.chroot("ls", "-ld", "/var/lib/posw"), r"^drwx------ .* posw posw ")
        self.assertIn("probability", self.chroot("posw", "lab", "double-spend", "--q", "0.3", "--z", "6", "--json"))
        self.chroot("posw", "chain", "new", "--name", "Packed", "--ticker", "P", "--chain-id", "4243", "--pow", "keccak256", "--block-time", "1", "--accounts",
                    f"{MINER}=8064000coin", "/etc/posw/chain.json")
        keys = self.root / "var/lib/posw"
        (keys / "password").write_text("a password\n")
        (keys / "secret").write_text("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n")
        self.chroot("posw", "wallet", "import", "--light", "--keystore", "/var/lib/posw/keystore", "--password-file", "/var/lib/posw/password", "--key-file",
                    "/var/lib/posw/secret")
        self.chroot("chown", "-R", "posw:posw", "/var/lib/posw")
        with open(self.root / "etc/posw/posw.conf", "a") as conf:
            conf.write(f"port = {RPC_PORT}\nmetrics = {METRICS_PORT}\nlisten = 127.0.0.1\np2p-port = 0\nmine = {MINER}\nmine-alone = true\n"
                       "keystore = /var/lib/posw/keystore\npassword-file = /var/lib/posw/password\nlog-file = /var/log/posw/node.log\n")

        service = self.start()
        service.reach(3)
        with urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT}/health/ready", timeout=10) as answer:
            self.assertTrue(json.load(answer)["ready"])
        block = service.rpc("eth_getBlockByNumber", "0x3", False)["hash"]
        code, took = service.stop()
        self.assertEqual(code, 0)
        self.assertLess(took, 5)
        self.assertIn("chain: block 3 ", (self.root / "var/log/posw/node.log").read_text())

        install(UPGRADE)
        self.assertEqual(self.chroot("dpkg-query", "-W", "-f", "${Version}", "posw"), UPGRADE)
        self.assertIn(f"port = {RPC_PORT}", (self.root / "etc/posw/posw.conf").read_text())
        service = self.start()
        self.assertGreaterEqual(service.height(), 3)
        self.assertEqual(service.rpc("eth_getBlockByNumber", "0x3", False)["hash"], block)
        service.reach(service.height() + 1)
        self.assertEqual(service.stop()[0], 0)

        self.chroot("apt-get", "remove", "-y", "posw")
        self.assertFalse((self.root / "usr/bin/posw").exists())
        for kept in ("state/data.mdb", "blocks/blk00000.dat", "keystore", "node.key"):
            self.assertTrue((keys / kept).exists(), kept)
        install(UPGRADE)
        service = self.start()
        self.assertEqual(service.rpc("eth_getBlockByNumber", "0x3", False)["hash"], block)
        self.assertEqual(service.stop()[0], 0)

        self.chroot("apt-get", "purge", "-y", *PACKAGES)
        self.assertEqual(sorted(path.name for path in keys.iterdir()), ["keystore", "password", "secret"])  # no node can make them again
        for gone in ("var/log/posw", "etc/posw/posw.conf", "usr/include/posw", "lib/systemd/system/posw.service"):
            self.assertFalse((self.root / gone).exists(), gone)


if __name__ == "__main__":
    unittest.main(verbosity=2 if sys.stdout.isatty() else 1)
