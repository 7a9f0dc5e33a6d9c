"""`backup restore` and `backup verify`, run as a program on a destination, with the database and without one."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.integration.backup.world import NIGHT, OTHER, SESSION, World, file_id, noise, world

REPOSITORY = Path(__file__).resolve().parents[3]
FILES = 8
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
async def one(settings: Settings, tmp_path: Path) -> AsyncIterator[World]:
    """Two sessions, archived to the folder ``disk`` by a service that runs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    async with world(settings, tmp_path, disk, verify_interval_s=0, drill_interval_s=0) as made:
        for session, seed in ((SESSION, 0), (OTHER, 100)):
            ids = [await made.bring(f"{session}/{n}.fits", noise(seed + n, 60_000)) for n in range(FILES)]
            await made.put_in_session(ids, session)
        async with made.running():
            for session in (SESSION, OTHER):
                await made.finish(session)
            await made.settled(archives=2)
            yield made


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Run:
    """Run the command line as a program, with the folder ``disk`` as destination; ``database=False``: on its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTBUS_")}
    postgres, nats = settings.postgres, settings.nats
    stack = {
        "NIGHTBUS_POSTGRES__HOST": postgres.host,
        "NIGHTBUS_POSTGRES__PORT": str(postgres.port),
        "NIGHTBUS_POSTGRES__DATABASE": postgres.database,
        "NIGHTBUS_POSTGRES__ADMIN_ROLE": postgres.admin_role,
        "NIGHTBUS_POSTGRES__SECRETS_DIR": str(postgres.secrets_dir),
        "NIGHTBUS_NATS__URL": nats.url,
    }
    if nats.user and nats.password_file:
        stack |= {"NIGHTBUS_NATS__USER": nats.user, "NIGHTBUS_NATS__PASSWORD_FILE": str(nats.password_file)}
    toml = tmp_path / "nightbus.toml"
    toml.write_text(
        f'config_version = 1\n\n[[destinations]]\nname = "disk"\nkind = "folder"\npath = "{tmp_path / "disk"}"\n'
    )

    def nightbus(*words: str, database: bool = True) -> subprocess.CompletedProcess[str]:
        own = {"PYTHONPATH": str(REPOSITORY), "NIGHTBUS_CONFIG": str(toml), "XDG_DATA_HOME": str(tmp_path / "none")}
        return subprocess.run(
            [sys.executable, "-m", "services.cli.main", "backup", *words],
            capture_output=True, text=True, env=clean | own | (stack if database else {"HOME": str(tmp_path)}),
            cwd=tmp_path, timeout=120, check=False,
        )  # fmt: skip

    return nightbus


def found_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def of_session(session: str, seed: int) -> dict[str, bytes]:
    """What comes back of a session."""
    return {f"{session}/library/{session}/{n}.fits": noise(seed + n, 60_000) for n in range(FILES)}


@pytest.mark.parametrize("known", [True, False], ids=["database", "manifests"])
async def test_a_session_comes_back(one: World, run: Run, tmp_path: Path, known: bool) -> None:
    """A session by its id, whole and into ./restored; again all of it is already here. No database is needed."""
    done = await asyncio.to_thread(run, "restore", SESSION, database=known)
    assert done.returncode == 0, done.stderr
    assert f"{FILES} files = {FILES} restored (480.0 kB) + 0 already here + 0 failed, in restored" in done.stdout
    assert found_in(tmp_path / "restored") == of_session(SESSION, 0)
    again = await asyncio.to_thread(run, "restore", SESSION, "--json", database=known)
    told = json.loads(again.stdout)
    assert (told["restored"], told["already_here"], told["read_bytes"]) == (0, FILES, 0)


@pytest.mark.parametrize("known", [True, False], ids=["database", "manifests"])
async def test_single_files_come_back(one: World, run: Run, tmp_path: Path, known: bool) -> None:
    """A file by its id, by the beginning of that, or by its path: its own bytes are read and no others."""
    for word, number in ((file_id(noise(1, 60_000)), 1), (file_id(noise(2, 60_000))[:12], 2), (f"{SESSION}/3.fits", 3)):
        done = await asyncio.to_thread(run, "restore", word, "--to", f"out{number}", "--json", database=known)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["found"], told["restored"]) == (1, 1)
        assert 60_000 < told["read_bytes"] < 62_000
        name = f"{SESSION}/library/{SESSION}/{number}.fits"
        assert found_in(tmp_path / f"out{number}") == {name: noise(number, 60_000)}


async def test_a_target_brings_its_sessions(one: World, run: Run, tmp_path: Path) -> None:
    """A target by any of its names brings all sessions that show it; without a database that is said to be unknown."""
    await one.admin.execute(
        "INSERT INTO stats.file (file_id, root, path, size_bytes, source, arrived_at, scan_revision, origin,"
        " announced_at) SELECT file_id, 'library', path, 60000, 'rig', now(), 1, path, now() FROM ingest.location"
    )
    done = await asyncio.to_thread(run, "restore", "Orion Nebula", "--to", "out")
    assert done.returncode == 0, done.stderr
    assert found_in(tmp_path / "out") == of_session(SESSION, 0) | of_session(OTHER, 100)
    done = await asyncio.to_thread(run, "restore", "M42", database=False)
    assert (done.returncode, "name sessions" in done.stderr) == (1, True), done.stderr


async def test_what_is_unknown_or_damaged_is_one_sentence(one: World, run: Run, tmp_path: Path) -> None:
    """What nothing names and what is spoilt is a sentence each, with exit code 1; the rest comes back."""
    done = await asyncio.to_thread(run, "restore", "20200101_00000000")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no manifest at disk names 20200101_00000000" in done.stderr
    done = await asyncio.to_thread(run, "restore", SESSION, "--from", "elsewhere")
    assert (done.returncode, "there is disk" in done.stderr) == (1, True)
    path = next((tmp_path / "disk").rglob(f"{SESSION}.tar.zst"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = await asyncio.to_thread(run, "restore", SESSION, "--to", "out")
    assert (done.returncode, f"{FILES - 1} restored" in done.stdout, "1 failed" in done.stdout) == (1, True, True)
    assert len(found_in(tmp_path / "out")) == FILES - 1


async def test_a_hostile_manifest_leads_nowhere(one: World, run: Run, tmp_path: Path) -> None:
    """Names that lead out of the folder, forged sizes and what is no manifest cost themselves; the rest comes back."""
    path = next((tmp_path / "disk").rglob(f"{SESSION}.manifest.json"))
    manifest = json.loads(path.read_text())
    for number, member in enumerate(("../../out.fits", "/etc/nightbus.fits", f"{SESSION}/../../../out.fits")):
        manifest["files"][number]["member"] = member
    manifest["files"][3]["size_bytes"] = 2**60
    manifest["files"][4]["stored_offset"] = 2**60
    manifest["files"][5]["archive"] = "backups/raw/2026/../../../../../etc/passwd"
    path.write_text(json.dumps(manifest))
    before = {name for name in found_in(tmp_path) if not name.startswith("out/")}
    done = await asyncio.to_thread(run, "restore", SESSION, "--to", "out", database=False)
    assert (done.returncode, "2 restored" in done.stdout, "6 failed" in done.stdout) == (1, True, True), done.stdout
    assert {name for name in found_in(tmp_path) if not name.startswith("out/")} == before
    path.write_text("[" * 100_000)
    done = await asyncio.to_thread(run, "restore", SESSION, database=False)
    assert (done.returncode, "is no manifest, or is damaged" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


async def test_verify_says_what_is_wrong(one: World, run: Run, tmp_path: Path) -> None:
    """`verify` ends with 0 where all is well, with 1 and the names of the files where something is not."""
    done = await asyncio.to_thread(run, "verify", "--deep")
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert done.stdout == "disk: 2 archives looked at, 16 files read to the last byte: all is as it was sent\n"
    done = await asyncio.to_thread(run, "verify", "--sample", "1/9999")
    assert (done.returncode, "disk: no archive was due" in done.stdout) == (0, True), done.stdout
    path = next((tmp_path / "disk").rglob(f"{SESSION}.tar.zst"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = await asyncio.to_thread(run, "verify", "--deep", "--session", SESSION)
    assert done.returncode == 1
    assert "2 problems found" in done.stdout
    assert f"{SESSION}/library/{SESSION}/" in done.stdout
    done = await asyncio.to_thread(run, "verify", "--sample", "1/2", "--json")
    assert {row["sample"] for row in json.loads(done.stdout)["checks"]} == {2}
    for words, code in ((("--sample", "2/3"), 2), (("--all", "--session", SESSION), 2), (("--destination", "no"), 1)):
        assert (await asyncio.to_thread(run, "verify", *words)).returncode == code
    assert NIGHT.year == 2026
