"""status, dead-letters, reread and ingest on a real NATS and Postgres."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from services.cli.connection import Stack, reader
from shared.errors import UserError
from shared.events.commands import (
    DismissFiles,
    DropDeadLetters,
    ImportPaths,
    ReplayDeadLetters,
    RereadFiles,
    state_question,
)
from shared.settings import Settings
from tests.stack import admin_execute

Run = Callable[..., subprocess.CompletedProcess[str]]
Answer = Callable[[bytes], Any]


@pytest.fixture
async def answer(nats_client: Client) -> AsyncIterator[Callable[..., Any]]:
    """Answer a command as its service would; the commands that came are in the returned list."""
    subscriptions = []

    async def register(model: Any, handle: Callable[[Any], Any]) -> list[Any]:
        seen: list[Any] = []

        async def on_request(message: Msg) -> None:
            command = model.model_validate_json(message.data) if message.data else None
            seen.append(command)
            result = handle(command)
            reply = await result if asyncio.iscoroutine(result) else result
            await message.respond(json.dumps(reply).encode())

        subscriptions.append(await nats_client.subscribe(model.subject, cb=on_request))
        await nats_client.flush()
        return seen

    yield register
    for subscription in subscriptions:
        await subscription.unsubscribe()


@pytest.fixture
async def letters(api: asyncpg.Connection) -> None:
    """Three dead letters: two that wait, one dropped."""
    for number, (service, state) in enumerate([("scanner", "waiting"), ("stats", "waiting"), ("stats", "dropped")]):
        await api.execute(
            "INSERT INTO dead_letter (service, subject, sequence, attempt, reason, payload, size_bytes, state) "
            "VALUES ($1, 'file.arrived', $2, 1, 'broken', $3, 3, $4)",
            service, number, b"a\x1b\xff", state,
        )  # fmt: skip


async def nightbus(run: Run, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, while this test answers commands."""
    return await asyncio.to_thread(run, *words)


async def test_status_counts_add_up(rows: None, letters: None, js: JetStreamContext, run: Run) -> None:
    """Arrived = scanned + quarantined + waiting, and services that are not there are named."""
    result = await nightbus(run, "status", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["counts"] == {
        "arrived": 6, "on_the_way": 0, "scanned": 4, "quarantined": 1, "waiting": 1, "failed": 0, "open_sessions": 3,
        "kept_sources": 0, "failures": [], "dismissed": 0,
        "awaiting_backup": 0, "awaiting_backup_bytes": 0, "has_destination": False,
        "reasons": ["library/broken\x1b[31m.fits: the header is cut off"], "closing_sessions": 3,
        "adds_up": True, "missing": 0, "damaged": 0, "library_problem": None, "given_up": [],
        "to_read_anew": 0, "away": 0, "strangers": 0, "forgotten": 0, "offline": [],
    }  # fmt: skip
    services = {service["service"]: service for service in found["services"]}
    assert [service["running"] for service in services.values()] == [False] * 6
    assert (services["scanner"]["dead_letters"], services["stats"]["dead_letters"]) == (1, 1)
    assert (services["ingest"]["outbox"], services["scanner"]["outbox"]) == (0, None)
    text = await nightbus(run, "status")
    assert "6 files arrived = 4 scanned + 1 quarantined + 1 waiting" in text.stdout
    assert text.stderr == "not running: ingest, scanner, stats, calibration, backup, api\n"


async def test_status_counts_what_is_to_be_read_anew(
    rows: None, stats: asyncpg.Connection, js: JetStreamContext, run: Run
) -> None:
    """Files of which no event is kept are counted, and those that are away apart, in words and as numbers."""
    await stats.execute(
        "INSERT INTO unkept VALUES (repeat('a', 64), NULL), (repeat('b', 64), NULL), (repeat('c', 64), 'gone')"
    )
    found = json.loads((await nightbus(run, "status", "--json")).stdout)["counts"]
    assert (found["to_read_anew"], found["away"]) == (2, 1)
    text = (await nightbus(run, "status")).stdout
    assert "3 files scanned before headers were kept whole: 2 still to be read anew, in the background, 1 away" in text


async def bury_about(api: asyncpg.Connection, file_id: str) -> None:
    """A dead letter of stats about a file, in the register."""
    await api.execute(
        "INSERT INTO dead_letter"
        " (service, subject, sequence, attempt, reason, payload, size_bytes, state, file_id)"
        " VALUES ('stats', 'file.scanned', 9, 12, 'broken', 'x', 1, 'waiting', $1)",
        file_id,
    )


async def test_a_file_that_could_not_be_counted_waits_and_is_told_of(
    rows: None, api: asyncpg.Connection, js: JetStreamContext, run: Run
) -> None:
    """A file.scanned that stats gave up on leaves its file among those that wait, with a sentence; the sum holds."""
    await bury_about(api, "f" * 64)
    await bury_about(api, "a" * 64)
    found = json.loads((await nightbus(run, "status", "--json")).stdout)["counts"]
    assert (found["arrived"], found["scanned"], found["quarantined"], found["waiting"]) == (6, 4, 1, 1)
    assert found["adds_up"]
    sentence = (
        "stats gave up on what was told of 1 file: `nightbus dead-letters` says why, and `nightbus dead-letters "
        "replay` tells it again"
    )
    assert found["given_up"] == [sentence]
    assert f"  {sentence}\n" in (await nightbus(run, "status")).stdout


async def test_what_was_read_and_has_gone_is_no_quarantined_file(
    rows: None, letters: None, js: JetStreamContext, stats: asyncpg.Connection, run: Run
) -> None:
    """`status` lists the files that it counts, `dismiss` finds them, and `files` says of the others what they are."""
    gone = [
        (digit * 64, path)
        for digit, path in (("a", "=M31 light 1.fits"), ("b", "M31 light 2.fits"), ("d", "dark.fits"))
    ]
    for file_id, path in gone:
        await stats.execute(
            "INSERT INTO quarantine (quarantine_key, file_id, root, path, service, attempt, reason, occurred_at) "
            "VALUES ($1, $1, 'library', $2, 'scanner', 2, $2 || ' is not in /library any more', now())",
            file_id, path,
        )  # fmt: skip
    counts = json.loads((await nightbus(run, "status", "--json")).stdout)["counts"]
    assert (counts["scanned"], counts["quarantined"], counts["adds_up"]) == (4, 1, True)
    assert counts["reasons"] == ["library/broken\x1b[31m.fits: the header is cut off"]
    text = (await nightbus(run, "status")).stdout
    assert "M31 light" not in text
    assert "more quarantined" not in text
    dry = await nightbus(run, "dismiss", "broken*", "--dry-run")
    assert dry.stdout.splitlines()[0] == "library/broken\\x1b[31m.fits: the header is cut off"
    shown = (await nightbus(run, "files")).stdout
    assert "library/dark.fits  cannot be read anew: it is not in /library any more" in shown


async def test_status_says_when_each_was_last_at_work(
    rows: None, letters: None, js: JetStreamContext, run: Run
) -> None:
    """From the database and the stream, which a restart of NATS does not empty; ingest counts the files it took."""
    services = {row["service"]: row for row in json.loads((await nightbus(run, "status", "--json")).stdout)["services"]}
    assert services["ingest"]["handled"] == 6
    assert services["ingest"]["last_active_at"] == "2026-03-01T06:00:00Z"
    assert services["scanner"]["last_active_at"] == "2026-03-01T06:00:00Z"
    assert services["stats"]["last_active_at"] is not None
    assert services["api"]["last_active_at"] is not None
    await js.publish("file.scanned", b"{}")
    services = {row["service"]: row for row in json.loads((await nightbus(run, "status", "--json")).stdout)["services"]}
    assert services["scanner"]["last_active_at"] > "2026-03-02"


async def test_a_connection_lost_on_the_way_is_one_sentence(settings: Settings) -> None:
    """Whoever reads on after the server has gone gets a sentence, and no traceback of the driver."""
    with pytest.raises(UserError, match="the connection to Postgres was lost: connection is closed"):
        async with reader(Stack(settings, None)) as connection:
            await connection.close()
            await connection.fetchval("SELECT 1")


async def test_a_reader_of_our_output_that_stops_is_no_lost_connection(settings: Settings) -> None:
    """`nightbus files --json | head -1` is nothing to complain of: the error goes on to where it is passed over."""
    with pytest.raises(BrokenPipeError):
        async with reader(Stack(settings, None)):
            raise BrokenPipeError


async def test_a_driver_used_wrongly_is_no_lost_connection(settings: Settings) -> None:
    """A mistake of ours on a sound connection keeps its name."""
    with pytest.raises(asyncpg.InterfaceError):
        async with reader(Stack(settings, None)) as connection:
            await connection.fetchval("SELECT $1::int", 1, 2)


async def test_status_sees_what_waits_and_who_answers(
    js: JetStreamContext, run: Run, answer: Callable[..., Any]
) -> None:
    """Messages nobody has read are waiting; a service that answers runs, and its own words say what it waits for."""
    await js.publish("file.arrived", b"{}")
    reason = "the library at /mnt/nas has no marker: is the volume mounted?"
    waits = [{"what": "the library", "reason": reason, "since": "2026-03-01T06:00:00Z"}]
    await answer(state_question("scanner"), lambda _: {"failed": ["nats: does not answer"]})
    await answer(state_question("ingest"), lambda _: {"waits": waits})
    found = json.loads((await nightbus(run, "status", "--json")).stdout)
    services = {service["service"]: service for service in found["services"]}
    assert [services[name]["running"] for name in ("scanner", "ingest", "stats")] == [True, True, False]
    assert (services["scanner"]["waiting"], services["stats"]["waiting"]) == (1, 1)
    assert services["ingest"]["waits"] == waits
    text = await nightbus(run, "status")
    assert f"ingest waits for the library: {reason}\n" in text.stdout
    assert "scanner does not reach nats: does not answer\n" in text.stdout
    assert text.stderr == "not running: stats, calibration, backup, api\n"


async def test_dead_letters_are_listed_and_shown(letters: None, run: Run) -> None:
    """List shows those that wait, newest first; show has the message, made harmless for the terminal."""
    listed = json.loads((await nightbus(run, "dead-letters", "list", "--json")).stdout)
    assert [row["service"] for row in listed] == ["stats", "scanner"]
    everything = await nightbus(run, "dead-letters", "list", "--state", "all", "--service", "stats", "--json")
    assert [row["state"] for row in json.loads(everything.stdout)] == ["dropped", "waiting"]
    number = str(listed[0]["dead_letter_id"])
    shown = await nightbus(run, "dead-letters", "show", number)
    assert "broken" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "a\\x1b" in shown.stdout
    missing = await nightbus(run, "dead-letters", "show", "999")
    assert (missing.returncode, missing.stderr) == (1, "nightbus: there is no dead letter 999\n")


async def test_replay_and_drop_ask_the_api(letters: None, run: Run, answer: Callable[..., Any]) -> None:
    """Both send their command once; --dry-run sends nothing; without numbers or --all they refuse."""
    replays = await answer(ReplayDeadLetters, lambda _command: {"ok": True, "changed": 2})
    drops = await answer(DropDeadLetters, lambda _command: {"ok": False, "error": "there is no dead letter 7"})
    dry = await nightbus(run, "dead-letters", "replay", "--all", "--dry-run")
    assert (dry.stdout, replays) == ("2 dead letters would be replayed\n", [])
    done = await nightbus(run, "dead-letters", "replay", "1", "2", "1")
    assert (done.returncode, done.stdout) == (0, "2 dead letters replayed\n")
    assert replays[0].ids == (1, 2)
    refused = await nightbus(run, "dead-letters", "drop", "7", "--reason", "old")
    assert (refused.returncode, refused.stderr) == (1, "nightbus: there is no dead letter 7\n")
    assert drops[0].reason == "old"
    assert (await nightbus(run, "dead-letters", "drop", "7")).returncode == 2
    assert (await nightbus(run, "dead-letters", "replay")).returncode == 2


async def test_a_service_that_is_away_is_named(letters: None, js: JetStreamContext, run: Run) -> None:
    """A command to nobody is one sentence."""
    result = await nightbus(run, "dead-letters", "replay", "1")
    assert (result.returncode, result.stderr) == (1, "nightbus: the api service is not running\n")


async def test_reread_chooses_files(
    rows: None, stats: asyncpg.Connection, run: Run, answer: Callable[..., Any]
) -> None:
    """By shortened id, by filter, or all; nothing chosen is refused."""
    seen = await answer(RereadFiles, lambda command: {"ok": True, "files": len(command.file_ids) or 6})
    done = await nightbus(run, "reread", "aaaaaa")
    assert (done.returncode, done.stdout) == (0, "1 file will be read anew\n")
    assert seen[-1].file_ids == ("a" * 64,)
    assert (await nightbus(run, "reread", "--object", "M31")).stdout == "2 files will be read anew\n"
    assert sorted(seen[-1].file_ids) == ["a" * 64, "b" * 64]
    assert (await nightbus(run, "reread", "--quarantined")).stdout == "1 file will be read anew\n"
    assert (await nightbus(run, "reread", "--all")).stdout == "6 files will be read anew\n"
    assert seen[-1].everything
    count = len(seen)
    assert (await nightbus(run, "reread", "--all", "--dry-run")).stdout == "6 files would be read anew\n"
    assert (await nightbus(run, "reread")).returncode == 2
    assert (await nightbus(run, "reread", "--all", "aaaaaa")).returncode == 2
    await stats.execute("DELETE FROM quarantine")
    none = await nightbus(run, "reread", "--quarantined")
    assert (none.returncode, none.stderr) == (1, "nightbus: no file is quarantined\n")
    assert "no file has an id that starts with 123456" in (await nightbus(run, "reread", "123456")).stderr
    assert len(seen) == count


async def import_answer(ingest: asyncpg.Connection, command: ImportPaths | None, **counts: Any) -> dict[str, Any]:
    """Commit a finished import, as ingest would."""
    assert command is not None
    values: dict[str, Any] = {"import_id": command.command_id, "paths": list(command.paths), "mode": command.mode}
    values |= {"state": "done"} | counts
    columns, numbers = ", ".join(values), ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await ingest.execute(
        f"INSERT INTO import ({columns}, created_at, finished_at) "
        f"VALUES ({numbers}, '2026-03-01 05:00Z', '2026-03-01 07:00Z')",
        *values.values(),
    )
    return {"ok": True, "import_id": str(command.command_id)}


async def test_ingest_reports_counts_that_add_up(
    rows: None, ingest: asyncpg.Connection, run: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    """Paths become absolute; the report is a sum, with rules and sentences; a failed file makes exit code 1."""
    counts: dict[str, Any] = {"found": 9, "arrived": 5, "already_here": 2, "ignored": 1, "failed": 1}
    counts |= {"ignored_by": json.dumps({"not a capture (.txt)": 1}), "failures": ["x.fits cannot be read"]}
    counts |= {"brought_home": 1, "brought_back": 2, "repaired": 3, "set_beside": 4}
    seen = await answer(ImportPaths, lambda command: import_answer(ingest, command, **counts))
    result = await nightbus(run, "ingest", "night one", "--mode", "index", "--verify")
    assert result.returncode == 1, result.stderr
    assert result.stdout.splitlines() == [
        "found 9 = 5 arrived + 2 already here + 1 ignored + 1 failed",
        "  1 of those already here lay elsewhere only and are in the library now",
        "  2 brought back: already here once, and gone from the library",
        "  3 repaired: the library's copy was damaged; it was replaced, and is kept in .nightbus/damaged",
        "  4 set beside: somebody had changed the library's copy; it stays, as new content",
        "  ignored 1: not a capture (.txt)",
        "  failed: x.fits cannot be read",
    ]
    assert (seen[0].paths, seen[0].mode, seen[0].verify) == ((str(tmp_path / "night one"),), "index", True)


async def test_ingest_waits_until_every_file_is_handled(
    rows: None, ingest: asyncpg.Connection, stats: asyncpg.Connection, run: Run, answer: Callable[..., Any]
) -> None:
    """--wait ends when what the import brought is scanned or quarantined, and counts both; others wait on."""

    async def bring(command: ImportPaths | None) -> dict[str, Any]:
        reply = await import_answer(ingest, command, found=5, arrived=5)
        await ingest.execute(
            "INSERT INTO source_file"
            " (source, folder, name, size_bytes, mtime_ns, fingerprint, state, file_id, import_id)"
            " SELECT 's', '', origin, 1, 1, '', 'arrived', file_id, $1 FROM file WHERE file_id <> repeat('a', 64)",
            UUID(reply["import_id"]),
        )
        return reply

    seen = await answer(ImportPaths, bring)
    await stats.execute(
        "INSERT INTO pending (file_id, scan_revision, source, waiting_since) VALUES ($1, 1, 'x', now())", "9" * 64
    )
    waiting = asyncio.create_task(nightbus(run, "ingest", "/captures", "--wait"))
    async with asyncio.timeout(20):
        while not seen:
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    assert not waiting.done()
    await stats.execute("DELETE FROM pending WHERE file_id = $1", "f" * 64)
    await stats.execute(
        "INSERT INTO quarantine (quarantine_key, file_id, service, attempt, reason, occurred_at) "
        "VALUES ($1, $1, 'scanner', 1, 'empty', now())",
        "f" * 64,
    )
    result = await waiting
    assert result.returncode == 0, result.stderr
    assert "5 handled = 3 scanned + 2 quarantined" in result.stdout


async def test_ingest_does_not_wait_for_what_was_given_up(
    rows: None, api: asyncpg.Connection, ingest: asyncpg.Connection, run: Run, answer: Callable[..., Any]
) -> None:
    """--wait ends although a file of the import could not be counted, and says so."""
    await bury_about(api, "f" * 64)

    async def bring(command: ImportPaths | None) -> dict[str, Any]:
        reply = await import_answer(ingest, command, found=1, arrived=1)
        await ingest.execute(
            "INSERT INTO source_file"
            " (source, folder, name, size_bytes, mtime_ns, fingerprint, state, file_id, import_id)"
            " VALUES ('s', '', 'new.fits', 1, 1, '', 'arrived', repeat('f', 64), $1)",
            UUID(reply["import_id"]),
        )
        return reply

    await answer(ImportPaths, bring)
    result = await nightbus(run, "ingest", "/captures", "--wait")
    assert result.returncode == 0, result.stderr
    assert "1 file could not be counted: `nightbus dead-letters` says why" in result.stdout


async def test_an_import_that_found_nothing_says_why(
    ingest: asyncpg.Connection, run: Run, answer: Callable[..., Any], tmp_path: Path
) -> None:
    """Below the sum, or beside the JSON, there is why nothing was found."""
    await answer(ImportPaths, lambda command: import_answer(ingest, command))
    (tmp_path / "night").mkdir()
    result = await nightbus(run, "ingest", "night")
    assert result.stdout.splitlines()[1:] == ["there is nothing to take: no file lies there"]
    result = await nightbus(run, "ingest", "night", "--json")
    assert json.loads(result.stdout)["found"] == 0
    assert "no file lies there" in result.stderr
    result = await nightbus(run, "ingest", "/not/here")
    assert "/not/here cannot be seen from here" in result.stdout


async def test_a_failed_import_says_why(ingest: asyncpg.Connection, run: Run, answer: Callable[..., Any]) -> None:
    """The reason is printed, as JSON too, and the exit code is 1."""
    await answer(ImportPaths, lambda command: import_answer(ingest, command, state="failed", reason="no library"))
    result = await nightbus(run, "ingest", "/captures", "--json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert (report["error"], report["found"], UUID(report["import_id"]).version) == ("no library", 0, 4)


async def test_a_database_without_views_is_explained(run: Run, settings: Settings, postgres: Any) -> None:
    """Before `migrate` a listing names what to do."""
    name = f"{settings.postgres.database}_empty"
    await admin_execute(postgres, [f"CREATE DATABASE {name}"])
    await admin_execute(postgres, [f"GRANT CONNECT ON DATABASE {name} TO reader"])
    result = await asyncio.to_thread(run, "files", extra={"NIGHTBUS_POSTGRES__DATABASE": name})
    assert result.returncode == 1
    assert "run `nightbus migrate`" in result.stderr
    migrated = await asyncio.to_thread(run, "migrate", extra={"NIGHTBUS_POSTGRES__DATABASE": name})
    assert (migrated.returncode, migrated.stdout) == (
        0,
        f"the database {name} is up to date: ingest, stats, calibration, backup, api\n",
    )
    assert (await asyncio.to_thread(run, "files", extra={"NIGHTBUS_POSTGRES__DATABASE": name})).stdout == "no files\n"


async def test_config_check_tells_of_frames_counted_before_a_rig(
    rows: None, stats: asyncpg.Connection, run: Run, tmp_path: Path
) -> None:
    """Files that a new rig fits, and a Seestar that is two rigs, are notes; what was read anew is none."""
    await stats.execute("UPDATE frame SET rig = 'S50_153dd4e2', camera = 'Seestar S50' WHERE file_id = $1", "b" * 64)
    quiet = await asyncio.to_thread(run, "config", "check")
    assert "Seestar S50 and S50_153dd4e2 are counted as 2 rigs" in quiet.stdout
    assert "fit the rig" not in quiet.stdout
    (tmp_path / "nightbus.toml").write_text(
        '[[rigs]]\nname = "Garden"\naliases = ["rig@f5+cam"]\n'
        '[[rigs]]\nname = "Mine"\naliases = ["Seestar S50", "S50_153dd4e2"]\n'
    )
    found = await asyncio.to_thread(run, "config", "check")
    assert found.returncode == 0
    assert "note: 2 files counted under rig@f5+cam fit the rig Garden: " in found.stdout
    assert "reread --rig rig@f5+cam" in found.stdout
    assert "counted as 2 rigs" not in found.stdout
    await stats.execute("UPDATE frame SET rig = CASE WHEN rig = 'rig@f5+cam' THEN 'Garden' ELSE 'Mine' END")
    notes = [line for line in (await asyncio.to_thread(run, "config", "check")).stdout.splitlines() if "note:" in line]
    assert [line for line in notes if "`nightbus up` refuses this" not in line] == []


async def test_dismiss_finds_files_by_name_pattern_and_id(
    rows: None, letters: None, js: JetStreamContext, run: Run, answer: Callable[..., Any]
) -> None:
    """A quarantined file is named as people know it; a dry run asks nobody; what is like nothing is said."""
    seen = await answer(DismissFiles, lambda command: {"ok": True, "files": len(command.file_ids)})
    for words in (["e" * 6], ["broken*"], ["library/broken*.fits"], ["/library/*.fits"]):
        result = await nightbus(run, "dismiss", *words, "--reason", "a broken card")
        assert (result.returncode, result.stdout) == (0, "1 file dismissed\n"), result.stderr
    assert {command.file_ids for command in seen} == {("e" * 64,)}
    assert {command.reason for command in seen} == {"a broken card"}
    dry = await nightbus(run, "dismiss", "*", "--dry-run")
    assert dry.stdout.splitlines()[-1] == "1 file would be dismissed"
    assert "\x1b" not in dry.stdout
    assert len(seen) == 4
    none = await nightbus(run, "dismiss", "M31 light 2.fits")
    assert none.returncode == 1
    assert "no quarantined file is called M31 light 2.fits" in none.stderr
