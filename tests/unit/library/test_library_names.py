"""Names: which files are captures, and how any fact becomes a safe path."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import UserError
from shared.library.extensions import Kind, classify, split_extension
from shared.library.template import NAME_BYTES, PATH_CHARACTERS, PathTemplate, cut_name, numbered, safe_name, safe_path

DEFAULT = PathTemplate("{source}/{folder}/{name}", ("source", "folder", "name"))


@pytest.mark.parametrize(
    "name",
    ["a.fit", "A.FIT", "a.Fits", "a.fts", "a.fit.gz", "a.FITS.FZ", "a.xisf", "a.JPG", "a.jpeg", "a.png", "a.tif",
     "a.tiff", "a.avi", "a.ser", "M 42_15s60_Astro.fits", "é\n🌌'\".fit"],
)  # fmt: skip
def test_captures_are_known_by_extension(name: str) -> None:
    """Every capture extension is taken in, in any case of letters."""
    assert classify(name).kind is Kind.CAPTURE


@pytest.mark.parametrize(
    ("name", "rule"),
    [("a.fit.part", ".part"), ("a.TMP", ".tmp"), ("a.fits.filepart", ".filepart"), ("a.fit.crdownload", ".crdownload"),
     ("a.fit~", "~"), (".a.fit", "hidden"), ("._a.fit", "hidden"), (".nightbus-x.fit", "written by Nightbus")],
)  # fmt: skip
def test_unfinished_names_are_temporary(name: str, rule: str) -> None:
    """What a transfer tool has not finished is skipped, under a rule that can be counted."""
    assert classify(name).kind is Kind.TEMPORARY
    assert classify(name).rule == rule


@pytest.mark.parametrize(
    ("name", "rule"),
    [("a.txt", ".txt"), ("README", "no known extension"), ("x.gz", ".gz"), ("a.tar.gz", ".gz"),
     ("fit", "no known extension"), ("Light_10.0s", "no known extension"),
     ("a.averyveryverylongone", "no known extension"), ("", "no known extension")],
)  # fmt: skip
def test_other_names_are_ignored_with_a_rule(name: str, rule: str) -> None:
    """Everything else is ignored under its extension, and odd endings do not make endless rules."""
    assert (classify(name).kind, classify(name).rule) == (Kind.IGNORED, rule)


@given(st.text(max_size=40))
def test_extension_and_stem_are_the_name(name: str) -> None:
    """Parting a name loses nothing and leaves a stem wherever there is a name."""
    stem, extension = split_extension(name)
    assert stem + extension == name
    assert bool(stem) == bool(name)


@pytest.mark.parametrize(
    ("text", "safe"),
    [("M 31", "M 31"), ("a/b", "a_b"), ("..", "Unknown"), (".", "Unknown"), ("", "Unknown"), ("  x. . ", "x"),
     ("a\x00b\nc", "a_b_c"), ('<>:"\\|?*', "________"), ("CON", "_CON"), ("com1.fit", "_com1.fit"), ("-rf", "-rf"),
     ("nul .fits", "_nul .fits"), (".nightbus", "_nightbus"), ("@eaDir", "_@eaDir"), ("cafe\u0301", "café"),
     ("a\u202egnp.fit", "a_gnp.fit"), ("\udcff.fit", "_.fit"), ("console.fit", "console.fit")],
)  # fmt: skip
def test_one_part_of_a_path(text: str, safe: str) -> None:
    """Names that some system refuses or misreads are replaced; harmless ones stay as they are."""
    assert safe_name(text) == safe


TEXTS = st.one_of(
    st.text(max_size=400),
    st.text(alphabet="./\\~ \x00\n:conNUL1é🌌\u0301\udcff", max_size=400),
    st.lists(st.sampled_from(["..", ".", "", "a" * 300, "🌌" * 80, "CON", ".nightbus", " "]), max_size=60).map(
        "/".join
    ),
)


@given(TEXTS)
def test_a_name_is_safe_and_stays_so(text: str) -> None:
    """Any text becomes a name within 255 bytes that is NFC, and making it safe again changes nothing."""
    name = safe_name(text)
    assert 0 < len(name.encode()) <= NAME_BYTES
    assert name not in (".", "..")
    assert not set(name) & set('\x00/<>:"\\|?*\n')
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert unicodedata.is_normalized("NFC", name)
    assert safe_name(name) == name


@given(TEXTS, TEXTS, TEXTS)
def test_a_rendered_path_stays_inside(source: str, folder: str, name: str) -> None:
    """Whatever the facts are, the path is relative, holds no step upwards and keeps to its limits."""
    path = DEFAULT.render({"source": source, "folder": folder, "name": name})
    assert path == DEFAULT.render({"source": source, "folder": folder, "name": name})
    assert 0 < len(path) <= PATH_CHARACTERS
    assert not path.startswith("/")
    for part in path.split("/"):
        assert part not in ("", ".", "..")
        assert len(part.encode()) <= NAME_BYTES
        assert not part.startswith(".")


@given(st.sampled_from([".fit", ".FITS.gz", ".xisf"]), st.text(alphabet="ab 🌌é", min_size=260, max_size=500))
def test_a_long_name_keeps_its_extension(extension: str, stem: str) -> None:
    """A name that is too long is cut between characters, before its extension."""
    assert safe_name(stem + extension).endswith(extension)
    assert DEFAULT.render({"source": "a" * 200, "folder": stem, "name": stem + extension}).endswith(extension)


def test_long_names_that_differ_stay_apart() -> None:
    """Two long names or folders that differ only where they are cut do not become one."""
    assert cut_name("a" * 300 + "1.fit") != cut_name("a" * 300 + "2.fit")
    deep = "/".join(["level"] * 80)
    assert safe_path(deep + "/x/1.fit") == safe_path(deep + "/x/1.fit")
    assert safe_path(deep + "/x/e/e/e/e/e/1.fit") != safe_path(deep + "/y/e/e/e/e/e/1.fit")


def test_the_default_template_keeps_folders() -> None:
    """The folder of a source is kept as folders, an empty one leaves no gap, a missing fact is Unknown."""
    assert DEFAULT.render({"source": "seestar", "folder": "M 31/sub", "name": "a.fit"}) == "seestar/M 31/sub/a.fit"
    assert DEFAULT.render({"source": "seestar", "folder": "", "name": "a.fit"}) == "seestar/a.fit"
    assert DEFAULT.render({"source": None, "folder": None, "name": "a.fit"}) == "Unknown/a.fit"
    evil = DEFAULT.render({"source": "../../etc", "folder": "../..", "name": "../x.fit"})
    assert evil == "_._.._etc/Unknown/Unknown/_._x.fit"


def test_facts_in_a_template() -> None:
    """Numbers take a format, and stem and extension come from the name."""
    template = PathTemplate("{target}/{exposure_s:g}s/{stem}_x{extension}", ("target", "exposure_s", "name"))
    assert template.render({"target": "M31", "exposure_s": 10.0, "name": "a.fits.gz"}) == "M31/10s/a_x.fits.gz"
    assert template.render({"target": "A/B", "exposure_s": None, "name": "a.fit"}) == "A_B/Unknowns/a_x.fit"
    with pytest.raises(UserError, match="exposure_s"):
        template.render({"target": "M31", "exposure_s": "ten", "name": "a.fit"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("{sourc}/{name}", "did you mean 'source'"), ("{source", "not well formed"), ("{source}/{folder}", "must end"),
     ("", "must end with"), ("{name!r}", "no more"), ("{source.__class__}/{name}", "unknown field"),
     ("{name:{source}}", "no more"), ("{}/{name}", "unknown field")],
)  # fmt: skip
def test_a_wrong_template_is_refused(text: str, sentence: str) -> None:
    """A template with an unknown field, an attribute or no name is an error when it is made, in a sentence."""
    with pytest.raises(UserError, match=sentence):
        PathTemplate(text, ("source", "folder", "name"))


@given(TEXTS, st.integers(2, 9999))
def test_numbered_names_keep_extension_and_limits(text: str, number: int) -> None:
    """A second content of one name gets a number before its whole extension, within the limits."""
    name = safe_name("a" + text + ".fits.gz")
    again = numbered(name, number)
    assert again.endswith(f"-{number}.fits.gz")
    assert len(again.encode()) <= NAME_BYTES
    assert again != name
