"""A simulated night: the same seed gives the same bytes, every file is what the manifest says."""

import hashlib
import json
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.standalone.simulation import (
    DEFAULT_END_NIGHT,
    FULL,
    SMALL,
    Anomaly,
    NightManifest,
    simulate,
    simulate_night,
)
from services.standalone.simulation.sky import HIGH_DESERT
from services.standalone.simulation.targets import TARGETS
from shared.events.frame import FrameType
from shared.frames.precession import julian_epoch, to_icrs

_CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus"
_NIGHT = date(2025, 3, 28)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the night of this module lies."""
    return tmp_path_factory.mktemp("night")


@pytest.fixture(scope="module")
def night(folder: Path) -> NightManifest:
    """A small night."""
    return simulate_night(folder, night=_NIGHT, seed=11, profile=SMALL)


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _header(path: Path) -> Any:
    from astropy.io import fits

    return fits.getheader(path)


def test_the_same_seed_gives_the_same_bytes(folder: Path, night: NightManifest, tmp_path: Path) -> None:
    """Two runs of one seed are equal in every byte; another seed shares no picture with them."""
    again = simulate_night(tmp_path / "again", night=_NIGHT, seed=11, profile=SMALL)
    simulate_night(tmp_path / "other", night=_NIGHT, seed=12, profile=SMALL)

    assert again == night
    assert _digests(tmp_path / "again") == _digests(folder)
    pictures = {digest for path, digest in _digests(folder).items() if "notes" not in path}
    assert pictures.isdisjoint(_digests(tmp_path / "other").values())


def test_the_manifest_lists_every_file_and_no_other(folder: Path, night: NightManifest) -> None:
    """Paths and sizes of the manifest are those on disk."""
    on_disk = {path: (folder / path).stat().st_size for path in _digests(folder)}

    assert {file.path: file.size_bytes for file in night.files} == on_disk
    assert night.size_bytes == sum(on_disk.values())


def test_the_size_of_a_night_is_known_beforehand(night: NightManifest) -> None:
    """What the demo says it will write is what a night writes, but for headers and the small files."""
    written = sum(item.size_bytes for item in night.files)
    assert 0.85 * written < SMALL.size_bytes < written


def test_every_kind_of_file_is_there(night: NightManifest) -> None:
    """A small night has lights, stacks, previews, darks, flats and bias of two rigs, in about forty files."""
    kinds = Counter(file.frame_type for file in night.files if file.anomaly is not Anomaly.DUPLICATE)
    lights = sum(plan.count for plan in SMALL.lights) + 2 * SMALL.seestar_subs

    assert 35 <= len(night.files) <= 45
    assert kinds[FrameType.LIGHT] == lights + 1
    assert kinds[FrameType.STACK] == 2
    assert kinds[FrameType.PREVIEW] == 4
    assert kinds[FrameType.DARK] == 2 * SMALL.darks_per_exposure
    assert kinds[FrameType.FLAT] == 5 * SMALL.flats_per_filter
    assert kinds[FrameType.BIAS] == SMALL.bias
    assert len({file.rig for file in night.files if file.rig}) == 2


def test_files_are_valid_fits_and_agree_with_the_manifest(folder: Path, night: NightManifest) -> None:
    """The library astropy finds no fault in any FITS file, and its header says what the manifest says."""
    from astropy.io import fits

    checked = 0
    for truth in night.files:
        if truth.frame_type is None or truth.frame_type is FrameType.PREVIEW or not truth.is_readable:
            continue
        with fits.open(folder / truth.path, memmap=False) as file:
            file.verify("exception")
            header = file[0].header
            assert file[0].data is not None
            assert header.get("OBJECT") == truth.object_name
            assert header["FILTER"] == truth.filter
            assert header["EXPTIME"] == header["EXPOSURE"] == truth.exposure_s
            assert header.get("STACKCNT") == truth.stack_count
            assert header["SITELONG"] == HIGH_DESERT.longitude_deg
            if truth.frame_type is FrameType.STACK:
                assert (header["IMAGETYP"], header["NAXIS3"]) == ("Light", 3)
                assert header["TOTALEXP"] == truth.total_exposure_s
            else:
                assert header["IMAGETYP"].upper() == truth.frame_type
            assert truth.observed_at is not None
            assert datetime.fromisoformat(f"{header['DATE-OBS'][:26]}+00:00") == truth.observed_at
            local = truth.observed_at + timedelta(hours=HIGH_DESERT.longitude_deg / 15.0)
            assert (local - timedelta(hours=12)).date() == truth.night == night.night
        checked += 1
    assert checked > 30


def test_seestar_names_tell_the_local_time_at_save(folder: Path, night: NightManifest) -> None:
    """A sub's name carries the site's clock some seconds after the exposure's end, and its target and filter."""
    from zoneinfo import ZoneInfo

    subs = [file for file in night.files if file.path.startswith("MyWorks/") and file.frame_type is FrameType.LIGHT]
    assert len(subs) == 2 * SMALL.seestar_subs
    for truth in subs:
        name = Path(truth.path).stem
        kind, target, exposure, filter_name, stamp = name.split("_")
        assert (kind, target, exposure, filter_name) == ("Light", truth.object_name, "10.0s", truth.filter)
        assert Path(truth.path).parent.as_posix() == f"MyWorks/{target}_sub"
        saved = datetime.strptime(stamp, "%Y%m%d-%H%M%S").replace(tzinfo=ZoneInfo(HIGH_DESERT.time_zone))
        assert truth.observed_at is not None
        assert 10.0 <= (saved - truth.observed_at).total_seconds() <= 14.0
    stamps = [Path(truth.path).stem.rsplit("_", 1)[1] for truth in subs]
    assert {stamp[:8] for stamp in stamps} == {"20250328", "20250329"}


def test_previews_lie_beside_their_stack(folder: Path, night: NightManifest) -> None:
    """Each stack has a picture and a thumbnail that Pillow opens."""
    from PIL import Image

    stacks = [folder / file.path for file in night.files if file.frame_type is FrameType.STACK]
    for stack in stacks:
        with Image.open(stack.with_suffix(".jpg")) as picture:
            assert picture.size == (SMALL.seestar_width_px, SMALL.seestar_height_px)
        with Image.open(stack.with_name(f"{stack.stem}_thn.jpg")) as thumbnail:
            assert thumbnail.width < SMALL.seestar_width_px


def test_anomalies_are_what_they_are_called(folder: Path, night: NightManifest) -> None:
    """Each of the seven anomalies is there once, and the file shows it."""
    one = {anomaly: night.with_anomaly(anomaly) for anomaly in Anomaly}
    assert {anomaly: len(files) for anomaly, files in one.items()} == dict.fromkeys(Anomaly, 1)
    usual = [file.star_count for file in night.files if file.filter == "IRCUT" and file.anomaly is None]
    clouds, blurred = one[Anomaly.CLOUDS][0], one[Anomaly.BLURRED][0]
    assert clouds.star_count is not None
    assert clouds.star_count < min(count for count in usual if count is not None) / 3
    sharp = [file.fwhm_px for file in night.files if file.filter == blurred.filter and file.anomaly is None]
    assert blurred.fwhm_px is not None
    assert blurred.fwhm_px > 2.0 * max(width for width in sharp if width is not None)
    truncated = folder / one[Anomaly.TRUNCATED][0].path
    assert b"END".ljust(77) in truncated.read_bytes()
    assert truncated.stat().st_size < 0.7 * night.files[0].size_bytes
    assert not (folder / one[Anomaly.NOT_FITS][0].path).read_bytes().startswith(b"SIMPLE")
    duplicate = one[Anomaly.DUPLICATE][0]
    assert duplicate.duplicate_of is not None
    assert (folder / duplicate.path).read_bytes() == (folder / duplicate.duplicate_of).read_bytes()
    assert one[Anomaly.UNFINISHED][0].path.endswith(".part")
    snapshot = one[Anomaly.SNAPSHOT][0]
    assert (snapshot.object_name, snapshot.target) == ("Snapshot", None)


def test_no_content_is_there_twice_but_the_duplicate(folder: Path, night: NightManifest) -> None:
    """Of all files only the one duplicate shares its bytes with another."""
    counts = Counter(_digests(folder).values())

    assert sorted(counts.values())[-2:] == [1, 2]


def test_integration_counts_each_sound_light_once(night: NightManifest) -> None:
    """Stacks, copies, the truncated sub, calibration frames and the snapshot add nothing to a target's integration."""
    totals = night.integration_s()
    seestar_s = (2 * SMALL.seestar_subs - 1) * 10.0
    nina_s = sum(plan.count * plan.exposure_s for plan in SMALL.lights)

    assert sum(totals.values()) == seestar_s + nina_s
    assert len(totals) == 3


def test_the_manifest_is_json(night: NightManifest) -> None:
    """The manifest survives JSON, with dates in ISO 8601 and words for types."""
    document = json.loads(json.dumps(night.to_json()))

    assert document["night"] == "2025-03-28"
    assert len(document["files"]) == len(night.files)
    first = document["files"][0]
    assert (first["frame_type"], first["filter"], first["anomaly"]) == ("LIGHT", "IRCUT", None)
    assert datetime.fromisoformat(first["observed_at"]) == night.files[0].observed_at


def test_calibration_frames_match_the_lights(folder: Path, night: NightManifest) -> None:
    """Every filter has a flat, every exposure time a dark, with the gain, offset and set point of the lights."""
    nina = [file for file in night.files if file.rig and "+" in file.rig]
    lights = [file for file in nina if file.frame_type is FrameType.LIGHT and file.anomaly is not Anomaly.SNAPSHOT]
    flats = [file for file in nina if file.frame_type is FrameType.FLAT]
    darks = [file for file in nina if file.frame_type is FrameType.DARK]

    assert {file.filter for file in flats} == {file.filter for file in lights}
    assert {file.exposure_s for file in darks} == {file.exposure_s for file in lights}
    cards = {tuple(_header(folder / f.path)[k] for k in ("GAIN", "OFFSET", "SET-TEMP", "READOUTM")) for f in nina}
    assert len(cards) == 1


def test_nights_follow_each_other_and_share_targets(tmp_path: Path) -> None:
    """Nights are consecutive, end where asked, write no file of another night, and add to the same targets."""
    seen: list[Path] = []
    nights = simulate(tmp_path, nights=2, seed=4, end_night=date(2025, 10, 2), profile=SMALL, on_file=seen.append)

    assert [manifest.night for manifest in nights] == [date(2025, 10, 1), date(2025, 10, 2)]
    paths = [tmp_path / file.path for manifest in nights for file in manifest.files]
    assert paths == seen
    assert len(set(paths)) == len(paths)
    assert nights[0].integration_s().keys() == nights[1].integration_s().keys()


def test_a_run_without_an_end_is_repeatable() -> None:
    """The default end is a fixed date, not today."""
    assert date(2025, 10, 20) == DEFAULT_END_NIGHT


def test_no_nights_are_refused(tmp_path: Path) -> None:
    """Fewer than one night is a ValueError and writes nothing."""
    with pytest.raises(ValueError, match="at least one night"):
        simulate(tmp_path, nights=0, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_a_full_night_fits_a_demo() -> None:
    """By its own numbers the full profile stays under 100 files and 200 MB."""
    seestar_bytes = FULL.seestar_width_px * FULL.seestar_height_px * 2
    nina_bytes = FULL.nina_width_px * FULL.nina_height_px * 2
    exposures = {plan.exposure_s for plan in FULL.lights}
    filters = {plan.filter for plan in FULL.lights}
    darks, flats = FULL.darks_per_exposure * len(exposures), FULL.flats_per_filter * len(filters)
    nina_files = sum(plan.count for plan in FULL.lights) + darks + flats + FULL.bias + 2

    assert (darks, flats, FULL.bias, 2 * FULL.seestar_subs) == (8, 10, 10, 24)
    assert 24 + 2 * 3 + nina_files + 2 <= 100
    assert (24 + 2 * 3) * seestar_bytes + nina_files * nina_bytes < 197e6


def test_seestar_headers_have_the_real_keywords(folder: Path, night: NightManifest) -> None:
    """A sub has every keyword of a real one, in its order, of the same type; EQMODE came with later firmware."""
    reals = sorted((_CORPUS / "seestar_s50").glob("Light_*_20250409-*.fit"))
    if not reals:
        pytest.skip("the corpus of real captures is not here")
    real = _header(reals[0])
    sub = next(file for file in night.files if file.path.startswith("MyWorks/"))
    ours = _header(folder / sub.path)

    assert [keyword for keyword in ours if keyword != "EQMODE"] == list(real)
    for keyword in dict.fromkeys(real):
        if keyword != "COMMENT":
            assert type(ours[keyword]) is type(real[keyword]), keyword


def test_seestar_coordinates_are_of_date(folder: Path, night: NightManifest) -> None:
    """RA and DEC of a sub name the target's place once they are precessed from the exposure's date, as a real one's."""
    sub = next(file for file in night.files if file.path.startswith("MyWorks/"))
    header = _header(folder / sub.path)
    target = next(one for one in TARGETS if one.catalog_id == sub.target)
    assert sub.observed_at is not None
    ra_deg, dec_deg = to_icrs(header["RA"], header["DEC"], julian_epoch(sub.observed_at))
    assert (ra_deg, dec_deg) == pytest.approx((target.ra_deg, target.dec_deg), abs=0.06)
    assert abs(header["RA"] - target.ra_deg) > 0.22, "a quarter of a century of precession"


def test_nina_headers_have_real_keywords_in_their_order(folder: Path, night: NightManifest) -> None:
    """The keywords that a real N.I.N.A. flat shares with ours come in the same order, with the same comments."""
    source = _CORPUS / "headers" / "nina__nina-typ-flat.txt"
    if not source.exists():
        pytest.skip("the corpus of real headers is not here")
    lines = source.read_text().splitlines()
    real = {line[:8].strip(): line.rpartition(" / ")[2].strip() for line in lines if line[8:10] == "= "}
    light = next(f for f in night.files if f.path.startswith("NINA/") and f.frame_type is FrameType.LIGHT)
    ours = _header(folder / light.path)
    shared = [keyword for keyword in ours if keyword in real]

    assert len(shared) > 45
    assert shared == [keyword for keyword in real if keyword in ours]
    for keyword in shared:
        if ours.comments[keyword]:
            assert ours.comments[keyword] == real[keyword], keyword
