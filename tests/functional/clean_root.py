"""A clean Debian for the trials of packages and images, which need root and Debian's mirror.

DEBIAN_MIRROR names another mirror. DEBIAN_ROOT names a folder that keeps the Debian for the next trial: it is made there if it is missing, and copied.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")


def run(*words, seconds=3600, **more):
    """What it says; its last words are the error if it fails."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=seconds, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def prepare(case, *packages):
    """For setUpClass: is this root, are the packages there; gives a temporary folder that goes with the class."""
    if os.geteuid() != 0:
        raise AssertionError("this trial needs root: it makes a root of its own with debootstrap")
    run(ROOT / "tools/deps", "debootstrap", *packages)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="posw-trial-"))
    case.addClassCleanup(shutil.rmtree, folder)
    return folder


def debian(folder):
    """Makes a minimal Debian 12 in the folder, which must not exist yet."""
    kept = os.environ.get("DEBIAN_ROOT")
    made = pathlib.Path(kept) if kept else folder
    if not (made / "etc/debian_version").exists():
        run("debootstrap", "--variant=minbase", "bookworm", made, MIRROR)
    if kept:
        run("cp", "-a", made, folder)
