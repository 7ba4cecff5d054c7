"""What operators rely on: health and metrics, as a real Prometheus and its tools read them.

    POSW=build/posw python3 tests/functional/test_operating.py
"""
import contextlib
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import operating
from operating import get, heads, promtool, samples, until
from posw_process import POSW, NotReady, Node, posw


MONITORING = operating.ROOT / "packaging/monitoring"
# Metrics that a node of few peers and no upgrade does not answer.
ABSENT = {"posw_clock_offset_seconds", "posw_upgrade_height", "posw_upgrade_seconds", "posw_upgrade_unknown_height", "posw_upgrade_unknown_seconds"}


class Watched(unittest.TestCase):
    """Two nodes of one chain; the first mines and is watched by a Prometheus."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="posw-watched-")) if hasattr(cls, "enterClassContext") else cls.folder()
        operating.make_chain(folder)
        cls.miner = operating.start(folder, "a", "--metrics", 0, "--mine-alone", "--stratum", 0, *operating.mining(folder))
        cls.addClassCleanup(cls.miner.end)
        cls.other = operating.start(folder, "b", "--metrics", "127.0.0.1:0", "--connect", cls.miner.ready["node"])
        cls.addClassCleanup(cls.other.end)
        cls.port = cls.miner.ready["metricsPort"]
        scraped = operating.scraped(folder, cls.port)
        cls.query = staticmethod(scraped.__enter__())
        cls.addClassCleanup(scraped.__exit__, None, None, None)
        until("three blocks on both", lambda: min(cls.miner.tip()[0], cls.other.tip()[0]) >= 3)

    @classmethod
    def folder(cls):
        folder = tempfile.TemporaryDirectory(prefix="posw-watched-")
        cls.addClassCleanup(folder.cleanup)
        return folder.name

    def metrics(self, port=None):
        status, headers, text = get(port or self.port, "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        return text

    def test_prometheus_reads_it(self):
        until("up", lambda: [v for _, v in self.query("up")] == [1.0])
        before = self.miner.tip()[0]
        until("Prometheus knows the height", lambda: self.query(f"posw_blockchain_height >= {before}"))
        self.assertLessEqual(self.query("posw_blockchain_height")[0][1], self.miner.tip()[0])
        self.assertEqual(self.query("posw_build_info")[0][0]["chain"], "Watched")
        self.assertEqual(self.query('posw_peer_count{direction="inbound"}')[0][1], 1)
        self.assertEqual(self.query("posw_block_time_seconds")[0][1], 1)
        until("a rate", lambda: [v for _, v in self.query("rate(posw_blocks_mined_total[20s])") if v > 0])
        until("a quantile", lambda: [v for _, v in self.query("histogram_quantile(0.9, posw_block_import_seconds_bucket)") if 0 < v < 10])
        self.assertEqual(self.query("posw_ready")[0][1], 1)

    def test_promtool_has_no_complaint(self):
        for port in (self.port, self.other.ready["metricsPort"]):
            _, said = promtool("check", "metrics", stdin=self.metrics(port))
            self.assertLessEqual({line for line in said.splitlines() if line}, operating.COMPLAINTS)

    def test_table_and_answer_are_one(self):
        page = posw("metrics").out
        told = dict(line.strip("| ").split(" | ")[:2] for line in page.splitlines()[2:])
        answered = heads(self.metrics())
        missing = {name.strip("`") for name in told} - set(answered)
        self.assertEqual(missing, ABSENT)
        self.assertEqual(list(answered), [n for n in answered if told[f"`{n}`"] == answered[n][0]])
        written = (operating.ROOT / "doc/metrics.md").read_text()
        self.assertIn(page, written, "doc/metrics.md: run build/posw metrics")

    def test_values(self):
        text, told = self.metrics(self.other.ready["metricsPort"]), self.other.tip()
        s = samples(text)
        self.assertGreaterEqual(s["posw_blockchain_height"], told[0])
        self.assertGreaterEqual(s["posw_best_known_block_number"], s["posw_blockchain_height"])
        self.assertEqual(s['posw_peer_count{direction="outbound"}'], 1)
        self.assertEqual(s["posw_supply_coins"], 8064000)
        self.assertGreater(s["posw_disk_size_bytes"], s["posw_disk_free_bytes"])
        self.assertGreater(s["posw_disk_free_bytes"], 0)
        self.assertGreater(s["posw_db_map_bytes"], s["posw_db_used_bytes"])
        self.assertGreater(s['posw_p2p_bytes_total{dir="in",msg="HELLO"}'], 60)
        self.assertEqual(s['posw_discouraged_total{reason="HEADERS"}'], 0)
        self.assertGreaterEqual(s["posw_pow_verify_seconds_count"], 1)
        self.assertGreaterEqual(s["posw_block_import_seconds_count"], 3)
        self.assertEqual(s["posw_block_import_seconds_count"], s['posw_block_import_seconds_bucket{le="+Inf"}'])
        self.assertLess(s["posw_block_import_seconds_sum"], 60)
        with open(f"/proc/{self.other.process.pid}/stat") as stat, open("/proc/uptime") as uptime:
            age = float(uptime.read().split()[0]) - int(stat.read().rsplit(")", 1)[1].split()[19]) / 100
        self.assertAlmostEqual(s["process_start_time_seconds"] + age, time.time(), delta=3)
        self.assertAlmostEqual(s["process_resident_memory_bytes"] / 2**20, self.other.memory_mb(), delta=20)

    def test_outside_miners(self):
        """One searches until a share of it is a block; another hands in what is none."""
        def now():
            s = samples(self.metrics())
            return {name: int(s[f"posw_stratum_{name}"]) for name in ("connections", "miners", "blocks_total", "refused_total")} \
                | {result: int(s[f'posw_stratum_shares_total{{result="{result}"}}']) for result in ("accepted", "stale", "invalid")}

        def ask(stream, **question):
            stream.write(json.dumps({"id": 1, "jsonrpc": "2.0", **question}).encode() + b"\n")
            stream.flush()
            return next(answer for answer in map(json.loads, stream) if answer.get("id") == 1)

        url = self.miner.ready["stratum"]
        before = now()
        done = posw("miner", "--url", url, "--login", operating.MINER, "--threads", "1", "--shares", "1", "--report", "0")
        self.assertEqual(done.code, 0, done)
        after = until("it is gone", lambda: (n := now())["connections"] == 0 and n)
        self.assertGreaterEqual(after["accepted"], before["accepted"] + 1)
        self.assertGreaterEqual(after["blocks_total"], after["accepted"])
        host, port = url.split("//")[1].split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rwb") as stream:
            until("it is counted", lambda: now()["connections"] == 1)
            self.assertEqual(now()["miners"], 0)
            told = ask(stream, method="login", params={"login": operating.MINER, "pass": "x", "agent": "test"})["result"]
            self.assertEqual(now()["miners"], 1)
            for job, result, words in (("ffffff", "00", "Invalid job id"), (told["job"]["job_id"], "ff", "Low difficulty share")):
                said = ask(stream, method="submit", params={"id": told["id"], "job_id": job, "nonce": "00000000", "result": 32 * result})
                self.assertEqual(said["error"]["message"], words)
            last = now()
            self.assertEqual((last["invalid"], last["accepted"]), (after["invalid"] + 2, after["accepted"]))
        with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rwb") as stream:
            self.assertIn("The login is your address", ask(stream, method="login", params={"login": "nobody", "pass": "x"})["error"]["message"])
        self.assertEqual(now()["refused_total"], before["refused_total"] + 1)
        self.assertFalse([name for name in samples(self.metrics(self.other.ready["metricsPort"])) if "stratum" in name], "it has no door")

    def test_dashboard_asks_what_there_is(self):
        """Each expression of the dashboard and of the alerts is understood, and those on numbers that this node has give a value."""
        dashboard = json.loads((MONITORING / "posw-dashboard.json").read_text())
        rules = (MONITORING / "posw.rules.yml").read_text()
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(expressions), 30)
        names = set(re.findall(r"\b(?:posw|process)_[a-z0-9_]+", "\n".join(expressions + re.findall(r"^ +expr: .*(?:\n {10}.*)*", rules, re.M))))
        there = {f"{name}{end}" for name, (kind, _) in heads(self.metrics()).items()
                 for end in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))} | ABSENT
        self.assertEqual(names - there, set())
        until("a rate of everything", lambda: self.query("rate(posw_rpc_requests_total[20s])"))
        for e in expressions:
            asked = e.replace("$instance", ".*").replace("$__rate_interval", "20s").replace("[1h]", "[20s]")
            with self.subTest(e):
                until(e, lambda: self.query(asked) or "clock_offset" in e or "pow_verify" in e or " > 0" in e, seconds=5)

    def test_dashboard_is_whole(self):
        dashboard = json.loads((MONITORING / "posw-dashboard.json").read_text())
        panels, cells = dashboard["panels"], set()
        self.assertEqual(len({p["id"] for p in panels}), len(panels))
        for p in panels:
            g = p["gridPos"]
            self.assertLessEqual(g["x"] + g["w"], 24)
            mine = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
            self.assertFalse(cells & mine, p["title"])
            cells |= mine
            self.assertEqual(len({t["refId"] for t in p["targets"]}), len(p["targets"]))

    def test_number_of_series_is_bounded(self):
        self.assertLess(len(samples(self.metrics())), 250)

    def test_ports(self):
        for path in ("/", "/metrics/", "/metricsx", "/" + "x" * 1000):
            self.assertEqual(get(self.port, path)[0], 404)
        self.assertEqual(get(self.port, "/metrics?a=b")[0], 200)
        self.assertIn(get(self.miner.port, "/metrics")[0], (404, 405), "the RPC's port, which may be public, has none")
        status, headers, text = get(self.port, "/metrics", method="HEAD")
        self.assertEqual((status, text), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 1000)
        self.assertEqual(get(self.port, "/", method="POST")[0], 405, "no RPC here")

    def test_health(self):
        for port in (self.miner.port, self.port):
            self.assertEqual(get(port, "/health/live")[0::2], (200, '{"live":true}\n'))
            status, headers, text = get(port, "/health/ready")
            self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
            self.assertEqual(json.loads(text)["reasons"], [])
        status, _, text = get(self.other.port, "/health/ready")
        told = json.loads(text)
        self.assertEqual(status, 503)
        self.assertFalse(told["ready"])
        self.assertEqual(told["reasons"], ["1 peer, at least 2 are needed"])
        self.assertEqual(samples(self.metrics(self.other.ready["metricsPort"]))["posw_ready"], 0)


class Alerts(unittest.TestCase):
    def test_rules(self):
        code, said = promtool("check", "rules", MONITORING / "posw.rules.yml")
        self.assertEqual(code, 0, said)
        code, said = promtool("check", "config", MONITORING / "prometheus.yml")
        self.assertEqual(code, 0, said)

    def test_each_alert_at_its_limit(self):
        named = set(re.findall(r"alert: (\w+)", (MONITORING / "posw.rules.yml").read_text()))
        tests = (operating.ROOT / "tests/functional/rules.test.yml").read_text()
        fired = set(re.findall(r"^ +alertname: (\w+)\n +exp_alerts:\n", tests, re.M))
        self.assertEqual(fired, named)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(MONITORING / "posw.rules.yml", folder)
            shutil.copy(operating.ROOT / "tests/functional/rules.test.yml", folder)
            code, said = promtool("test", "rules", f"{folder}/rules.test.yml")
            self.assertEqual(code, 0, said)
            rules = pathlib.Path(folder, "posw.rules.yml")
            rules.write_text(rules.read_text().replace("< 0.10", "< 0.11"))
            self.assertEqual(promtool("test", "rules", f"{folder}/rules.test.yml")[0], 1, "another limit must be noticed")


class Manager:
    """The socket of a service manager, as systemd makes it."""

    def __init__(self, case, folder, abstract=False):
        self.name = f"@posw-test-{os.getpid()}-{time.monotonic_ns()}" if abstract else f"{folder}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind("\0" + self.name[1:] if abstract else self.name)
        self.socket.settimeout(10)

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": self.name, **more}

    def message(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def next(self, name):
        """The next message that has this line."""
        while True:
            message = self.message()
            if name in message:
                return message

    def drop(self):
        """What has come; how many messages."""
        count = 0
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.socket.recv(4096):
                count += 1
        self.socket.settimeout(10)
        return count


class Service(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="posw-service-")
        self.addCleanup(shutil.rmtree, self.folder)

    def started(self, *args, env=None):
        node = Node(*args, env=env)
        self.addCleanup(node.end)
        return node

    def node(self, *args, env=None):
        if not os.path.exists(f"{self.folder}/chain.json"):
            operating.make_chain(self.folder)
        return self.started("node", "--chain", f"{self.folder}/chain.json", "--datadir", f"{self.folder}/data", "--no-network", *args, env=env)

    def test_ready_reload_stop(self):
        for abstract in (False, True):
            manager = Manager(self, self.folder, abstract)
            node = self.node("--log-file", f"{self.folder}/log", env=manager.environment())
            self.assertEqual(manager.message(), {"READY": "1", "STATUS": "block 0, 0 peers"})
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            node.process.send_signal(signal.SIGHUP)
            reloading = manager.message()
            self.assertEqual(reloading["RELOADING"], "1")
            self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before)
            self.assertEqual(manager.message(), {"READY": "1"})
            result, _ = node.stop()
            self.assertEqual(result.code, 0)
            self.assertEqual(manager.message()["STOPPING"], "1")

    def test_watchdog_is_of_the_nodes_thread(self):
        manager = Manager(self, self.folder)
        node = self.started("dev", "--no-mining", env=manager.environment(WATCHDOG_USEC="400000"))
        for _ in range(3):
            begin = time.monotonic()
            manager.next("WATCHDOG")
            self.assertLess(time.monotonic() - begin, 2)
        took, blocks = 0, 100
        while took < 1.5:  # one step that lasts, on this machine
            manager.drop()
            begin = time.monotonic()
            node.rpc("evm_mine", {"blocks": blocks})
            took = time.monotonic() - begin
            heard = manager.drop()
            blocks = int(blocks * min(20, 2 / took)) + 1
        self.assertLess(heard, took / 0.2 / 2, "every 0.2 s if it came from elsewhere")
        manager.next("WATCHDOG")

    def test_watchdog_of_another_process(self):
        manager = Manager(self, self.folder)
        self.started("dev", env=manager.environment(WATCHDOG_USEC="20000", WATCHDOG_PID="1"))
        manager.next("READY")
        time.sleep(0.3)
        manager.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            manager.socket.recv(100)

    def test_strange_sockets(self):
        for name in ("", "/", "relative", "/nobody/listens", "@", "vsock:1:2", "/" + "x" * 200):
            with Node("dev", env={**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "x"}) as node:
                self.assertEqual(node.stop()[0].code, 0, name)

    def test_without_a_manager_a_closed_terminal_ends_it(self):
        node = self.node()
        node.process.send_signal(signal.SIGHUP)
        self.assertEqual(node.wait().code, -signal.SIGHUP)

    def test_unit(self):
        analyze = operating.installed("systemd-analyze", "systemd")
        unit = pathlib.Path(self.folder, "posw.service")
        unit.write_text((operating.BUILD / "packaging/posw.service").read_text().replace("/usr/local/bin/posw", POSW))
        done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = subprocess.run([analyze, "security", "--offline=true", "--threshold=20", "--no-pager", unit], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])

    def test_rotation(self):
        log = pathlib.Path(self.folder, "log")
        node = self.node("--log-file", str(log), "--log-level", "debug", *operating.mining(self.folder), "--mine-alone")
        until("lines", lambda: log.exists() and "chain: block 2 " in log.read_text())
        self.assertEqual(log.stat().st_mode & 0o777, 0o640)
        state = pathlib.Path(self.folder, "state")
        config = pathlib.Path(self.folder, "rotate.conf")
        shipped = (operating.ROOT / "packaging/posw.logrotate").read_text()
        config.write_text(shipped.replace("/var/log/posw/*.log", str(log)).replace("su posw posw", f"su {pwd.getpwuid(os.getuid()).pw_name} "
                          + grp.getgrgid(os.getgid()).gr_name).replace("systemctl reload posw.service", f"kill -HUP {node.process.pid}"))
        config.chmod(0o644)
        os.chmod(self.folder, 0o755)
        done = subprocess.run([operating.installed("logrotate", "logrotate"), "--force", "--state", state, config], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        until("the new file is written", lambda: log.exists() and "the log goes on here" in log.read_text())
        height = node.tip()[0]
        until("blocks in it", lambda: f"chain: block {height + 1} " in log.read_text())
        old, new = pathlib.Path(f"{log}.1").read_text(), log.read_text()
        numbers = [int(n) for n in re.findall(r"chain: block (\d+) ", old + new)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)), "no line is lost or written twice")
        log.unlink()
        log.mkdir()  # cannot be opened: the old file is used on
        node.process.send_signal(signal.SIGHUP)
        node.rpc("eth_blockNumber")
        self.assertEqual(node.stop()[0].code, 0)

    def test_log_file_that_cannot_be(self):
        with self.assertRaises(NotReady) as refused:
            self.node("--log-file", f"{self.folder}/no/such/folder")
        self.assertIn("choose another --log-file", refused.exception.result.err)


class Container(unittest.TestCase):
    """No Docker runs here: what can be said about its files without it."""
    TEXT = re.sub(r"^#.*\n", "", (operating.ROOT / "packaging/docker/Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")

    def packages(self, stage):
        return set(re.findall(r"--no-install-recommends (.*?)(?: &&|\n)", self.TEXT)[stage].split())

    def test_what_it_builds_with_is_what_the_package_builds_with(self):
        control = (operating.ROOT / "packaging/debian/control").read_text()
        wanted = set(re.search(r"^Build-Depends:((?:.*\n )*.*)", control, re.M)[1].replace(",", " ").split()) - {"debhelper-compat", "(=", "13)"}
        self.assertEqual(self.packages(0), wanted | {"build-essential"})

    def test_what_it_runs_with_is_what_the_program_needs(self):
        needed = subprocess.run(["objdump", "-p", POSW], capture_output=True, text=True, check=True).stdout
        libraries = [name for name in re.findall(r"NEEDED +(\S+)", needed) if not re.match(r"(libc|libm|libdl|libpthread|ld-linux.*)\.so", name)]
        self.assertGreater(len(libraries), 5)
        owners = subprocess.run(["dpkg-query", "-S", *(f"*/{name}" for name in libraries)], capture_output=True, text=True, check=True).stdout
        packages = {line.split(":")[0] for line in owners.splitlines()}
        self.assertLessEqual({p for p in packages if p.startswith("lib")}, self.packages(1) | {"libasan8", "libubsan1"})

    def test_its_command_line(self):
        command = json.loads(re.search(r"^ENTRYPOINT (.*)$", self.TEXT, re.M)[1])
        told = posw("node", "--help").out
        for option in (word for word in command if word.startswith("--")):
            self.assertIn(f"  {option} ", told)
        self.assertRegex(self.TEXT, r"(?m)^USER posw$")
        self.assertRegex(self.TEXT, r"(?m)^VOLUME /var/lib/posw$")
        compose = (operating.ROOT / "packaging/docker/compose.yaml").read_text()
        for path in re.findall(r"^ +- (\.{1,2}/\S+?):", compose, re.M):
            if path != "./chain.json":
                self.assertTrue((operating.ROOT / "packaging/docker" / path).exists(), path)


class Snapshots(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="posw-snapshot-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.chain = str(operating.make_chain(self.folder))

    def created(self, *args):
        done = posw("snapshot", "create", "--json", *args)
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)

    def restored(self, file, name):
        done = posw("snapshot", "restore", "--json", "--chain", self.chain, "--datadir", f"{self.folder}/{name}", file)
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)

    def test_of_a_node_that_mines(self):
        with operating.start(self.folder, "a", "--mine-alone", *operating.mining(self.folder)) as a:
            until("blocks", lambda: a.tip()[0] >= 3)
            rpc = ("--rpc", f"http://127.0.0.1:{a.port}")
            made = [self.created(*rpc) for _ in range(2)]
            before = a.tip()[0]
            until("it mines on", lambda: a.tip()[0] > before)
            told = self.restored(made[0]["path"], "b")
            block = a.rpc("eth_getBlockByHash", told["hash"], False)
            self.assertEqual(int(block["number"], 16), told["height"], "a block of the main chain")
            self.assertGreaterEqual(told["height"], 3)
            self.assertLess(told["height"], a.tip()[0])
            # the state is that block's, and what is there is right
            with operating.start(self.folder, "b", "--no-network") as b:
                self.assertEqual(b.tip()[1:], (told["hash"], block["stateRoot"]))
                proof = b.rpc("eth_getProof", operating.MINER, [], "latest")
                self.assertEqual(proof, a.rpc("eth_getProof", operating.MINER, [], hex(told["height"])))
            verified = posw("db", "verify", "--chain", self.chain, "--datadir", f"{self.folder}/b")
            self.assertEqual(verified.code, 0, verified)
            # and it goes on from there with the others
            with operating.start(self.folder, "b", "--connect", a.ready["node"]) as b:
                until("it has followed", lambda: b.tip()[0] > told["height"] + 1 and b.tip()[0] >= a.tip()[0] - 1)
            # everybody's tools read it
            subprocess.run(["tar", "xf", made[1]["path"]], cwd=self.folder, check=True)
            subprocess.run(["sha256sum", "--quiet", "--check", "SHA256SUMS"], cwd=self.folder, check=True)
            # nobody fills the disk by asking
            for _ in range(2):
                self.created(*rpc)
            full = posw("snapshot", "create", *rpc)
            self.assertEqual(full.code, 1)
            self.assertIn("4 snapshots already", full.err)
            self.assertEqual(a.stop()[0].code, 0)

    def test_of_a_node_at_rest(self):
        with operating.start(self.folder, "a", "--mine-alone", *operating.mining(self.folder)) as a:
            until("blocks", lambda: a.tip()[0] >= 2)
            self.assertEqual(a.stop()[0].code, 0)
        made = self.created("--chain", self.chain, "--datadir", f"{self.folder}/a")
        told = self.restored(made["path"], "b")
        self.assertGreaterEqual(told["height"], 2)
        # For people: what they compare with a node that they trust.
        page = posw("snapshot", "restore", "--chain", self.chain, "--datadir", f"{self.folder}/d", made["path"]).out
        self.assertEqual(page, f"restored up to block {told['height']}, {told['hash']}; every sum is right\n")
        twice = posw("snapshot", "restore", "--chain", self.chain, "--datadir", f"{self.folder}/b", made["path"])
        self.assertIn("holds a chain already", twice.err)
        os.rename(self.chain, f"{self.folder}/first.json")
        shutil.rmtree(f"{self.folder}/keys")
        operating.make_chain(self.folder, "--block-time", "2")
        other = posw("snapshot", "restore", "--chain", self.chain, "--datadir", f"{self.folder}/c", made["path"])
        self.assertEqual(other.code, 1)
        self.assertIn("holds the chain with genesis", other.err)
        self.assertEqual(os.listdir(f"{self.folder}/c"), ["LOCK"])

    def test_what_a_killed_node_has_left(self):
        """Half a snapshot is as large as the chain: the next start removes it, and no whole one."""
        with operating.start(self.folder, "a", "--no-network") as a:
            made = self.created("--rpc", f"http://127.0.0.1:{a.port}")
            self.assertEqual(a.stop()[0].code, 0)
        place = os.path.dirname(made["path"])
        kept = sorted([os.path.basename(made["path"]), "partial", "note.partial"])
        for name in ("block-1-at-1700000000.tar.partial", "block-2-at-1700000000-2.tar.partial", "partial", "note.partial"):
            with open(f"{place}/{name}", "wb") as file:
                file.write(bytes(100000))
        with operating.start(self.folder, "a", "--no-network"):
            self.assertEqual(sorted(os.listdir(place)), kept)

    def test_where_there_is_none(self):
        with Node("dev") as node:
            done = posw("snapshot", "create", "--rpc", f"http://127.0.0.1:{node.port}")
            self.assertIn("keeps its chain in memory", done.err)
        self.assertEqual(posw("snapshot", "create", "--datadir", self.folder).code, 2)


class Options(unittest.TestCase):
    def test_a_development_chain_is_healthy(self):
        with Node("dev") as node:
            self.assertEqual(get(node.port, "/health/ready")[0], 200)
            self.assertEqual(get(node.port, "/health/live")[0], 200)
            self.assertIn(get(node.port, "/metrics")[0], (404, 405))

    def test_names_are_for_addresses_that_others_reach(self):
        """A web page must not read a loopback port through a name of its own; a container is known by its name."""
        with tempfile.TemporaryDirectory() as folder:
            operating.make_chain(folder)
            for address, status in (("127.0.0.1", 403), ("0.0.0.0", 200)):
                with operating.start(folder, "a", "--metrics", f"{address}:0") as node:
                    self.assertEqual(get(node.ready["metricsPort"], "/metrics", headers={"Host": "node:9464"})[0], status)

    def test_wrong_ports(self):
        with tempfile.TemporaryDirectory() as folder:
            operating.make_chain(folder)
            for text, part in (("x", "neither a port nor"), ("65536", "neither a port nor"), ("-1", "neither a port nor"), (":", "neither a port nor"),
                               ("1.2.3.4:", "neither a port nor"), ("localhost:1", "not a numeric IP address"), ("[::1:5", "not a numeric IP address")):
                with self.subTest(text), self.assertRaises(NotReady) as refused:
                    operating.start(folder, "a", "--metrics", text)
                self.assertIn(part, refused.exception.result.err)
            with operating.start(folder, "a", "--metrics", "[::1]:0") as node:
                self.assertEqual(get(node.ready["metricsPort"], "/health/live", "[::1]")[0], 200)
                with self.assertRaises(NotReady) as refused:
                    operating.start(folder, "b", "--metrics", f"[::1]:{node.ready['metricsPort']}")
                self.assertIn("choose another port with --metrics", refused.exception.result.err)


if __name__ == "__main__":
    unittest.main()
