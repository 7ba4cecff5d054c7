"""What operators rely on: health and metrics, as a real Prometheus and its tools read them.

    POSW=build/posw python3 tests/functional/test_operating.py
"""
import json
import tempfile
import unittest

import operating
from operating import get, heads, promtool, samples, until
from posw_process import NotReady, Node, posw


class Watched(unittest.TestCase):
    """Two nodes of one chain; the first mines and is watched by a Prometheus."""

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="posw-watched-")) if hasattr(cls, "enterClassContext") else cls.folder()
        operating.make_chain(folder)
        cls.miner = operating.start(folder, "a", "--metrics", 0, "--mine-alone", *operating.mining(folder))
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
        self.assertEqual(missing, {"posw_clock_offset_seconds"})  # which needs four peers
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
        self.assertAlmostEqual(s["process_start_time_seconds"] + age, operating.time.time(), delta=3)
        self.assertAlmostEqual(s["process_resident_memory_bytes"] / 2**20, self.other.memory_mb(), delta=20)

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
        self.assertEqual(told["reasons"], ["1 peers, at least 2 are needed"])
        self.assertEqual(samples(self.metrics(self.other.ready["metricsPort"]))["posw_ready"], 0)


class Options(unittest.TestCase):
    def test_a_development_chain_is_healthy(self):
        with Node("dev") as node:
            self.assertEqual(get(node.port, "/health/ready")[0], 200)
            self.assertEqual(get(node.port, "/health/live")[0], 200)
            self.assertIn(get(node.port, "/metrics")[0], (404, 405))

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
