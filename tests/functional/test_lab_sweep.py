#!/usr/bin/env python3
"""posw lab sweep: every combination, from the command line and from a file; the same bytes for any number of threads, and of processes
under MPI (where the program is built with it and mpirun is there: POSW_MPI=1 makes a skip a failure).

POSW=build/posw python3 -m unittest tests/functional/test_lab_sweep.py
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
POSW = os.environ.get("POSW", str(ROOT / "build/posw"))
SWEEP = ("lab", "sweep", "double-spend", "--q", "0.05:0.45:0.1", "--z", "2,6,20", "--model", "strict")
TIME_S = 120


def run(*words, before=()):
    done = subprocess.run([*before, POSW, *words], capture_output=True, text=True, timeout=TIME_S, stdin=subprocess.DEVNULL, start_new_session=True)
    return done.returncode, done.stdout, done.stderr


class Sweep(unittest.TestCase):
    def ok(self, *words, **more):
        code, out, err = run(*words, **more)
        self.assertEqual((code, err), (0, ""), words)
        return out

    def test_every_combination_as_the_command_says_it(self):
        rows = json.loads(self.ok(*SWEEP, "--json"))["cases"]
        self.assertEqual([(r["q"], r["z"]) for r in rows], [(q, z) for q in (0.05, 0.15, 0.25, 0.35, 0.45) for z in (2, 6, 20)])
        for r in rows[::4]:
            alone = json.loads(self.ok("lab", "double-spend", "--q", str(r["q"]), "--z", str(r["z"]), "--model", "strict", "--json"))
            self.assertEqual(r["probability"], alone["probability"])

    def test_threads_do_not_matter(self):
        words = ("lab", "sweep", "miner", "--hashrate", "100:100000:x10", "--stake", "0,2500,30000", "--network-hash", "1e6", "--json")
        one = self.ok(words[0], words[1], "--threads", "1", *words[2:])
        self.assertEqual(len(json.loads(one)["cases"]), 12)
        for threads in ("2", "7"):
            self.assertEqual(self.ok(words[0], words[1], "--threads", threads, *words[2:]), one)

    def test_file(self):
        plan = {"command": "double-spend", "options": {"q": [0.1, "0.2:0.3:0.1"], "model": "nakamoto"}, "cases": [{"z": 1}, {"z": 5, "model": "strict"}]}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "plan.json")
            pathlib.Path(path).write_text(json.dumps(plan))
            out = json.loads(self.ok("lab", "sweep", "--file", path, "--json", "--keys", "probability"))
            self.assertEqual([(r["q"], r["z"], r["model"]) for r in out["cases"]],
                             [(q, z, m) for q in (0.1, 0.2, 0.3) for z, m in ((1, "nakamoto"), (5, "strict"))])
            self.assertAlmostEqual(out["cases"][0]["probability"], 0.2045873, 7)
            for bad, part in (([], "an object"), ({"command": "sweep"}, "no command that can be swept"), ({"command": "double-spend", "case": []}, "an object"),
                              ({"command": "double-spend", "options": {"z": {}}}, "must be a number"), ({"command": "double-spend", "options": {"y": 1}}, "no option --y"),
                              ({"command": "double-spend", "cases": [{"z": [1]}]}, "with one value")):
                pathlib.Path(path).write_text(json.dumps(bad))
                code, out, err = run("lab", "sweep", "--file", path)
                self.assertEqual((code, out), (2, ""), bad)
                self.assertIn(part, err)

    def test_the_form_may_stand_anywhere(self):
        want = self.ok("lab", "sweep", "--json", "--keys", "probability", "double-spend", "--q", "0.1,0.2", "--z", "6")
        for words in (("double-spend", "--json", "--q", "0.1,0.2", "--keys=probability", "--z", "6"), ("--json", "--keys", "probability", "--", "double-spend", "--q", "0.1,0.2", "--z", "6"),
                      ("--threads", "1", "double-spend", "--q", "0.1,0.2", "--z=6", "--keys", "probability", "--json")):
            self.assertEqual(self.ok("lab", "sweep", *words), want)

    def test_options_of_some_cases(self):
        rows = json.loads(self.ok("lab", "sweep", "double-spend", "--q", "0.3", "--z", "2", "--model", "strict,simulate", "--trials", "20000", "--json", "--keys", "probability"))["cases"]
        self.assertLess(abs(rows[0]["probability"] - rows[1]["probability"]), 0.02)

    def test_interrupt(self):
        """Ctrl-C: cases that it cut short are told from whole ones, and the sweep is not complete."""
        words = [POSW, "lab", "sweep", "difficulty", "--rule", "asert,step", "--blocks", "16000,100000000000", "--json"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        end = time.monotonic() + TIME_S
        while time.monotonic() < end:
            with open(f"/proc/{process.pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > 2:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIME_S)
        self.assertEqual(process.returncode, 0, err)
        answer = json.loads(out)
        self.assertFalse(answer["complete"])
        self.assertEqual(answer["wanted"], 4)
        whole = [row for row in answer["cases"] if row["blocks_counted"] == 16000]
        self.assertEqual(answer["done"], len(whole))
        self.assertGreater(len(answer["cases"]), len(whole))
        for row in answer["cases"]:
            self.assertEqual(row["complete"], "yes" if row in whole else "no")

    def test_what_is_common(self):
        """The table says by what every case was asked, so that it can be asked again."""
        words = ("lab", "sweep", "selfish", "--simulate", "--alpha", "0.2,0.3", "--gamma", "0", "--blocks", "16000", "--json")
        for more, seed in (((), "1"), (("--seed", "7"), "7")):
            out = json.loads(self.ok(*words, *more))
            self.assertEqual(set((" " + out["common"]).split(" --")[1:]), {"simulate", "gamma 0", "blocks 16000", "seed " + seed})
        self.assertNotIn("seed", json.loads(self.ok(*SWEEP, "--seed", "1,2", "--json"))["common"])
        self.assertEqual(json.loads(self.ok("lab", "sweep", "erlang", "--tickets", "1,2", "--ratio", "2", "--json"))["common"], "--ratio 2")

    def test_page(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sweep.html")
            self.ok(*SWEEP, "--html", path)
            self.assertIn("<canvas", pathlib.Path(path).read_text())

    def test_refusals(self):
        for words, part in ((("--frob",), "unknown option --frob"), ((), "give a command"), (("man",), "no command that can be swept"),
                            (("double-spend", "--q", "0.1:0.2"), "--q must be a number"), (("double-spend", "--q", "0.2:0.1:0.1", "--z", "1"), "a range is"),
                            (("double-spend", "--q", "0:1:1e-9", "--z", "1"), "a range is"), (("double-spend", "--z", "1:50000:1", "--q", "0.1,0.2,0.3"), "more than 100000 cases"),
                            (("double-spend", "--q", "0.1,7", "--z", "1"), "this was case 2: --q 7"), (("double-spend", "--q"), "--q needs a value"), (("double-spend", "x"), "is no option"),
                            (("double-spend", "--q", "0.1,0.2", "--z", "1", "--keys", "probability,probabilty"), "--keys: no case has 'probabilty'")):
            code, out, err = run("lab", "sweep", *words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn(part, err)


class Cluster(unittest.TestCase):
    def setUp(self):
        reason = None
        if shutil.which("mpirun") is None:
            reason = "mpirun is not installed: the sweep on a cluster was not tested"
        elif b"MPI_Init" not in pathlib.Path(POSW).parent.joinpath("lab/posw-lab").read_bytes():
            reason = "posw-lab is built without MPI (-Dmpi=enabled): the sweep on a cluster was not tested"
        if reason is not None:
            (self.fail if os.environ.get("POSW_MPI") else self.skipTest)(reason)

    def mpirun(self, processes, *words):
        return run(*words, before=("mpirun", "-np", str(processes), "--allow-run-as-root", "--oversubscribe"))

    def test_processes_do_not_matter(self):
        alone = run(*SWEEP, "--json")
        self.assertEqual(alone[0], 0)
        for processes in (1, 2, 3):
            self.assertEqual(self.mpirun(processes, *SWEEP, "--json")[:2], alone[:2])

    def test_text_and_more_processes_than_cases(self):
        words = ("lab", "sweep", "miner", "--hashrate", "100,1000", "--network-hash", "1e6")
        self.assertEqual(self.mpirun(3, *words)[:2], run(*words)[:2])

    def test_a_case_that_fails(self):
        code, out, _ = self.mpirun(2, "lab", "sweep", "double-spend", "--q", "0.1,7", "--z", "1")
        self.assertNotEqual(code, 0)
        self.assertNotIn("probability", out)


if __name__ == "__main__":
    unittest.main()
