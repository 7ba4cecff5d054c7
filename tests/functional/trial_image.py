"""The container image of packaging/docker: it builds from nothing but Debian's packages, and its entrypoint runs as the compose files say. Needs root,
and Debian's mirror.

    python3 tests/functional/trial_image.py          ten minutes, and 4 GB in a temporary folder

No registry and no container engine is needed. The base, debian:bookworm-slim, is made with debootstrap, and buildah builds on it. What an engine does
with the image is done here by unshare, setpriv and nsenter: namespaces of processes, mounts and network in which the entrypoint is process 1, its user
without capabilities or new privileges, a root that cannot be written, a named volume. Mounted chain file, command and such come from the compose files, as
docker-compose reads them.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import yaml

import clean_root
from clean_root import ROOT, run
from operating import promtool

DOCKER = ROOT / "packaging/docker"
BASE = "docker.io/library/debian:bookworm-slim"
MINER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SECRET = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
UID = 10001
START_S, STOP_S = 60, 120

# $1 the image's files, $2 the volume, $3 the chain file; then the command. Runs in new namespaces.
INSIDE = r"""
root=$1 volume=$2 chain=$3
shift 3
mount --bind "$root" "$root"
mount --bind "$volume" "$root/var/lib/posw"
mount --bind "$chain" "$root/etc/posw/chain.json"
mount -o remount,bind,ro "$root/etc/posw/chain.json"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
ip link set lo up
exec chroot "$root" "$@"
"""


class Buildah:
    """Images and containers in a folder of their own."""

    def __init__(self, folder):
        self.words = ["buildah", "--root", folder / "images", "--runroot", folder / "run"]
        self.environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(folder)}

    def __call__(self, *words, **more):
        return run(*self.words, *words, env=self.environment, **more).strip()

    def image_of(self, folder, name):
        container = self("from", "scratch")
        self("add", "--quiet", container, folder, "/")
        self("commit", "--quiet", "--rm", container, name)


class Container:
    """The image's entrypoint on a chain file and a volume, or another command in its place; started at once."""

    def __init__(self, image, volume, chain, words):
        self.log = tempfile.TemporaryFile("w+")
        self.as_user = [*f"setpriv --reuid {UID} --regid {UID} --clear-groups --bounding-set=-all --no-new-privs env -i HOME=/var/lib/posw".split(),
                        *image.config["Env"]]
        self.unshare = subprocess.Popen(["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "sh", "-euc", INSIDE, "sh",
                                         image.files, volume, chain, *self.as_user, *words], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def pid(self):
        """Of its process 1, as this machine counts."""
        while self.unshare.poll() is None:
            for folder in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == self.unshare.pid:
                        return int(folder.name)
                except (FileNotFoundError, ProcessLookupError):
                    pass
            time.sleep(0.05)  # it has not forked yet
        raise AssertionError("the container has ended: " + self.said())

    def said(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def exec(self, *words):
        """(exit code, what it says) of a command beside the entrypoint."""
        done = subprocess.run(["nsenter", "--target", str(self.pid()), "--mount", "--net", "--pid", "--ipc", "--uts", "--root", *self.as_user, *words],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def until(self, what, *words, answers=""):
        """Runs a command inside until it succeeds and its answer holds this expression; gives the answer."""
        end = time.monotonic() + START_S
        while True:
            code, said = self.exec(*words)
            if code == 0 and re.search(answers, said):
                return said
            if time.monotonic() > end:
                raise AssertionError(f"not within {START_S} s: {what}: {said}\n{self.said()}")
            time.sleep(0.2)

    def stop(self):
        """As an engine stops it; its exit code, 128 + n for an end by signal n."""
        os.kill(self.pid(), signal.SIGTERM)
        return self.wait(STOP_S)

    def wait(self, seconds):
        code = self.unshare.wait(seconds)
        return code if code >= 0 else 128 - code

    def kill(self):
        try:
            os.kill(self.pid(), signal.SIGKILL)
            self.unshare.wait()
        except (AssertionError, ProcessLookupError):
            pass  # it has ended
        self.log.close()


def compose(file):
    """The file's services as docker-compose understands them, after YAML did."""
    yaml.safe_load(file.read_text())
    return yaml.safe_load(run("docker-compose", "--file", file, "config"))["services"]


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = clean_root.prepare(cls, "buildah", "docker-compose", "iproute2", "python3-yaml")
        cls.buildah = Buildah(cls.folder)
        base = cls.folder / "debian"
        clean_root.debian(base)
        cls.buildah.image_of(base, BASE)
        shutil.rmtree(base)
        # HEALTHCHECK is in Docker's format alone
        cls.buildah("build", "--pull-never", "--format", "docker", "--file", DOCKER / "Dockerfile", "--tag", "posw", ROOT)
        cls.load()

    @classmethod
    def load(cls):
        """The image's files, and what it says of how to run them."""
        container = cls.buildah("from", "--pull-never", "posw")
        cls.files = pathlib.Path(cls.buildah("mount", container))
        cls.addClassCleanup(cls.buildah, "umount", container)
        cls.config = json.loads(cls.buildah("inspect", "--type", "image", "posw"))["Docker"]["config"]
        (cls.files / "etc/posw").mkdir(exist_ok=True)  # an engine makes what a file is mounted on
        (cls.files / "etc/posw/chain.json").touch()

    def volume(self):
        """A named volume at its first use: owner, rights and content are those of the image."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="volume-", dir=self.folder)) / "data"
        run("cp", "-a", self.files / "var/lib/posw", folder)
        return folder

    def container(self, volume, chain, words):
        made = Container(self, volume, chain, words)
        self.addCleanup(made.kill)
        return made

    def tool(self, volume, chain, *words):
        """docker run --rm with another entrypoint."""
        made = self.container(volume, chain, words)
        self.assertEqual(made.wait(60), 0, made.said())

    def is_healthy(self, container):
        kind, command = self.config["Healthcheck"]["Test"]
        self.assertEqual(kind, "CMD-SHELL")
        self.assertEqual(json.loads(container.until("its HEALTHCHECK", "sh", "-c", command)), {"live": True})

    def has_no_rights(self, container):
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{container.pid()}/status").read_text().splitlines() if ":\t" in line)
        self.assertEqual(status["Name"], "posw")
        self.assertEqual(status["NSpid"].split()[-1], "1")
        self.assertEqual((status["Uid"].split(), status["Gid"].split()), ([str(UID)] * 4, [str(UID)] * 4))
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertNotEqual(container.exec("touch", "/usr/bin/posw")[0], 0, "its root cannot be written")

    def asks_for_what_is_done_here(self, service):
        """The compose files ask for the confinement of Container."""
        self.assertEqual(service["image"], "posw")
        self.assertTrue(service["read_only"])
        self.assertEqual((service["tmpfs"], service["cap_drop"], service["security_opt"]), (["/tmp"], ["ALL"], ["no-new-privileges:true"]))
        self.assertEqual(service["stop_grace_period"], f"{STOP_S // 60}m")
        self.assertEqual({v.split(":", 1)[1].removesuffix(":rw") for v in service["volumes"]}, {"/var/lib/posw", "/etc/posw/chain.json:ro"})

    def block(self, container, number="latest"):
        """(number, hash)"""
        asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [number, False]})
        said = container.until("the RPC", "curl", "-fsS", "-H", "Content-Type: application/json", "-d", asked, "http://127.0.0.1:8545", answers='"hash"')
        block = json.loads(said)["result"]
        return int(block["number"], 16), block["hash"]

    def test_configuration(self):
        self.assertEqual((self.config["User"], self.config["StopSignal"]), ("posw", "SIGTERM"))
        self.assertIn("/var/lib/posw", self.config["Volumes"])
        self.assertIn("30301/tcp", self.config["ExposedPorts"])
        stat = (self.files / "var/lib/posw").stat()
        self.assertEqual((stat.st_uid, stat.st_gid, stat.st_mode & 0o777), (UID, UID, 0o700))
        self.assertFalse((self.files / "usr/bin/cc").exists(), "the compiler stays in the stage that builds")

    def test_life(self):
        service = compose(DOCKER / "compose.yaml")["node"]
        self.asks_for_what_is_done_here(service)
        chain, volume = self.folder / "chain.json", self.volume()
        for name, text in (("password", "a password\n"), ("secret", SECRET + "\n")):
            (volume / name).write_text(text)
        chain.touch()
        self.tool(volume, chain, "posw", "wallet", "import", "--light", "--password-file", "/var/lib/posw/password", "--key-file", "/var/lib/posw/secret")
        self.tool(volume, chain, "posw", "chain", "new", "--name", "Boxed", "--ticker", "B", "--chain-id", "4244", "--pow", "keccak256", "--block-time", "1",
                  "--accounts", f"{MINER}=8064000coin", "/var/lib/posw/chain.json")
        shutil.copy(volume / "chain.json", chain)
        words = [*self.config["Entrypoint"], "--mine", MINER, "--mine-alone", "--password-file", "/var/lib/posw/password"]

        node = self.container(volume, chain, words)
        self.is_healthy(node)
        self.has_no_rights(node)
        self.assertIn("Boxed", node.until("posw status", "posw", "status"))
        metrics = node.until("blocks", "curl", "-fsS", "http://127.0.0.2:9464/metrics", answers=r"(?m)^posw_blockchain_height ([3-9]|\d{2,})$")
        self.assertIn('chain="Boxed"', metrics)
        code, said = node.exec("curl", "-fsS", "http://127.0.0.2:8545/")
        self.assertEqual(code, 7, f"the RPC is for the container alone: {said}")
        last = self.block(node)
        self.assertEqual(node.stop(), 0, node.said())

        node = self.container(volume, chain, words)
        self.is_healthy(node)
        self.assertGreaterEqual(self.block(node)[0], last[0])
        self.assertEqual(self.block(node, hex(last[0])), last)
        node.until("it mines on", "curl", "-fsS", "http://127.0.0.1:9464/metrics", answers=r"(?m)^posw_blocks_mined_total [1-9]")
        self.assertEqual(node.stop(), 0, node.said())

    def test_bundle(self):
        """The compose file that posw chain new writes."""
        volume, bundle = self.volume(), self.folder / "bundle"
        (self.folder / "empty").touch()
        self.tool(volume, self.folder / "empty", "posw", "chain", "new", "--name", "Bundled", "--ticker", "B", "--chain-id", "4245", "--boot-hosts", "seed.example.org",
                  "--bundle", "/var/lib/posw/bundle")
        run("cp", "-r", volume / "bundle", bundle)
        service = compose(bundle / "compose.yml")["node"]
        self.asks_for_what_is_done_here(service)
        command = service["command"]
        words = command if isinstance(command, list) else command.split()
        self.assertIn("--bootnodes", words)
        node = self.container(self.volume(), bundle / "chain.json", [*self.config["Entrypoint"], *words])
        self.is_healthy(node)
        self.has_no_rights(node)
        node.until("the RPC is for others, too", "posw", "status", "--rpc", "http://127.0.0.2:8545", answers="Bundled")
        self.assertEqual(node.stop(), 0, node.said())

    def test_prometheus(self):
        """The Prometheus of compose.yaml: its configuration is right where it is mounted, and asks the node at the port that the image has."""
        services = compose(DOCKER / "compose.yaml")
        etc = self.folder / "prometheus"
        etc.mkdir()
        for volume in services["prometheus"]["volumes"]:
            source, target = volume.split(":")[:2]
            if target.startswith("/etc/prometheus/"):
                shutil.copy(DOCKER / source, etc / pathlib.Path(target).relative_to("/etc/prometheus"))
        code, said = promtool("check", "config", etc / "prometheus.yml")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"SUCCESS: \d+ rules found")
        [job] = yaml.safe_load((etc / "prometheus.yml").read_text())["scrape_configs"]
        [target] = job["static_configs"][0]["targets"]
        host, port = target.split(":")
        self.assertIn(host, services)
        self.assertIn(f"0.0.0.0:{port}", self.config["Entrypoint"])
        self.assertEqual(services[host]["build"]["context"], str(ROOT))
        self.assertTrue((ROOT / services[host]["build"]["dockerfile"]).exists())


if __name__ == "__main__":
    unittest.main(verbosity=2 if sys.stdout.isatty() else 1)
