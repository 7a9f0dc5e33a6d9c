"""The lights that were asked for and the masters that fit them, as the contract's views have them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.calibration.exporting.model import KINDS, Answer, Light, Master, Stored
from services.cli.filters import Filters, Where
from services.cli.usage import WrongUsage
from shared.errors import UserError
from shared.events.frame import FrameType

if TYPE_CHECKING:
    import asyncpg

_PAGE = 5000
_LIGHTS = """
SELECT f.file_id, f.session_id, f.night, f.camera, f.filter, f.exposure_s, f.gain, f."offset", f.x_binning,
       f.width_px, f.height_px, f.panel, coalesce(f.catalog_id, f.object_name, 'no target') AS target
FROM stats.files f WHERE f.frame_type = 'LIGHT' AND f.counted AND {where} ORDER BY f.file_id
"""
_PLACES = """
SELECT DISTINCT ON (l.file_id) l.file_id, l.root, l.root_path, l.path, l.size_bytes FROM ingest.file_location l
JOIN ingest.root_state r ON r.root = l.root
WHERE l.file_id = ANY($1::text[]) AND l.missing_since IS NULL AND r.state = 'online'
ORDER BY l.file_id, l.root <> 'library', l.path
"""
_ANSWERS = """
SELECT r.file_id, r.master_type, r.state, r.master_file_id, r.bias_file_id, q.explanation
FROM calibration.light_requirements r JOIN calibration.requirements q USING (session_id, requirement_id)
WHERE r.file_id = ANY($1::text[]) ORDER BY r.file_id, r.master_type, r.requirement_id
"""
_MASTERS = """
SELECT m.file_id, m.master_type, m.name, m.filter, m.night, m.camera, m.telescope, m.exposure_s, m.x_binning,
       g.path AS filed_as
FROM calibration.masters m LEFT JOIN calibration.filings g ON g.file_id = m.file_id AND g.state = 'filed'
WHERE m.file_id = ANY($1::text[])
"""
_ROOTS = """
SELECT r.root AS name, r.path FROM ingest.root_state r UNION SELECT s.source, s.path FROM ingest.source_status s
"""


class NoLights(UserError):
    """Nothing was found that could be exported."""


async def choose(
    connection: "asyncpg.Connection", filters: Filters, sessions: Sequence[str]
) -> tuple[list[Light], list[str]]:
    """The lights that were asked for, and sentences about those that cannot be read now.

    Raises:
        NoLights: there is none.
        WrongUsage: nothing was asked for.
    """
    if filters.empty and not sessions:
        raise WrongUsage("say what to export: --session, --object, --rig, --filter, --date, --since or --until")
    where = filters.for_files()
    if sessions:
        where.add("f.session_id = ANY({})", list(sessions))
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await _read(connection, where)


async def _read(connection: "asyncpg.Connection", where: Where) -> tuple[list[Light], list[str]]:
    rows = await connection.fetch(_LIGHTS.format(where=where.sql), *where.parameters)
    if not rows:
        raise NoLights("no LIGHT frames are there that fit")
    ids = [row["file_id"] for row in rows]
    stored = await stored_files(connection, ids)
    answers = await _answers(connection, ids)
    lights = [_light(row, stored[row["file_id"]], answers.get(row["file_id"], ())) for row in rows
              if row["file_id"] in stored]  # fmt: skip
    away = len(rows) - len(lights)
    if not lights:
        raise NoLights("none of these LIGHT frames can be read now: `nightbus files --missing` lists them")
    said = [f"{away} LIGHT frames cannot be read now and are left out: `nightbus files --missing` lists them"]
    return lights, said if away else []


async def stored_files(connection: "asyncpg.Connection", ids: Sequence[str]) -> dict[str, Stored]:
    """Where contents can be read now, in the library first."""
    found: dict[str, Stored] = {}
    for start in range(0, len(ids), _PAGE):
        for row in await connection.fetch(_PLACES, ids[start : start + _PAGE]):
            path = Path(row["root_path"], row["path"])
            found[row["file_id"]] = Stored(row["file_id"], row["size_bytes"], row["root"], path)
    return found


async def roots(connection: "asyncpg.Connection") -> list[tuple[str, Path]]:
    """All folders that are the library, an indexed tree or a source, each with its name."""
    return [(row["name"], Path(row["path"])) for row in await connection.fetch(_ROOTS)]


async def _answers(connection: "asyncpg.Connection", ids: Sequence[str]) -> dict[str, tuple[Answer, ...]]:
    rows: list[Any] = []
    for start in range(0, len(ids), _PAGE):
        rows += await connection.fetch(_ANSWERS, ids[start : start + _PAGE])
    wanted = {row[name] for row in rows for name in ("master_file_id", "bias_file_id")} - {None}
    masters = await _masters(connection, sorted(wanted))
    found: dict[str, list[Answer]] = {}
    for row in rows:
        found.setdefault(row["file_id"], []).extend(_answers_of(row, masters))
    return {file_id: tuple(dict.fromkeys(answers)) for file_id, answers in found.items()}


def _answers_of(row: Any, masters: Mapping[str, Master]) -> list[Answer]:
    kind = KINDS[FrameType(row["master_type"])]
    words = row["explanation"] or "it is not answered yet"
    if row["state"] != "matched":
        return [Answer(kind, None, words)]
    master = masters.get(row["master_file_id"])
    if master is None:
        return [Answer(kind, None, f"its master cannot be read now: {words}")]
    found = [Answer(kind, master, words)]
    if (bias := masters.get(row["bias_file_id"])) is not None:
        found.append(Answer("bias", bias, f"it scales a dark: {words}"))
    return found


async def _masters(connection: "asyncpg.Connection", ids: Sequence[str]) -> dict[str, Master]:
    stored = await stored_files(connection, ids)
    return {
        row["file_id"]: Master(
            stored[row["file_id"]], KINDS[FrameType(row["master_type"])], _name(row), row["filter"], row["night"],
            row["camera"], row["telescope"], row["exposure_s"], row["x_binning"],
        )
        for row in await connection.fetch(_MASTERS, ids)
        if row["file_id"] in stored
    }  # fmt: skip


def _name(row: Any) -> str:
    """The name by its properties, where it was filed, else that which it has."""
    return str(row["filed_as"] or row["name"]).rpartition("/")[2]


def _light(row: Any, stored: Stored, answers: tuple[Answer, ...]) -> Light:
    target = f"{row['target']} {row['panel']}" if row["panel"] else row["target"]
    alike = tuple(row[name] for name in ("camera", "gain", "offset", "x_binning", "width_px", "height_px"))
    return Light(
        stored, row["session_id"] or "no_session", row["night"], target, row["filter"], row["exposure_s"],
        row["camera"], answers, alike,
    )  # fmt: skip
