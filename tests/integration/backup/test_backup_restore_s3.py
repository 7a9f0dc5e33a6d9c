"""Bringing files back from a bucket: by ranges, and on a machine that knows nothing but its settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.backup.destinations.found import prefixes
from services.backup.destinations.s3.bucket import opened_bucket
from services.backup.restore.folder import RestoreFolder
from services.backup.restore.listed import choose
from services.backup.restore.restore import Restore
from tests.archived import SESSION, archive, contents
from tests.moto_server import moto_server
from tests.s3_places import HASTE, make_bucket, settings_of

PREFIX = "nightbus-3f9c21ab"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server of buckets."""
    with moto_server() as address:
        yield address


async def test_files_come_back_from_a_bucket(endpoint: str, tmp_path: Path) -> None:
    """The prefix is found, the manifest says what there is, and a single file takes its own bytes alone."""
    configured = settings_of(endpoint, "restored")
    await make_bucket(configured)
    async with opened_bucket(configured, PREFIX, HASTE) as bucket:
        (tmp_path / "sources").mkdir()
        await bucket.check("3f9c21ab", first_time=True)
        files = {path: path.encode() + data for path, data in contents(30).items()}  # a content lies there once
        made = await archive(bucket, files, tmp_path / "sources", part_bytes=6 * 1024 * 1024)
        assert await prefixes(configured) == [PREFIX]
        one = next(copy for copy in made.copies if copy.size_bytes > 10_000)
        choice = await choose({"cloud": bucket}, [one.file_id])
        restored = await Restore({"cloud": bucket}, RestoreFolder(tmp_path / "one")).run(choice.wanted)
        assert (restored.restored, restored.read_bytes) == (1, one.stored_bytes)
        choice = await choose({"cloud": bucket}, [SESSION])
        restored = await Restore({"cloud": bucket}, RestoreFolder(tmp_path / "all")).run(choice.wanted)
    assert (restored.restored, restored.failures) == (30, [])
    found = {str(path.relative_to(tmp_path / "all")): path for path in (tmp_path / "all").rglob("*.fits")}
    assert {name: path.read_bytes() for name, path in found.items()} == made.contents
