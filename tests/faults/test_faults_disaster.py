"""The disaster: of a whole installation only the folder of archives is left, and everything comes back from it."""

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.standalone.simulation import DEFAULT_END_NIGHT, SMALL, simulate
from tests.e2e.running import NIGHTBUS, Up, up
from tests.stack import open_folder

LIMIT_S = 120.0
LISTINGS = (("files", "--limit", "1000"), ("captures",), ("sessions",))
SETTINGS = """
[[sources]]
name = "seestar"
path = "{captures}/MyWorks"
mode = "copy"
time_zone = "America/Denver"

[[sources]]
name = "nina"
path = "{captures}/NINA"
mode = "index"
time_zone = "America/Denver"

[ingest]
settle_s = 0.5
incomplete_wait_s = 1

[stats]
session_quiet_s = 3
session_check_interval_s = 0.5
session_revision_interval_s = 1

[backup]
look_interval_s = 1
arrival_wait_s = 0

[[destinations]]
name = "usb-disk"
path = "{destination}"
"""


def test_everything_comes_back_from_the_folder_alone() -> None:
    """All listings and files are as before, nothing is sent again, and what is captured next is archived as well."""
    with open_folder() as folder:
        destination = folder / "usb"
        destination.mkdir()
        before, contents = _lived(folder / "old", destination)
        sent = _objects(destination)
        shutil.rmtree(folder / "old")

        new = folder / "new"
        new.mkdir()
        _kill_while_files_come(destination, new)
        refused = subprocess.run(
            [*NIGHTBUS, "up", "--home", str(new / "home")], capture_output=True, text=True, check=False, cwd=new
        )
        assert refused.returncode == 1
        assert "is not over" in refused.stderr
        done = _restore(destination, new)
        assert done["failed"] == []
        assert done["restored"] + done["already_here"] == done["places"] >= len(before["files"])
        assert done["archived"] == len(contents)
        assert done["never_archived"] == 0
        captures = folder / "old" / "captures"
        (captures / "MyWorks").mkdir(parents=True)
        with up(new / "home", NIGHTBUS_CONFIG=str(new / "nightbus.toml")) as running:
            _until(running, lambda: running.json("status")["counts"]["waiting"] == 0)
            assert _listings(running) == before
            places = {"library": new / "home" / "library", "nina": new / "home" / "trees" / "nina"}
            for row in running.json(*LISTINGS[0]):
                assert _sha256(places[row["root"]] / row["path"]) == row["file_id"]
            _until(running, lambda: running.json("backup", "status")["covered"]["unprotected"] == 0)
            assert _archives(_objects(destination)) == _archives(sent)

            simulate(captures, nights=1, seed=8, end_night=DEFAULT_END_NIGHT + timedelta(days=1), profile=SMALL)
            _until(running, lambda: _is_protected(running, more_than=len(contents)))
            now = _objects(destination)
            assert len(_archives(now)) > len(_archives(sent))
            assert sent.items() <= now.items(), "nothing that lay there was changed"


def _lived(folder: Path, destination: Path) -> tuple[dict[str, Any], set[str]]:
    """An installation that took in a night, archived it, and dumped its database: its listings and its contents."""
    captures = folder / "captures"
    for name in ("MyWorks", "NINA"):
        (captures / name).mkdir(parents=True)
    config = folder / "nightbus.toml"
    config.write_text(SETTINGS.format(captures=captures, destination=destination))
    with up(folder / "home", NIGHTBUS_CONFIG=str(config)) as running:
        simulate(captures, nights=1, seed=7, profile=SMALL)
        _until(running, lambda: _is_protected(running, more_than=30))
        assert running.json("backup", "database")["state"] == "done"
        return _listings(running), {row["file_id"] for row in running.json(*LISTINGS[0])}


def _is_protected(running: Up, more_than: int) -> bool:
    """Whether all has been handled, every session is finished, and every file lies in a verified archive."""
    counts = running.json("status")["counts"]
    sessions = running.json("sessions")
    covered = running.json("backup", "status")["covered"]
    return (
        counts["waiting"] == 0
        and all(session["state"] == "finished" for session in sessions)
        and covered is not None
        and covered["archived"] == counts["arrived"] > more_than
    )


def _listings(running: Up) -> dict[str, Any]:
    return {words[0]: running.json(*words) for words in LISTINGS}


def _command(destination: Path, folder: Path) -> list[str]:
    words = ["backup", "restore-everything", "--from", str(destination), "--home", str(folder / "home"), "--json"]
    return [*NIGHTBUS, *words]


def _kill_while_files_come(destination: Path, folder: Path) -> None:
    """Begin a restore and kill it as soon as it restores files."""
    process = subprocess.Popen(
        _command(destination, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "restoring the files" in line:
            break
    process.kill()
    assert process.wait(60) < 0
    process.stderr.close()


def _restore(destination: Path, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        _command(destination, folder), capture_output=True, text=True, timeout=300, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr + done.stdout
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def _objects(destination: Path) -> dict[str, str]:
    """All that lies at the destination, by its hash; what the database and the settings leave there apart."""
    files = [path for path in destination.rglob("*") if path.is_file() and ".unfinished" not in path.parts]
    return {str(path.relative_to(destination)): _sha256(path) for path in files}


def _archives(objects: dict[str, str]) -> set[str]:
    return {key for key in objects if ".tar" in key}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _until(running: Up, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, running.log.read_text()[-4000:]
        time.sleep(0.3)
