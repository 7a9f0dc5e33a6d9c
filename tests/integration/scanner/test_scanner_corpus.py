"""Real captures through ingest and scanner: each ends as exactly one thing, and none is touched."""

from pathlib import Path

from nats.aio.client import Client

from shared.library.extensions import Kind, classify
from shared.settings import Settings
from tests.integration.ingest.world import configured, ingest, sha256, untouched
from tests.integration.scanner.world import scanner


async def test_every_file_of_the_corpus_ends_as_one_thing(
    settings: Settings, nats_client: Client, tmp_path: Path, corpus: Path
) -> None:
    """Every file is scanned, quarantined with a reason, or ignored.

    The counts add up with the files on the disk, the same content counts once, and no byte, time or inode of the corpus
    changes.
    """
    before = untouched(corpus)
    files = [path for path in corpus.rglob("*") if path.is_file()]
    captures = [path for path in files if classify(path.name).kind is Kind.CAPTURE and path.stat().st_size]
    contents = {sha256(path.read_bytes()) for path in captures}
    assert contents
    ready = configured(settings, tmp_path)
    async with ingest(ready, nats_client) as service, scanner(ready, nats_client, tmp_path, workers=2) as running:
        report = await service.take(corpus, mode="index")
        assert (report["found"], report["failed"]) == (len(files), 0)
        assert report["arrived"] == len(contents)
        assert report["already_here"] == len(captures) - len(contents)
        assert report["ignored"] == len(files) - len(captures)
        arrived = {event.path for event in await service.arrivals()}
        await running.until_done()
        scanned, quarantined = await running.scanned(), await running.quarantined()
        assert set(scanned) | set(quarantined) == arrived
        assert set(scanned) & set(quarantined) == set()
        assert len(scanned) + len(quarantined) == report["arrived"]
        assert all(reason.startswith(f"{path}: ") for path, reason in quarantined.items()), quarantined
        assert len(scanned) > len(quarantined)
    assert untouched(corpus) == before
