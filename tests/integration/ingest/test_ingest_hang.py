"""A share that hangs: whoever asks it for anything waits, and nobody else."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from services.ingest import collector
from services.ingest.settings import FolderSettings
from shared.library.mounts import is_network_filesystem
from shared.library.stream import open_stream
from shared.settings import Settings
from tests.integration.ingest.world import configured, ingest, library_files, until, write

NEVER_S = 3600.0


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Set when the share answers again; at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


def hanging(call: Callable[..., Any], share: Path, release: threading.Event) -> Callable[..., Any]:
    """The call, which does not come back while it is about the share."""

    def wait(path: Any, *args: Any, **words: Any) -> Any:
        if Path(os.fsdecode(path)).is_relative_to(share):
            release.wait()
        return call(path, *args, **words)

    return wait


@pytest.mark.parametrize("what", ["its first question", "its folders", "its files"])
async def test_a_share_that_hangs_holds_back_no_other_source(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: threading.Event,
    what: str,
) -> None:  # fmt: skip
    """Whatever does not answer of a share, other sources and imports go on; it follows when it answers again."""
    share, rig, card = tmp_path / "share", tmp_path / "rig", tmp_path / "card"
    write(share, {f"{number}/s.fit": b"share %d" % number for number in range(9)})
    write(rig, {"r.fit": b"rig"})
    write(card, {"c.fit": b"card"})
    if what == "its first question":
        asked = "services.ingest.sources.folder.is_network_filesystem"
        monkeypatch.setattr(asked, hanging(is_network_filesystem, share, release))
    elif what == "its folders":
        monkeypatch.setattr(os, "scandir", hanging(os.scandir, share, release))
    else:
        monkeypatch.setattr("services.ingest.sources.folder.open_stream", hanging(open_stream, share, release))
    monkeypatch.setattr(collector, "CLOSE_S", 0.1)
    sources = [
        FolderSettings(name=path.name, path=path, walk_interval_s=NEVER_S, settle_s=0.0) for path in (share, rig)
    ]
    async with ingest(configured(settings, tmp_path, *sources, workers=1), nats_client) as service:
        await service.until_ledger("r.fit")
        write(rig, {"later/r.fit": b"later"})
        await service.until_ledger("later/r.fit")
        assert (await service.take(card))["arrived"] == 1
        assert len(library_files(service.library)) == 3
        release.set()

        async def at_home() -> bool:
            return len(library_files(service.library)) == 12

        await until(at_home)
