"""F17: a hundred random corruptions at a destination; all are found, with the files that they touch, and mended."""

import random
from pathlib import Path

import pytest

from services.backup.restore.wanted import Copy
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.events.commands import BackupAccepted, VerifyBackup
from shared.settings import Settings
from tests.faults.conftest import Say
from tests.integration.backup.world import World, noise, until, world
from tests.rot import KINDS, Rot, spoil

ARCHIVES = 130
FILES = 4
CORRUPTIONS = 100
RUNS = 5


async def test_a_hundred_corruptions(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, say: Say
) -> None:
    """Flipped, cut off, deleted and swapped archives are all found by as many runs as the sample says.

    Every file that is touched is named, each is archived again, and all findings are mended.
    """
    draw = random.Random(seed)
    monkeypatch.setattr("services.backup.app.CHECKS_INTERVAL_S", 1.0)
    disk = tmp_path / "disk"
    disk.mkdir()
    chosen = {"verify_interval_s": 0, "drill_interval_s": 0, "look_interval_s": 1.0}
    async with world(settings, tmp_path, disk, **chosen) as one:
        sessions = [f"20260228_{number:08X}" for number in range(ARCHIVES)]
        for number, session in enumerate(sessions):
            made = [
                await one.bring(f"{session}/{n}.fits", noise(number * FILES + n, draw.randrange(1, 90_000)))
                for n in range(FILES)
            ]
            await one.put_in_session(made, session)
        async with one.running():
            for session in sessions:
                await one.finish(session)
            await until(lambda: _all_there(one), 300.0)
            members = await _members(one)
            rots = _spoil_some(draw, disk, members)
            found: dict[str, set[str]] = {}
            for _run in range(RUNS):
                await _checked(one)
                for row in await one.backup.fetch("SELECT key, what, root, path, collection_id FROM findings"):
                    names = found.setdefault(row["key"], set())
                    if row["what"] == "missing":
                        names |= {copy.member for copy in members[row["key"]]}
                    elif row["what"] == "member":
                        names.add(f"{row['collection_id']}/{row['root']}/{row['path']}")
            say(f"{len(rots)} archives spoilt, {len(found)} found in {RUNS} runs")
            assert found.keys() == {rot.key for rot in rots}
            for rot in rots:
                assert found[rot.key] >= rot.touches, rot
            assert sum(found[rot.key] == rot.touches for rot in rots) >= 0.9 * len(rots)

            async def whole_again() -> bool:
                open_now = await one.backup.fetchval("SELECT count(*) FROM finding WHERE mended_at IS NULL")
                lacking = await one.backup.fetchval("SELECT unprotected FROM coverage WHERE destination = 'disk'")
                return bool(open_now == 0 and lacking == 0)

            await until(whole_again, 300.0)


async def _all_there(one: World) -> bool:
    """Whether every session is archived, and nothing is under way."""
    query = """
    SELECT count(DISTINCT collection_id) FILTER (WHERE phase = 'verified') = $1
           AND bool_and(state NOT IN ('waiting', 'running')) FROM archive
    """
    return bool(await one.backup.fetchval(query, ARCHIVES))


async def _members(one: World) -> dict[str, list[Copy]]:
    """What lies where, by the key of the archive."""
    rows = await one.backup.fetch(
        "SELECT a.key, m.position, m.file_id, m.name, m.size_bytes, m.stored_offset, m.stored_bytes"
        " FROM member m JOIN archive a USING (archive_id) ORDER BY a.key, m.position"
    )
    found: dict[str, list[Copy]] = {}
    for row in rows:
        copy = Copy(
            "disk", row["key"], True, row["position"], row["file_id"], row["name"], row["size_bytes"],
            row["stored_offset"], row["stored_bytes"],
        )  # fmt: skip
        found.setdefault(row["key"], []).append(copy)
    return found


def _spoil_some(draw: random.Random, disk: Path, members: dict[str, list[Copy]]) -> list[Rot]:
    """Corruptions of all kinds, each of other archives; a swap is one of two."""
    (base,) = disk.glob("nightbus-*")
    left = sorted(members)

    def read(key: str) -> bytes:
        return (base / key).read_bytes()

    def write(key: str, data: bytes | None) -> None:
        if data is None:
            (base / key).unlink()
        else:
            (base / key).write_bytes(data)

    draw.shuffle(left)
    rots: list[Rot] = []
    for number in range(CORRUPTIONS):
        kind = KINDS[number % len(KINDS)]
        keys = [left.pop() for _ in range(2 if kind == "swap" else 1)]
        rots += spoil(draw, kind, keys, members, read, write)
    return rots


async def _checked(one: World) -> None:
    """The next share of all archives, to its end."""
    command = VerifyBackup(sample=RUNS, deep=True)
    client = await connect(one.settings.nats, "test")
    await ask(client, command, BackupAccepted)
    await client.close()

    async def done() -> bool:
        query = "SELECT bool_and(state = 'done') FROM check_job WHERE command_id = $1"
        return bool(await one.backup.fetchval(query, command.command_id))

    await until(done, 120.0)
