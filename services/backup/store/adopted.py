"""Archives that were found at a destination, as if they had been made by this database. Asked as the admin role."""

import hashlib
import json
from collections.abc import Sequence
from uuid import uuid5

from services.backup.archive.manifest import FileEntry, LeftOut, Manifest, to_json
from services.backup.destinations.port import Stored
from shared.bus.transaction import Connection
from shared.events.base import EVENT_NAMESPACE

_KNOWN = """
SELECT manifest_key FROM backup.archive
WHERE destination = $1 AND manifest_key IS NOT NULL AND phase IN ('verified', 'unproven', 'gone')
"""
_UNFINISHED = """
DELETE FROM backup.archive WHERE destination = $1 AND collection_id = $2 AND phase IN ('asked', 'planned', 'stored')
  AND (number = $3 OR session_revision = $4)
"""
_REVISION_TAKEN = """
SELECT EXISTS (SELECT FROM backup.archive WHERE destination = $1 AND collection_id = $2 AND session_revision = $3)
"""
_ADOPT = """
INSERT INTO backup.archive (archive_id, destination, collection_id, night, session_revision, number, phase, packing,
                            part_bytes, key, manifest_key, files, size_bytes, sent_bytes, stored_bytes, left_out, etag,
                            manifest_sha256, stored_at, verified_at, state, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, 'verified', $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16,
        coalesce($17, clock_timestamp()), coalesce($17, clock_timestamp()), 'done', clock_timestamp())
"""
_MEMBERS = """
INSERT INTO backup.member (archive_id, position, file_id, root, path, name, size_bytes, arrived_at, state, reason,
                           stored_offset, stored_bytes, frame_sizes, header_sha256, elsewhere)
SELECT $1, m.position, m.file_id, m.root, m.path, m.name, m.size_bytes,
       coalesce((SELECT f.arrived_at FROM ingest.file f WHERE f.file_id = m.file_id), $2), m.state, m.reason,
       m.stored_offset, m.stored_bytes,
       ARRAY(SELECT size::int FROM unnest(string_to_array(m.frame_sizes, ',')) size), m.header_sha256, m.elsewhere
FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[],
            $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::boolean[])
    AS m(position, file_id, root, path, name, size_bytes, state, reason, stored_offset, stored_bytes, frame_sizes,
         header_sha256, elsewhere)
"""
_PARTS = """
INSERT INTO backup.part (archive_id, number, position, point_offset, size_bytes, md5, sha256, etag)
SELECT $1, p.number, 0, 0, p.size_bytes, p.md5, p.sha256, p.md5
FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[]) AS p(number, size_bytes, md5, sha256)
"""
_COLUMNS = 12
"""Of a row of members, the position apart."""


async def known_manifests(connection: Connection, destination: str) -> set[str]:
    """Keys of the manifests of archives that were verified before, gone or not."""
    return {row[0] for row in await connection.fetch(_KNOWN, destination)}


async def adopt(connection: Connection, destination: str, key: str, manifest: Manifest, stored: Stored) -> None:
    """Know of a verified archive by its manifest, in place of jobs that were to make it. In a transaction.

    Raises:
        ValueError: the manifest is of no archive.
    """
    if manifest.key is None or manifest.packing is None:
        raise ValueError(f"no archive lies beside {key}")
    collection, revision = manifest.collection_id, manifest.session_revision
    await connection.execute(_UNFINISHED, destination, collection, manifest.number, revision)
    if revision is not None and await connection.fetchval(_REVISION_TAKEN, destination, collection, revision):
        revision = None
    archive_id = uuid5(EVENT_NAMESPACE, f"backup.adopted\x1f{destination}\x1f{manifest.key}")
    written = sorted((one for one in manifest.files if one.archive == manifest.key), key=lambda one: one.stored_offset)
    await connection.execute(
        _ADOPT, archive_id, destination, collection, manifest.night, revision, manifest.number,
        json.dumps(manifest.packing.model_dump()), manifest.part_bytes, manifest.key, key, len(written),
        sum(one.size_bytes for one in written), manifest.stored_bytes, len(manifest.left_out), stored.etag,
        hashlib.sha256(to_json(manifest)).hexdigest(), stored.modified_at,
    )  # fmt: skip
    rows = [
        (
            *_named(one),
            "written",
            None,
            one.stored_offset,
            one.stored_bytes,
            _joined(one.frame_sizes),
            one.header_sha256,
            one.elsewhere,
        )
        for one in written
    ] + [(*_named(one), "left_out", one.reason, None, None, "", None, False) for one in manifest.left_out]
    columns = list(map(list, zip(*rows, strict=True))) if rows else [[] for _ in range(_COLUMNS)]
    at = stored.modified_at or await connection.fetchval("SELECT clock_timestamp()")
    await connection.execute(_MEMBERS, archive_id, at, list(range(len(rows))), *columns)
    parts = [(part.number, part.size_bytes, part.md5, part.sha256) for part in manifest.parts]
    if parts:
        await connection.execute(_PARTS, archive_id, *map(list, zip(*parts, strict=True)))


def _named(entry: FileEntry | LeftOut) -> tuple[str, str, str, str, int]:
    return entry.file_id, entry.root, entry.path, entry.member, entry.size_bytes


def _joined(sizes: Sequence[int]) -> str:
    return ",".join(map(str, sizes))
