"""The guides in doc/: every command in them is tried. What ends by itself is run, in order, in a folder of its own for each guide; of what needs
a running node and real addresses it is checked that the command has each option that is written there. Also the commands in running text.

POSW=build/posw python3 -m unittest tests/functional/test_guides.py
"""
import functools
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
POSW = os.path.abspath(os.environ.get("POSW", str(ROOT / "build/posw")))
GUIDES = ("founders", "miners", "holders", "operators", "researchers")
NEED_A_NODE = ("node", "miner", "faucet", "send", "stake", "status", "peers", "localnet", "db", "export", "import", "tx", "snapshot")
# A node, a terminal or a key of a certain name: of the wallet's commands.
NEED_MORE = ("history", "import", "sign-message", "verify")
NEED_A_CHAIN = ("rehearse",)  # of the chain's commands
TIME_S = 900
QUESTIONS_MAX = 50


@functools.cache
def help_of(*words):
    done = subprocess.run([POSW, *words, "--help"], capture_output=True, text=True, timeout=60)
    return done.stdout if done.returncode == 0 else None


def commands(guide):
    """(whole line, words) of indented lines, and of `posw …` in the text where it has options or arguments. build/ is where posw is."""
    text = (ROOT / "doc" / f"{guide}.md").read_text()
    for line in re.findall(r"^    ((?:posw|echo|build/\S+) .*)$", text, re.M) + re.findall(r"`(posw [^`…]* [^`…]*)`", re.sub(r"^    .*$", "", text, flags=re.M)):
        line = re.sub("^build/", f"{os.path.dirname(POSW)}/", line)
        yield line, shlex.split(line)


class Links(unittest.TestCase):
    def test_what_is_linked_is_there(self):
        """The files that the documents link to by relative paths."""
        found = 0
        for document in subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split():
            for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / document).read_text()):
                with self.subTest(document=document, link=link):
                    self.assertTrue((ROOT / document).parent.joinpath(link).exists())
                found += 1
        self.assertGreater(found, 20)


class Guides(unittest.TestCase):
    def options_exist(self, line, words):
        named = [w for w in words[1:3] if re.fullmatch(r"[a-z-]+", w)]
        text = help_of(*named) or help_of(*named[:1])
        self.assertIsNotNone(text, line)
        for option in (w.split("=")[0] for w in words if w.startswith("--")):
            self.assertIn(f"  {option}", text, line)

    def runs(self, line, words, folder):
        home = {**os.environ, "HOME": folder, "PATH": f"{os.path.dirname(POSW)}:{os.environ['PATH']}"}
        done = subprocess.run(line, shell=True, cwd=folder, env=home, capture_output=True, text=True, timeout=TIME_S, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")
        self.assertTrue(words[0] == "echo" or done.stdout.strip() != "", line)

    def answers(self, words, folder):
        """A command that asks, on a terminal of its own: the default for every question."""
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ["HOME"] = folder
            os.execv(POSW, words)
        seen = b""
        try:
            while seen.count(b"]: ") < QUESTIONS_MAX:
                seen += os.read(fd, 4096)
                if seen.endswith(b"]: "):
                    os.write(fd, b"\n")
        except OSError:
            pass  # it has ended
        os.close(fd)  # one that asks for ever hears that nobody answers
        self.assertEqual(os.waitpid(pid, 0)[1], 0, seen.decode())

    def test_every_command(self):
        for guide in GUIDES:
            ran = 0
            with tempfile.TemporaryDirectory() as folder:
                pathlib.Path(folder, "secret.txt").write_text("a password\n")
                shutil.copy(ROOT / "lab/scenarios/btg-2018-05.json", pathlib.Path(folder, "my-attack.json"))
                for line, words in commands(guide):
                    with self.subTest(guide=guide, line=line):
                        bare = words[:2] == ["posw", "lab"] and len(words) == 3 or words in (["posw", "chain", "check"], ["posw", "chain", "show"])  # a name in the text
                        needs = words[1] in NEED_A_NODE or (words[1] == "wallet" and words[2] in NEED_MORE) or (words[1] == "chain" and words[2:3] and words[2] in NEED_A_CHAIN) if words[0] == "posw" else False
                        if words[0] == "posw" and (bare or needs or words[-1] == "--help"):
                            self.options_exist(line, words)
                            continue
                        if words == ["posw", "chain", "new"]:
                            self.answers(words, folder)
                        else:
                            self.runs(line, words, folder)
                        ran += 1
            self.assertGreater(ran, 4, guide)

    def test_python(self):
        """What the guide for researchers gives to python3, and says that it prints; the chain file is made by the line before."""
        text = (ROOT / "doc/researchers.md").read_text()
        found = re.search(r"^    (posw chain new .*)\n    PYTHONPATH=spec (python3 - <<'END'\n(?:    .*\n)*?    END)\n", text, re.M)
        with tempfile.TemporaryDirectory() as folder:
            self.runs(found[1], ["posw"], folder)
            done = subprocess.run(found[2].replace("\n    ", "\n"), shell=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "spec")},
                                  capture_output=True, text=True, timeout=TIME_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"`{done.stdout.strip()}`", text)

    def test_races(self):
        """The figures that the guide for researchers gives for one question: the exact one, and what the races of the default seed come to."""
        text = (ROOT / "doc/researchers.md").read_text()
        for command in re.findall(r"^    posw (lab double-spend --q 0\.3 --z 6 .*)$", text, re.M):
            done = json.loads(subprocess.run([POSW, *shlex.split(command), "--json"], capture_output=True, text=True, check=True, timeout=TIME_S).stdout)
            said = f"{done['probability']:.4f} ± {done['standard_error']:.4f}" if done["standard_error"] > 0 else f"{done['probability']:.5f}"
            self.assertIn(said, text, command)


if __name__ == "__main__":
    unittest.main()
