"""Previews: proxies, stretches and the files that they are kept in."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from shared.errors import Permanent
from shared.previews.files import (
    PreviewFacts,
    common_stretch,
    decode_proxy,
    describe,
    encode_levels,
    encode_picture,
)
from shared.previews.kinds import PictureFormat, StretchKind
from shared.previews.make import Reduced, own_stretch, reduce_file, stretch_with
from shared.previews.reduction import make_proxy
from shared.previews.stretch import (
    ChannelLevels,
    ChannelStretch,
    common_levels,
    histogram_levels,
    midtones_transfer,
    stretch_table,
)
from tests.unit.frames.conftest import header_block, image_cards

FILE_ID = "a" * 64
COLOURS = {"R": 3000, "G": 2000, "B": 1000}


def sky(height: int = 400, width: int = 600, level: float = 1000, noise: float = 30, seed: int = 1) -> NDArray[Any]:
    """A sky of normal noise, uint16."""
    rng = np.random.default_rng(seed)
    return rng.normal(level, noise, (height, width)).clip(0, 65535).astype(np.uint16)


def mosaic(pattern: str, height: int = 64, width: int = 96) -> NDArray[Any]:
    """A mosaic of one colour: every red site has 3000, green 2000, blue 1000."""
    cell = np.array([COLOURS[colour] for colour in pattern], np.uint16).reshape(2, 2)
    return np.tile(cell, (height // 2, width // 2))


def fits(path: Path, image: NDArray[Any], *cards: str) -> Path:
    """A FITS file of an image of uint16, uint8 or big-endian floats."""
    kind = {np.dtype(np.uint16): 16, np.dtype(np.uint8): 8, np.dtype(np.float32): -32}[image.dtype]
    zero = [f"BZERO   = {32768:>20}", f"BSCALE  = {1:>20}"] if kind == 16 else []
    planes = len(image) if image.ndim == 3 else 0
    data = (image ^ 0x8000).astype(">u2") if kind == 16 else image.astype(">f4") if kind == -32 else image
    header = image_cards(image.shape[-1], image.shape[-2], planes, kind) + zero + list(cards)
    raw = data.tobytes()
    path.write_bytes(header_block(header) + raw.ljust(-(-len(raw) // 2880) * 2880, b"\0"))
    return path


@pytest.mark.parametrize(("height", "width"), [(1500, 3000), (3000, 1500), (1024, 1024), (300, 500), (1, 5000), (7, 1)])
def test_the_longest_side_is_1024_and_nothing_is_enlarged(height: int, width: int) -> None:
    """Proportions are kept, the longest side becomes 1024 pixels at most, and small images stay as they are."""
    planes, ny, nx = make_proxy(np.full((height, width), 500, np.uint16)).levels.shape
    assert planes == 1
    assert max(ny, nx) == min(1024, max(height, width))
    assert abs(ny - height * max(ny, nx) / max(height, width)) < 1


@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64, np.uint32])
@pytest.mark.parametrize("size_px", [1024, 16])
def test_mosaics_are_shown_in_colour(pattern: str, dtype: type, size_px: int) -> None:
    """Each 2 x 2 cell becomes red, the mean of two greens, and blue, in whatever order the sensor has them."""
    image: NDArray[Any] = mosaic(pattern).astype(dtype)
    proxy = make_proxy(image, bayer_pattern=pattern, size_px=size_px)
    assert max(proxy.levels.shape[1:]) == min(48, size_px)
    values = [channel.median_adu for channel in proxy.channels]
    assert values == pytest.approx([3000, 2000, 1000], abs=max(proxy.step_adu, 1e-6))


def test_a_mosaic_that_begins_elsewhere_is_shifted() -> None:
    """XBAYROFF and YBAYROFF move the pattern by columns and rows."""
    whole = mosaic("RGGB")
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        part = np.ascontiguousarray(whole[down : down + 32, right : right + 32])
        proxy = make_proxy(part, bayer_pattern="RGGB", bayer_offset=(right, down))
        assert [channel.median_adu for channel in proxy.channels] == [3000, 2000, 1000]


def test_stacks_of_three_planes_are_red_green_and_blue() -> None:
    """Three planes are colours even with a Bayer pattern left in the header, four carry alpha, two are grey."""
    image = np.stack([np.full((40, 50), value, np.uint16) for value in (3000, 2000, 1000, 7)])
    assert [c.median_adu for c in make_proxy(image[:3], bayer_pattern="RGGB").channels] == [3000, 2000, 1000]
    assert [c.median_adu for c in make_proxy(image).channels] == [3000, 2000, 1000]
    assert [c.median_adu for c in make_proxy(image[:2]).channels] == [3000]


@pytest.mark.parametrize(
    ("dtype", "scale", "full_scale"),
    [(np.uint8, 255 / 65535, 255.0), (np.uint16, 1, 65535.0), (np.float32, 1 / 65535, 1.0), (np.float32, 1, 65535.0),
     (np.float64, 1, 65535.0), (np.uint32, 60000, None), (np.int32, 1000, None)],
)  # fmt: skip
def test_all_types_of_numbers_look_alike(dtype: type, scale: float, full_scale: float | None) -> None:
    """The same sky in 8, 16 and 32 bits and as floats of either range gives the same levels in its own unit."""
    image: NDArray[Any] = (sky(level=20000, noise=3000).astype(np.float64) * scale).astype(dtype)
    proxy = make_proxy(image)
    (channel,) = proxy.channels
    assert channel.median_adu == pytest.approx(20000 * scale, rel=0.02)
    assert channel.mad_adu == pytest.approx(3000 * scale / 1.4826, rel=0.05)
    assert full_scale is None or proxy.full_scale_adu == full_scale
    values = proxy.black_adu + proxy.levels[0] * proxy.step_adu
    assert np.abs(values - image).max() <= proxy.step_adu


def test_the_sky_ends_at_a_quarter_of_the_brightness() -> None:
    """The automatic stretch shows the median at 0.25, dark noise above black, and stars white."""
    image = sky()
    image[100:104, 200:204] = 65535
    proxy = make_proxy(image)
    picture = stretch_with(proxy, own_stretch(proxy))
    assert int(np.median(picture)) == pytest.approx(64, abs=1)
    assert picture[101, 201] == 255
    assert 0.001 < np.count_nonzero(picture == 0) / picture.size < 0.006  # 2.8 standard deviations below: 0.26 %


def test_images_above_half_of_the_range_are_mirrored() -> None:
    """A bright flat is shown at three quarters, its shadows unclipped, as PixInsight and Siril do."""
    proxy = make_proxy(sky(level=45000, noise=500))
    (stretch,) = own_stretch(proxy)
    assert stretch.shadows_adu == 0
    assert stretch.highlights_adu == pytest.approx(45000 + 2.8 * 500, rel=0.01)
    assert int(np.median(stretch_with(proxy, (stretch,)))) == pytest.approx(191, abs=1)


def test_linked_keeps_colours_and_auto_makes_the_sky_grey() -> None:
    """Unlinked channels have equal medians after the stretch, linked ones keep the order that was recorded."""
    image = np.stack([sky(level=level, seed=level) for level in (1400, 1200, 1000)])
    proxy = make_proxy(image)
    apart = [int(np.median(stretch_with(proxy, own_stretch(proxy))[..., channel])) for channel in range(3)]
    linked_stretch = own_stretch(proxy, StretchKind.LINKED)
    assert len(linked_stretch) == 1
    linked = [int(np.median(stretch_with(proxy, linked_stretch)[..., channel])) for channel in range(3)]
    assert apart == [64, 64, 64]
    assert linked[0] > linked[1] > linked[2]


def test_no_stretch_is_linear() -> None:
    """With none the brightness is the value's share of the file's range."""
    proxy = make_proxy(np.tile(np.linspace(0, 65535, 500).astype(np.uint16), (20, 1)))
    picture = stretch_with(proxy, own_stretch(proxy, StretchKind.NONE))
    assert np.abs(picture.astype(float) - proxy.levels[0] / 257).max() <= 0.51


def test_a_group_shares_one_stretch() -> None:
    """Under one stretch a frame through clouds is darker than its clear neighbours; under its own it looks the same."""
    frames = [make_proxy(sky(level=level, seed=level)) for level in (1000, 1005, 1300)]
    picture = describe(Reduced(4, 4, picture=np.zeros((4, 4), np.uint8)), FILE_ID, {})
    common = common_stretch([picture, *(describe(Reduced(600, 400, proxy=frame), FILE_ID, {}) for frame in frames)])
    shared = [float(np.median(stretch_with(frame, common))) for frame in frames]
    alone = [float(np.median(stretch_with(frame, own_stretch(frame)))) for frame in frames]
    assert alone == pytest.approx([64, 64, 64], abs=1)
    assert shared[1] == pytest.approx(64, abs=1)
    assert shared[2] > shared[0] + 40


def test_one_stretch_serves_other_ranges_and_colours() -> None:
    """A stretch in ADU shows a float frame of the same values alike, and fits grey and colour frames mutually."""
    image = sky()
    whole, floats = make_proxy(image), make_proxy(image.astype(np.float32))
    stretch = own_stretch(whole)
    difference = stretch_with(whole, stretch).astype(int) - stretch_with(floats, stretch)
    assert np.abs(difference).max() <= 1
    colour = make_proxy(np.stack([image, image, image]))
    assert stretch_with(colour, stretch).shape == (400, 600, 3)
    assert stretch_with(whole, own_stretch(colour)).shape == (400, 600)


def test_hot_pixels_do_not_spoil_the_stretch() -> None:
    """A hundred hot and dead pixels move neither the stretch nor the range, in whole numbers and in floats."""
    image = sky()
    rng = np.random.default_rng(5)
    spoilt = image.copy()
    spoilt[rng.integers(0, 400, 100), rng.integers(0, 600, 100)] = 65535
    spoilt[rng.integers(0, 400, 100), rng.integers(0, 600, 100)] = 0
    assert own_stretch(make_proxy(spoilt))[0].shadows_adu == pytest.approx(
        own_stretch(make_proxy(image))[0].shadows_adu, abs=2
    )
    floats = (image / 65535).astype(np.float32)
    floats[7, 7] = 1e9
    proxy = make_proxy(floats)
    assert proxy.step_adu < 1e-5
    assert proxy.channels[0].median_adu == pytest.approx(1000 / 65535, rel=0.01)


def test_missing_pixels_are_left_out() -> None:
    """NaN, infinities and the zero borders of registered frames are black and count nowhere, even after reducing."""
    image = sky(800, 2400).astype(np.float32)
    image[:, :900] = np.nan
    image[:, 900:1000] = 0
    image[5, 1500], image[6, 1501], image[7, 1502] = np.inf, -np.inf, np.nan
    proxy = make_proxy(image)
    assert proxy.levels.shape == (1, 341, 1024)
    assert (proxy.levels[0, :, :380] == 0).all()
    assert (proxy.levels[0, :, 430:] > 0).all()
    assert proxy.channels[0].median_adu == pytest.approx(1000, rel=0.01)
    colour = make_proxy(image, bayer_pattern="GRBG")
    assert [channel.median_adu for channel in colour.channels] == pytest.approx([1000] * 3, rel=0.01)


@pytest.mark.parametrize("value", [0, 1, 1000, 65535])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_constant_images_are_even(value: int, dtype: type) -> None:
    """An image of one value gives a picture of one brightness: a grey, or black where there is nothing at all."""
    proxy = make_proxy(np.full((30, 40), value, dtype))
    picture = stretch_with(proxy, own_stretch(proxy))
    assert len(np.unique(picture)) == 1
    assert picture[0, 0] == 0 if value == 0 else picture[0, 0] > 0


@pytest.mark.parametrize("value", [1e-40, 1e-36, 1e-3])
def test_a_range_below_single_precision_is_shown(value: float) -> None:
    """Pixels that differ by less than single precision can divide by, beside one far beyond them: no overflow."""
    image = np.full((40, 40), value, np.float32)
    image[::3] *= 3
    image[0, 0] = 1e10
    proxy = make_proxy(image, size_px=40)
    assert len(np.unique(proxy.levels)) >= 2


def test_what_holds_no_pixels_is_refused() -> None:
    """An image without pixels is a sentence; of NaN alone it is black."""
    with pytest.raises(Permanent, match="no pixels"):
        make_proxy(np.empty((0, 5), np.uint16))
    proxy = make_proxy(np.full((30, 40), np.nan, np.float32))
    assert not stretch_with(proxy, own_stretch(proxy)).any()
    with pytest.raises(ValueError, match="dimensions"):
        make_proxy(np.zeros(5, np.uint16))


@settings(max_examples=150, deadline=None)
@given(
    image=st.sampled_from([np.uint8, np.uint16, np.uint32, np.int32, np.float32, np.float64]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9))
    ),
    pattern=st.sampled_from([None, "RGGB", "GBRG"]),
    kind=st.sampled_from(list(StretchKind)),
    size_px=st.integers(1, 8),
)
def test_any_numbers_give_a_picture(image: NDArray[Any], pattern: str | None, kind: StretchKind, size_px: int) -> None:
    """Whatever the pixels hold, there is a picture of the right size, and its proxy survives being written and read."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = image.copy()
        proxy = make_proxy(image, bayer_pattern=pattern, size_px=size_px)
        picture = stretch_with(proxy, own_stretch(proxy, kind))
        facts = describe(Reduced(image.shape[-1], image.shape[-2], proxy=proxy), FILE_ID, {})
        read = decode_proxy(encode_levels(proxy.levels), PreviewFacts.model_validate_json(facts.model_dump_json()))
    assert image.tobytes() == before.tobytes()
    assert max(picture.shape[:2]) <= size_px
    assert proxy.white_adu > proxy.black_adu
    assert (read.levels == proxy.levels).all()
    assert (read.black_adu, read.white_adu, read.channels) == (proxy.black_adu, proxy.white_adu, proxy.channels)


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_the_midtones_transfer_function_is_its_own_inverse(value: float, target: float) -> None:
    """The midtones that bring a value to a target are the function of the value at the target."""
    assert midtones_transfer(value, midtones_transfer(value, target)) == pytest.approx(target, rel=1e-6)
    assert midtones_transfer(target, target) == pytest.approx(0.5)


def test_the_table_follows_the_formula() -> None:
    """All 65,536 entries are the transfer function of their level, rising from black to white."""
    stretch = ChannelStretch(shadows_adu=900, midtones=0.01, highlights_adu=60000)
    table = stretch_table(stretch, black_adu=0, white_adu=65535)
    for level in (0, 900, 1000, 1500, 5000, 30000, 60000, 65535):
        expected = midtones_transfer((level - 900) / 59100, 0.01) * 255
        assert table[level] == pytest.approx(expected, abs=0.5001)
    assert (np.diff(table.astype(int)) >= 0).all()


@given(st.lists(st.integers(1, 65535), min_size=1, max_size=50))
def test_histograms_give_true_medians(levels: list[int]) -> None:
    """Median and deviation from the histogram are the lower medians of the values themselves; level 0 is no data."""
    counts = np.bincount([0, 0, 0, *levels], minlength=65536).astype(np.float32)
    median = sorted(levels)[(len(levels) - 1) // 2]
    deviations = sorted(abs(level - median) for level in levels)
    assert histogram_levels(counts) == (median, deviations[(len(levels) - 1) // 2])


def test_a_group_of_mixed_frames_has_the_levels_of_most() -> None:
    """Frames with another number of channels are left out of a group's levels; an empty group has none."""
    grey = [ChannelLevels(median_adu=1, mad_adu=1)]
    colour = [ChannelLevels(median_adu=value, mad_adu=2) for value in (10, 20, 30)]
    assert common_levels([grey, colour, colour]) == tuple(colour)
    with pytest.raises(ValueError, match="no levels"):
        common_levels([])
    with pytest.raises(ValueError, match="no levels"):
        common_stretch([])


def test_rows_are_turned_only_where_the_header_says_bottom_up(tmp_path: Path) -> None:
    """ROWORDER decides; without it the first row is the top one, and a mosaic's pattern is named from the top row."""
    image = sky(64, 96)
    image[:8] = 60000

    def top_is_bright(*cards: str) -> bool:
        proxy = reduce_file(fits(tmp_path / "frame.fits", image, *cards)).proxy
        assert proxy is not None
        return bool(proxy.levels[0, 0].mean() > 50000)

    assert top_is_bright()
    assert top_is_bright("ROWORDER= 'TOP-DOWN'")
    assert not top_is_bright("ROWORDER= 'BOTTOM-UP'           / order of the rows")
    for height in (64, 63):
        stored = mosaic("GBRG")[:height][::-1]
        mosaiced = fits(tmp_path / "mosaic.fits", stored, "ROWORDER= 'BOTTOM-UP'", "BAYERPAT= 'GBRG    '")
        proxy = reduce_file(mosaiced).proxy
        assert proxy is not None
        assert [channel.median_adu for channel in proxy.channels] == [3000, 2000, 1000]


@pytest.mark.parametrize("kind", ["DARK", "BIAS", "FLAT"])
def test_calibration_frames_can_be_seen(tmp_path: Path, kind: str) -> None:
    """Darks, flats and bias get a picture like any other frame."""
    path = fits(tmp_path / "frame.fits", sky(level=500, noise=4), f"IMAGETYP= '{kind}'")
    proxy = reduce_file(path).proxy
    assert proxy is not None
    assert len(np.unique(stretch_with(proxy, own_stretch(proxy)))) > 8


def test_pictures_are_only_made_smaller(tmp_path: Path) -> None:
    """JPEG and PNG are reduced, turned as their EXIF says, and not stretched; deep grey TIFFs are stretched."""
    picture = Image.new("RGB", (2000, 1000), (10, 20, 30))
    exif = picture.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    picture.save(tmp_path / "turned.jpg", exif=exif)
    reduced = reduce_file(tmp_path / "turned.jpg")
    assert reduced.proxy is None
    assert reduced.picture is not None
    assert reduced.picture.shape == (1024, 512, 3)
    assert (reduced.width_px, reduced.height_px) == (2000, 1000)
    for mode in ("1", "L", "LA", "P", "RGBA", "CMYK"):
        path = tmp_path / f"{mode}.{'tif' if mode == 'CMYK' else 'png'}"
        Image.new(mode, (30, 20)).save(path)
        found = reduce_file(path).picture
        assert found is not None
        assert found.shape == ((20, 30) if mode in ("1", "L", "LA") else (20, 30, 3))
    Image.fromarray(sky(200, 300)).save(tmp_path / "deep.tif")
    deep = reduce_file(tmp_path / "deep.tif").proxy
    assert deep is not None
    assert deep.channels[0].median_adu == pytest.approx(1000, abs=3)


def test_picture_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that would unpack to more pixels than Pillow's limit gets a sentence."""
    Image.new("L", (400, 300)).save(tmp_path / "bomb.png")
    reduce_file(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    with pytest.raises(Permanent, match="cannot be read"):
        reduce_file(tmp_path / "bomb.png")


def test_what_cannot_be_shown_gets_a_sentence(tmp_path: Path) -> None:
    """Videos, truncated frames, headers without image and damaged pictures are Permanent, each with its reason."""
    (tmp_path / "empty.fits").write_bytes(
        header_block([f"SIMPLE  = {'T':>20}", f"BITPIX  = {8:>20}", f"NAXIS   = {0:>20}"])
    )
    whole = fits(tmp_path / "short.fits", sky(64, 96)).read_bytes()
    (tmp_path / "short.fits").write_bytes(whole[:8640])
    (tmp_path / "video.ser").write_bytes(b"LUCAM-RECORDER" + bytes(164))
    stream = io.BytesIO()
    Image.fromarray(sky(100, 100).astype(np.uint8)).save(stream, "PNG")
    (tmp_path / "half.png").write_bytes(stream.getvalue()[: len(stream.getvalue()) // 2])
    for name, words in (("empty.fits", "no image"), ("short.fits", "truncated"), ("video.ser", "video"),
                        ("half.png", "cannot be read")):  # fmt: skip
        with pytest.raises(Permanent, match=words):
            reduce_file(tmp_path / name)


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("noise", [True, False])
def test_levels_are_read_back_by_any_png_reader(planes: int, *, noise: bool) -> None:
    """The documented two lines of numpy and Pillow give the exact levels, of noise and of smooth images alike."""
    rng = np.random.default_rng(3)
    levels = rng.integers(0, 65536, (planes, 37, 53)).astype(np.uint16)
    if not noise:
        levels[:] = np.arange(37, dtype=np.uint16)[:, None] * 257
    data = encode_levels(levels)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.mode == "L"
        rows = np.asarray(image).reshape(2, planes, 37, 53).astype("u2")
    assert (rows[0] << 8 | rows[1] == levels).all()
    assert len(data) < levels.nbytes * 1.05 + 500 if noise else len(data) < levels.nbytes / 4


@pytest.mark.parametrize("kind", list(PictureFormat))
@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3)])
def test_pictures_are_written_in_each_format(kind: PictureFormat, shape: tuple[int, ...]) -> None:
    """JPEG, WebP and PNG files hold the picture, red first."""
    picture = np.zeros(shape, np.uint8)
    picture[..., 0 if len(shape) == 3 else slice(None)] = 200
    with Image.open(io.BytesIO(encode_picture(picture, kind))) as image:
        assert image.format is not None
        assert image.format.lower() == kind.value
        colours = np.asarray(image.convert("RGB")).reshape(-1, 3).mean(axis=0)
    assert colours == pytest.approx([200, 0, 0] if len(shape) == 3 else [200, 200, 200], abs=4)


def test_damaged_levels_are_told() -> None:
    """Levels that are cut off, or not of the size that the facts name, are Permanent."""
    proxy = make_proxy(sky(40, 60))
    facts = describe(Reduced(60, 40, proxy=proxy), FILE_ID, {})
    data = encode_levels(proxy.levels)
    for damaged in (data[:-600], b"", encode_levels(proxy.levels[:, :-1])):
        with pytest.raises(Permanent, match="damaged"):
            decode_proxy(damaged, facts)
    picture = describe(Reduced(60, 40, picture=np.zeros((40, 60), np.uint8)), FILE_ID, {})
    with pytest.raises(Permanent, match="no levels"):
        decode_proxy(data, picture)


def test_the_corpus_can_be_seen(corpus: Path) -> None:
    """Real frames of many programs become pictures whose sky is a quarter bright, Bayer ones in colour."""
    expected = {
        "seestar_s50/02.fit": (960, 540, 3),
        "voyager_2_1_1e/Target_LIGHT_7350_3s_BIN1_-15C_001_20190513_214817_006_W.FIT": (774, 1024),
        "pixinsight_fits/M51.8.Color.fits": (874, 973, 3),
        "pixinsight_fits/NGC3344.Color.F64.fits": (256, 256, 3),
        "professional_fz/coj1m011-fl08-20151216-0048-x00.fits.fz": (1008, 1024),
        "iraf_ystar/long.fits": (512, 512),
        "ekos_indi/Debayer.GRBG.fits": (540, 960, 3),
    }
    for name, shape in expected.items():
        proxy = reduce_file(corpus / name).proxy
        assert proxy is not None, name
        picture = stretch_with(proxy, own_stretch(proxy))
        assert picture.shape == shape, name
        assert float(np.median(picture)) == pytest.approx(64, abs=2), name
