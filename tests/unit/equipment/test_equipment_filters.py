"""Filter names become canonical, the user's way first."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.equipment.filters import FilterNames, canonical_filter, filter_key


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Lum", "L"), ("Luminance", "L"), ("L", "L"), ("red", "R"), ("H", "Ha"), ("H-alpha", "Ha"), ("Hα", "Ha"),
        ("H_Alpha 7nm", "Ha"), ("O3", "OIII"), ("Oiii", "OIII"), ("S2", "SII"), ("S", "SII"), ("Hb", "Hb"),
        ("Baader Ha 7nm", "Ha"), ("Antlia 3nm Pro Ha", "Ha"), ("Chroma OIII 5nm", "OIII"), ("Astrodon SII 3nm", "SII"),
        ("ZWO L", "L"), ("ZWO B", "B"), ("Optolong L-Pro", "LPro"), ("L-Pro", "LPro"), ("Optolong L-eXtreme", "LeXtr"),
        ("L-eNhance", "LenHa"), ("L-Ultimate", "LUlti"), ("Antlia ALP-T 5nm", "ALPT"), ("BaaderUVIRCut", "UVIR"),
        ("UV/IR Cut", "UVIR"), ("IRCUT", "IRCUT"), ("LP", "LP"), ("IDAS LPS-D2", "LP"), ("Duo-Band", "DuoBand"),
        ("HaOiii", "HaOIII"), ("Astro", "Astro"), ("SDSS g", "g'"), ("g'", "g'"), ("V", "V"), ("IR685", "IR"),
    ],
)  # fmt: skip
def test_usual_names_have_one_spelling(raw: str, name: str) -> None:
    """Makers, bandwidths, case and punctuation do not matter."""
    assert canonical_filter(raw) == name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Astronomik MaxFR Ha 6nm", "Ha"), ("Baader Ultra-Highspeed Ha 3.5nm", "Ha"), ("Ha 7", "Ha"), ("Ha3", "Ha"),
        ("Baader CMOS Highspeed O-III f/2", "OIII"), ("OIII 500.7 nm 3nm", "OIII"), ("Omegon Pro SII 7 nm", "SII"),
        ("Chroma Ha 5nm 50mm unmounted", "Ha"), ("Antlia ALP-T Dual Band 5nm", "ALPT"), ("IDAS NBZ II UHS", "NBZ"),
        ('Optolong L-Pro 2"', "LPro"), ("Svbony SV220 Dual-Band 7nm", "DuoBand"), ("Altair Quadband V2", "QuadBand"),
        ("Player One Anti-Halo Pro Dual-band", "DuoBand"), ("Celestron Light Pollution Imaging", "LP"),
        ("Astrodon Gen2 E-Series Red", "R"), ("Antlia V-Pro L", "L"), ("Antlia V Series Red", "R"),
        ("ZWO LRGB Red", "R"),
        ("Lum (Astronomik L-2)", "L"), ("R (Baader)", "R"), ("R (Cousins)", "Rc"), ("V (Johnson)", "V"),
        ("Filter 1: Ha", "Ha"), ("2 - Red", "R"), ("Hutech IDAS P2", "LP"), ("rp", "r'"), ("Sloan g'", "g'"),
        ("Luminanz", "L"), ("Grün", "G"), ("rouge", "R"), ("Optolong L eXtreme F2", "LeXtr"), ("O 3", "OIII"),
    ],
)  # fmt: skip
def test_brands_lines_and_bandwidths_are_no_part_of_a_name(raw: str, name: str) -> None:
    """What people copy from the box, with maker, line, bandwidth, size and the wheel's place, is the filter alone."""
    assert canonical_filter(raw) == name


@pytest.mark.parametrize(
    "raw",
    ["Deep Red", "Dark Blue 38A", "Ha OIII SII", "Filter 7", "Slot 3", "W 2", "ZWO", "Chroma LoGlow", "Pro", "High"],
)
def test_a_name_with_unknown_words_stays(raw: str) -> None:
    """A word that no table knows makes another filter of it, so nothing is taken out of such names."""
    assert canonical_filter(raw) == raw


@pytest.mark.parametrize("raw", [None, "", "None", "N/A", "No Filter", "Dark", "RGGB", " "])
def test_no_filter_is_none(raw: str | None) -> None:
    """Spellings of 'nothing', opaque positions and Bayer patterns name no passband."""
    assert canonical_filter(raw) is None


@pytest.mark.parametrize("raw", ["Position 3", "Filter 2", "My  secret glass", "Astronomik"])
def test_strange_names_stay(raw: str) -> None:
    """What no table knows stays as it was written, with single blanks."""
    assert canonical_filter(raw) == " ".join(raw.split())


@pytest.mark.parametrize(
    "raw", ["0,0,0,0", "='x'", "a;b", "the third position of the wheel, as far as I remember", "x" * 41]
)
def test_what_is_no_name_is_no_filter(raw: str) -> None:
    """Lists and sentences become no canonical name, unless an alias says what they mean."""
    assert canonical_filter(raw) is None
    assert FilterNames([(raw, "Ha")]).canonical(raw) == "Ha"
    assert canonical_filter("Ha, 7nm") == "Ha"


@pytest.mark.parametrize("piece", ["1", "a(", "9.9 ", "N"])
def test_a_long_text_is_answered_at_once(piece: str) -> None:
    """A text that no name is as long as costs nothing to look up, whatever is in it."""
    started = time.process_time()
    assert canonical_filter((piece * 100_000)[:100_000]) is None
    assert time.process_time() - started < 2.0


def test_mine_go_first() -> None:
    """A rig's own name wins over the user's alias, that over the built-in table; '' stands for no filter at all."""
    names = FilterNames([("Red", "Rot"), ("position 3", "Ha")])
    assert names.canonical("red") == "Rot"
    assert names.canonical("Position 3") == "Ha"
    assert names.canonical("Position 3", {filter_key("position-3"): "SII"}) == "SII"
    assert names.canonical(None, {filter_key(""): "LeXtr"}) == "LeXtr"
    assert names.canonical("green") == "G"
    assert names.canonical(None) is None


@given(st.text(max_size=80))
def test_any_text_is_answered(raw: str) -> None:
    """No text makes the look-up fail, and a canonical name is its own canonical name."""
    name = canonical_filter(raw)
    assert canonical_filter(name) == name
