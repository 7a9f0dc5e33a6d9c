"""Kept previews: the folder's rules, several processes in it, and a scanner that fills it in the same read."""

import io
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from nats.aio.client import Client
from numpy.typing import NDArray
from PIL import Image

from services.ingest.settings import FolderSettings
from services.scanner import app, previews, reader
from services.scanner.previews import PreviewPlace, keeper
from services.scanner.settings import ScannerSettings
from services.settings import AllSettings
from shared.errors import Permanent, UserError
from shared.events.file import FileArrived
from shared.frames import pixels
from shared.frames.layout import ImageLayout
from shared.library.settings import LibrarySettings
from shared.previews.cache import PreviewCache, require_apart
from shared.previews.kinds import PictureFormat
from shared.previews.make import own_stretch, reduce_file
from shared.previews.reduction import make_proxy
from shared.settings import Settings
from tests.integration.ingest.world import sha256
from tests.integration.scanner.world import scanner


def sky(seed: int = 1, shape: tuple[int, ...] = (60, 90)) -> NDArray[np.uint16]:
    """A sky of noise."""
    return np.random.default_rng(seed).normal(1000, 30, shape).astype(np.uint16)


def fits(image: NDArray[np.uint16], *cards: str) -> bytes:
    """A FITS file of one plane of uint16."""
    shape = [("SIMPLE", "T"), ("BITPIX", 16), ("NAXIS", 2), ("NAXIS1", image.shape[1]), ("NAXIS2", image.shape[0]),
             ("BZERO", 32768), ("BSCALE", 1)]  # fmt: skip
    text = "".join(card.ljust(80) for card in (*(f"{key:<8}= {value:>20}" for key, value in shape), *cards, "END"))
    data = (image ^ 0x8000).astype(">u2").tobytes()
    return text.encode().ljust(-(-len(text) // 2880) * 2880) + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def frame(folder: Path, name: str = "light.fit", *, seed: int = 1, cards: tuple[str, ...] = ()) -> Path:
    """A light frame below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(fits(sky(seed), "IMAGETYP= 'LIGHT'", "EXPTIME = 60.0", *cards))
    return path


def arrived(path: Path, root: Path) -> FileArrived:
    """The arrival of a file."""
    return FileArrived(
        file_id=sha256(path.read_bytes()), root="tree", path=path.relative_to(root).as_posix(), root_path=str(root),
        size_bytes=path.stat().st_size, source="test", origin=path.name, arrived_at=datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def files(folder: Path) -> set[str]:
    """Everything in a folder, hidden files included, but for its lock."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {".lock"}


@pytest.fixture
def cache(tmp_path: Path) -> PreviewCache:
    """An empty cache."""
    return PreviewCache(tmp_path / "previews", 100)


def test_a_preview_is_kept_under_its_file_id(cache: PreviewCache, tmp_path: Path) -> None:
    """Picture, levels and facts lie below the first two digits; the facts suffice to stretch the levels anew."""
    path = frame(tmp_path / "captures")
    file_id = sha256(path.read_bytes())
    kept = cache.preview_of(file_id, path)
    assert files(cache.folder) == {f"{file_id[:2]}/{file_id}{end}" for end in (".jpg", ".png", ".json")}
    facts = json.loads((cache.folder / file_id[:2] / f"{file_id}.json").read_text())
    assert (facts["file_id"], facts["kind"], facts["planes"]) == (file_id, "frame", 1)
    assert (facts["source_width_px"], facts["source_height_px"]) == (90, 60)
    assert (facts["black_adu"], facts["white_adu"], facts["full_scale_adu"]) == (0, 65535, 65535)
    assert facts["channels"][0]["median_adu"] == np.median(sky())
    with Image.open(kept.picture) as image:
        assert (image.format, image.size) == ("JPEG", (90, 60))
    darker = own_stretch(make_proxy(sky() + np.uint16(60)))
    with Image.open(io.BytesIO(kept.stretched(darker))) as image:
        assert float(np.median(np.asarray(image))) < 30


def test_what_is_kept_is_never_made_again(cache: PreviewCache, tmp_path: Path) -> None:
    """A second request opens neither the original nor writes anything; the file may even be gone."""
    path = frame(tmp_path / "captures")
    first = cache.preview_of("a" * 64, path)
    before = {name: (cache.folder / name).stat().st_mtime_ns for name in files(cache.folder)}
    path.unlink()
    assert PreviewCache(cache.folder, 100).preview_of("a" * 64, path) == first
    assert {name: (cache.folder / name).stat().st_mtime_ns for name in files(cache.folder)} == before


@pytest.mark.parametrize("end", [".jpg", ".png", ".json"])
@pytest.mark.parametrize("damage", ["gone", "short", "other"])
def test_what_a_crash_left_is_made_again(cache: PreviewCache, tmp_path: Path, end: str, damage: str) -> None:
    """A preview of which a file is missing or cut off is not there; other versions' facts are not believed."""
    path = frame(tmp_path / "captures")
    whole = cache.preview_of("a" * 64, path)
    spoilt = cache.folder / "aa" / f"{'a' * 64}{end}"
    if damage == "gone":
        spoilt.unlink()
    elif damage == "short" or end != ".json":
        os.truncate(spoilt, 10)
    else:
        spoilt.write_text(spoilt.read_text().replace('"version":1', '"version":0'))
    assert cache.find("a" * 64) is None
    assert cache.preview_of("a" * 64, path) == whole
    assert cache.find("a" * 64) == whole


def test_damage_under_the_right_size_costs_no_frame(cache: PreviewCache, tmp_path: Path) -> None:
    """Levels of the right length that hold zeros, as a power cut leaves them, are made again where they are needed."""
    path = frame(tmp_path / "captures")
    cache.preview_of("a" * 64, path, PictureFormat.WEBP)
    levels = cache.folder / "aa" / f"{'a' * 64}.png"
    levels.write_bytes(bytes(levels.stat().st_size))
    assert cache.find("a" * 64) is None
    assert keeper({"folder": str(cache.folder), "max_mb": 100}, "a" * 64, path.parent) is not None
    kept = cache.preview_of("a" * 64, path)
    with Image.open(io.BytesIO(kept.stretched(kept.facts.auto))) as image:
        assert image.size == (90, 60)


@pytest.mark.parametrize("file_id", ["", "a" * 63, "A" * 64, "../../../../etc/passwd", "a" * 64 + "\n", "g" * 64])
def test_only_a_file_id_becomes_a_path(cache: PreviewCache, tmp_path: Path, file_id: str) -> None:
    """Anything but 64 hexadecimal digits is refused with a sentence, and nothing is written."""
    path = frame(tmp_path / "captures")
    with pytest.raises(UserError, match="64 hexadecimal digits"):
        cache.find(file_id)
    with pytest.raises(UserError, match="64 hexadecimal digits"):
        cache.preview_of(file_id, path)
    assert not cache.folder.exists()


def test_facts_of_another_file_are_not_believed(cache: PreviewCache, tmp_path: Path) -> None:
    """Facts that name another content, or files outside, count as absent."""
    cache.preview_of("a" * 64, frame(tmp_path / "captures"))
    facts = cache.folder / "aa" / f"{'a' * 64}.json"
    text = facts.read_text()
    facts.write_text(text.replace("a" * 64, "b" * 64))
    assert cache.find("a" * 64) is None
    facts.write_text(text.replace('".jpg"', '"/../../../captures/light.fit"'))
    assert cache.find("a" * 64) is None


def test_pictures_are_kept_without_levels(cache: PreviewCache, tmp_path: Path) -> None:
    """A JPEG gets a smaller JPEG and facts, and says that it cannot be stretched."""
    Image.new("RGB", (3000, 1500), (200, 100, 50)).save(tmp_path / "side.jpg")
    kept = cache.preview_of("c" * 64, tmp_path / "side.jpg")
    assert files(cache.folder) == {f"cc/{'c' * 64}.jpg", f"cc/{'c' * 64}.json"}
    assert (kept.facts.kind, kept.facts.width_px, kept.facts.planes) == ("picture", 1024, 3)
    with pytest.raises(Permanent, match="no levels"):
        kept.stretched(own_stretch(make_proxy(sky())))
    webp = cache.preview_of("c" * 64, tmp_path / "gone.jpg", PictureFormat.WEBP)
    with Image.open(webp.picture) as image:
        assert (image.format, image.size) == ("WEBP", (1024, 512))


def test_another_encoding_is_added_from_the_levels(cache: PreviewCache, tmp_path: Path) -> None:
    """WebP is made from what is kept, beside the JPEG; PNG is no picture's format here."""
    path = frame(tmp_path / "captures")
    jpeg = cache.preview_of("a" * 64, path)
    path.unlink()
    webp = cache.preview_of("a" * 64, path, PictureFormat.WEBP)
    assert webp.picture.suffix == ".webp"
    assert cache.find("a" * 64, PictureFormat.WEBP) == webp
    found = cache.find("a" * 64)
    assert found is not None
    assert found.picture == jpeg.picture
    with pytest.raises(UserError, match="jpeg or webp"):
        cache.preview_of("a" * 64, path, PictureFormat.PNG)


def test_what_cannot_be_shown_leaves_no_file(cache: PreviewCache, tmp_path: Path) -> None:
    """A file without pixels is a sentence, and the folder of previews stays empty."""
    (tmp_path / "diary.fit").write_bytes(b"dear diary")
    with pytest.raises(Permanent, match="not a capture file"):
        cache.preview_of("a" * 64, tmp_path / "diary.fit")
    assert not cache.folder.exists()


def test_beyond_the_limit_the_longest_unused_go(tmp_path: Path) -> None:
    """Making room removes whole previews, the longest unused first, and leaves what is not a preview alone."""
    cache = PreviewCache(tmp_path / "previews", 1)
    path = frame(tmp_path / "captures")
    ids = [f"{number:064x}" for number in range(8)]
    for number, file_id in enumerate(ids):
        kept = cache.preview_of(file_id, path)
        assert kept.levels is not None
        for part in (kept.picture, kept.levels, kept.picture.with_suffix(".json")):
            os.utime(part, (1e9 + number, 1e9 + number))
    shard = cache.folder / "00"
    for file_id in ids:
        os.truncate(shard / f"{file_id}.png", 200_000)
    strangers = [cache.folder / "notes.txt", shard / "notes.jpg", cache.folder / "holiday" / f"{'a' * 64}.jpg"]
    for stranger in strangers:
        stranger.parent.mkdir(exist_ok=True)
        stranger.write_bytes(b"mine")
    abandoned, fresh = shard / f".{'0' * 32}.tmp", shard / f".{'1' * 32}.tmp"
    for temporary in (abandoned, fresh):
        temporary.write_bytes(b"half")
    os.utime(abandoned, (1e9, 1e9))
    os.utime(shard / f"{ids[0]}.json")  # asked for this moment
    assert cache.make_room() > 600_000
    left = {name[3:67] for name in files(cache.folder) if name.endswith(".json")}
    assert left == {ids[0], *ids[5:]}
    assert not abandoned.exists()
    assert fresh.exists()
    assert all(stranger.read_bytes() == b"mine" for stranger in strangers)
    assert not [name for name in files(cache.folder) if ids[1] in name]
    assert cache.make_room() == 0


def test_being_asked_for_keeps_a_preview(cache: PreviewCache, tmp_path: Path) -> None:
    """Finding a preview renews the time by which it is judged, at most once an hour."""
    kept = cache.preview_of("a" * 64, frame(tmp_path / "captures"))
    facts = kept.picture.with_suffix(".json")
    os.utime(facts, (1e9, 1e9))
    cache.find("a" * 64)
    renewed = facts.stat().st_mtime_ns
    assert abs(renewed / 1e9 - time.time()) < 60
    cache.find("a" * 64)
    assert facts.stat().st_mtime_ns == renewed


def test_writing_makes_room_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is written to stays near its limit, and is looked through seldom."""
    cache = PreviewCache(tmp_path / "previews", 1)
    swept: list[int] = []
    really = PreviewCache._sweep

    def sweep(self: PreviewCache) -> int:
        swept.append(really(self))
        return swept[-1]

    monkeypatch.setattr(PreviewCache, "_sweep", sweep)
    reduced = reduce_file(frame(tmp_path / "captures", cards=("COMMENT",)))
    for number in range(300):
        cache.keep(f"{number % 7:02x}{number:062x}", reduced)
    total = sum((cache.folder / name).stat().st_size for name in files(cache.folder))
    assert total < 1.15 * 1024 * 1024
    assert sum(swept) > 0
    assert len(swept) < 100


def test_processes_share_a_folder(tmp_path: Path) -> None:
    """Four processes that make the same previews and remove each other's leave whole previews and no temporaries."""
    paths = [frame(tmp_path / "captures", f"{seed}.fit", seed=seed) for seed in range(6)]
    work = (
        "import sys; from pathlib import Path; from shared.previews.cache import PreviewCache\n"
        f"cache = PreviewCache(Path({str(tmp_path / 'previews')!r}), 1)\n"
        "for turn in range(10):\n"
        "    for number, name in enumerate(sys.argv[1:]):\n"
        "        cache.preview_of(f'{number:064x}', Path(name))\n"
        "        if turn % 5 == 4:\n"
        "            cache.max_mb = 0; cache.make_room(); cache.max_mb = 1\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", work, *map(str, paths)], stderr=subprocess.PIPE) for _ in range(4)
    ]
    errors = [process.communicate(timeout=120)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors
    cache = PreviewCache(tmp_path / "previews", 100)
    for number, path in enumerate(paths):
        kept = cache.preview_of(f"{number:064x}", path)
        assert kept.levels is not None
        with Image.open(kept.picture) as image:
            image.load()
    assert {Path(name).suffix for name in files(cache.folder)} == {".jpg", ".png", ".json"}


def test_the_folder_must_be_apart_from_all_captures(tmp_path: Path) -> None:
    """Inside a library, source or root, around one, or there by a link: refused with a sentence that names it."""
    library = tmp_path / "library"
    (library / "M31").mkdir(parents=True)
    (tmp_path / "link").symlink_to(library)
    for folder in (library, library / "previews", tmp_path, tmp_path / "link" / "previews"):
        with pytest.raises(UserError, match="apart from the library"):
            require_apart(folder, [("the library", library)])
    require_apart(tmp_path / "library-previews", [("the library", library)])
    with pytest.raises(UserError, match="absolute"):
        require_apart(Path("previews"), [])


async def test_the_scanner_refuses_a_wrong_folder(tmp_path: Path) -> None:
    """Previews in a source, the library or a mapped root end the start with a reason; without a folder settings do."""
    captures = tmp_path / "captures"
    source = FolderSettings(name="seestar", path=captures)
    for update, words in (
        ({"scanner": ScannerSettings(previews=True, previews_dir=captures / "p"), "sources": (source,)}, "seestar"),
        (
            {
                "scanner": ScannerSettings(previews=True, previews_dir=captures),
                "library": LibrarySettings(path=captures),
            },
            "the library",
        ),
        ({"scanner": ScannerSettings(previews=True, previews_dir=captures, roots={"nas": captures})}, "the root nas"),
    ):
        with pytest.raises(UserError, match=words):
            await app.run(AllSettings().model_copy(update=update))


def test_a_scan_makes_the_preview_in_the_same_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image is loaded once for measurement and preview, and not at all when there is nothing to do with it."""
    root, folder = tmp_path / "captures", tmp_path / "previews"
    loads: list[Path] = []
    really = pixels.load_image

    def load(path: Path, layout: ImageLayout, **options: Any) -> NDArray[Any]:
        loads.append(path)
        return really(path, layout, **options)

    monkeypatch.setattr(pixels, "load_image", load)
    place = PreviewPlace(folder=str(folder), max_mb=100)
    light = frame(root)
    found = reader.scanned_event(arrived(light, root), root, measure_stars=True, previews=place)
    assert found.quality is not None
    assert found.problems == ()
    assert loads == [light]
    kept = PreviewCache(folder, 100).find(found.file_id)
    assert kept is not None
    assert kept.facts.channels[0].median_adu == pytest.approx(found.quality.background_adu, abs=2)
    reader.scanned_event(arrived(light, root), root, measure_stars=False, previews=place)
    assert loads == [light], "a preview that is there needs no pixels"
    dark = frame(root, "dark.fit", seed=2, cards=("FRAME   = 'Dark'",))
    reader.scanned_event(arrived(dark, root), root, measure_stars=False, previews=place)
    assert loads == [light, dark]
    assert PreviewCache(folder, 100).find(sha256(dark.read_bytes())) is not None


def test_a_preview_that_fails_is_a_problem_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame is scanned and measured; the problem says why there is no preview. Roots are guarded here as well."""
    root = tmp_path / "captures"
    light = frame(root)

    def problems(folder: Path, **options: Any) -> tuple[str, ...]:
        place = PreviewPlace(folder=str(folder), max_mb=100)
        found = reader.scanned_event(arrived(light, root), root, measure_stars=True, previews=place)
        assert found.quality is not None
        assert found.quality.background_adu is not None
        return found.problems

    (tmp_path / "file").write_text("in the way")
    assert [text.startswith("no preview: it cannot be written: ") for text in problems(tmp_path / "file")] == [True]
    (inside,) = problems(root / "previews")
    assert inside.startswith("no preview: ")
    assert "not apart from the root" in inside
    assert not (root / "previews").exists()

    for failure, words in (
        (MemoryError(), "scanner.memory_limit_mb"),
        (Permanent("the image holds no pixels"), "no preview: the image holds no pixels"),
        (ZeroDivisionError("division by zero"), "no preview: ZeroDivisionError: division by zero"),
    ):
        fails = Mock(side_effect=failure)
        monkeypatch.setattr(previews, "reduce_frame", fails)
        (problem,) = problems(tmp_path / "previews")
        assert words in problem
        assert fails.call_count == 1


def test_a_keeper_has_nothing_to_do_twice(tmp_path: Path) -> None:
    """For a file whose preview is there, no keeper is made."""
    place = PreviewPlace(folder=str(tmp_path / "previews"), max_mb=100)
    assert keeper(place, "a" * 64, tmp_path / "captures") is not None
    PreviewCache(tmp_path / "previews", 100).preview_of("a" * 64, frame(tmp_path / "captures"))
    assert keeper(place, "a" * 64, tmp_path / "captures") is None


async def test_the_service_keeps_previews_when_they_are_on(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """Frames have a picture once they are scanned; texts are quarantined as ever, and captures stay as they were."""
    root, folder = tmp_path / "captures", tmp_path / "previews"
    light = frame(root / "night", "M31.fit", cards=("BAYERPAT= 'RGGB'", "OBJECT  = 'M 31'"))
    before = light.read_bytes()
    (root / "diary.fit").write_bytes(b"dear diary")
    async with scanner(settings, nats_client, root, previews=True, previews_dir=folder, measure_stars=True) as running:
        await running.tell("night/M31.fit", "diary.fit")
        await running.until_done()
        scanned = await running.scanned()
        assert list(await running.quarantined()) == ["diary.fit"]
    event = scanned["night/M31.fit"]
    assert event.problems == ()
    kept = PreviewCache(folder, 100).find(event.file_id)
    assert kept is not None
    assert (kept.facts.planes, kept.facts.width_px, kept.facts.height_px) == (3, 45, 30)
    assert light.read_bytes() == before
    assert len(files(folder)) == 3
