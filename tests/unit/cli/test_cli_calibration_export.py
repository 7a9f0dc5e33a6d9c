"""`calibration export`: what lies where in a tree for Siril and for WBPP, and how it is written."""

import csv
import fcntl
import os
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from services.cli.calibration.exporting.contents import (
    PAGE,
    TABLE,
    page_text,
    require_same_program,
    table_text,
    write_texts,
)
from services.cli.calibration.exporting.mapping import mapped, mappings
from services.cli.calibration.exporting.model import Answer, How, Item, Kind, Light, Master, Stored, Tree
from services.cli.calibration.exporting.places import look, require_free_folder, require_free_places, require_room
from services.cli.calibration.exporting.siril import BATCH, siril_tree
from services.cli.calibration.exporting.wbpp import wbpp_tree
from services.cli.calibration.exporting.write import shares_blocks, write
from services.cli.usage import WrongUsage
from shared.errors import UserError
from shared.library.hashing import sha256_file
from shared.library.room import Disk

NIGHT = date(2026, 1, 3)


def stored(name: str, root: str = "library", folder: Path = Path("/nas/library")) -> Stored:
    """A file that lies somewhere."""
    return Stored(name.ljust(64, "0"), 10, root, folder / name)


def master(kind: Kind, name: str, night: date = NIGHT, **facts: object) -> Master:
    """A master that lies in the library."""
    made = Master(stored(name), kind, name, camera="C", telescope="T", exposure_s=300.0, x_binning=1, night=night)
    return made._replace(**facts)  # type: ignore[arg-type]


def light(name: str, *masters: Master, session: str = "20260103_aaaaaaaa", **facts: object) -> Light:
    """A light that the masters fit."""
    answers = tuple(Answer(one.kind, one, f"{one.name}: same camera") for one in masters)
    made = Light(stored(name), session, NIGHT, "M31", "Ha", 300.0, "C", answers)
    return made._replace(**facts)  # type: ignore[arg-type]


def paths(tree: Tree) -> list[str]:
    """The paths of a tree in order."""
    return sorted(item.path for item in tree.items)


DARK = master("dark", "masterDark_EXPTIME_300.00.xisf")
FLAT = master("flat", "masterFlat_FILTER_Ha.xisf", filter="Ha")


def test_siril_has_a_folder_for_each_stack() -> None:
    """Lights of one session, target, filter and exposure with the same masters lie with these in one working folder."""
    tree = siril_tree([
        light("b.fits", DARK, FLAT), light("a.fits", DARK, FLAT),
        light("c.fits", DARK, filter="OIII"),
        light("d.fits", session="20260104_aaaaaaaa", night=date(2026, 1, 4), target="Heart Nebula 2/2"),
    ])  # fmt: skip
    assert paths(tree) == [
        "Heart_Nebula_2-2_2026-01-04_Ha_300s/lights/d.fits",
        "M31_2026-01-03_Ha_300s/darks/masterDark_EXPTIME_300.00.xisf",
        "M31_2026-01-03_Ha_300s/flats/masterFlat_FILTER_Ha.xisf",
        "M31_2026-01-03_Ha_300s/lights/a.fits",
        "M31_2026-01-03_Ha_300s/lights/b.fits",
        "M31_2026-01-03_OIII_300s/darks/masterDark_EXPTIME_300.00.xisf",
        "M31_2026-01-03_OIII_300s/lights/c.fits",
    ]
    assert [(one.folder, one.lights) for one in tree.stacks] == [
        ("M31_2026-01-03_Ha_300s", 2), ("M31_2026-01-03_OIII_300s", 1), ("Heart_Nebula_2-2_2026-01-04_Ha_300s", 1),
    ]  # fmt: skip


def test_siril_parts_lights_of_different_masters() -> None:
    """Lights of one filter that need other masters are a stack of their own, under a name of its own."""
    other = master("flat", "masterFlat_FILTER_Ha.xisf", filter="Ha", stored=stored("other.xisf"))
    tree = siril_tree([light("a.fits", FLAT), light("b.fits", other)])
    assert paths(tree) == [
        "M31_2026-01-03_Ha_300s-2/flats/masterFlat_FILTER_Ha.xisf",
        "M31_2026-01-03_Ha_300s-2/lights/b.fits",
        "M31_2026-01-03_Ha_300s/flats/masterFlat_FILTER_Ha.xisf",
        "M31_2026-01-03_Ha_300s/lights/a.fits",
    ]


def test_siril_takes_thousands_of_subs_in_batches() -> None:
    """More lights than Siril opens at once on Windows lie in batches of 2,000, each with its masters; that is said."""
    tree = siril_tree([light(f"Light_{number:05}.fit", DARK) for number in range(2 * BATCH + 1)])
    assert [(one.folder, one.lights) for one in tree.stacks] == [
        ("M31_2026-01-03_Ha_300s/batch_01", 2000), ("M31_2026-01-03_Ha_300s/batch_02", 2000),
        ("M31_2026-01-03_Ha_300s/batch_03", 1),
    ]  # fmt: skip
    assert sum(item.kind == "dark" for item in tree.items) == 3
    assert "at most 2,048 images" in page_text(tree, "Siril", "reflink", ())
    assert "2,048" not in page_text(siril_tree([light("a.fit")]), "Siril", "reflink", ())


def test_wbpp_finds_its_keywords_in_the_path() -> None:
    """NIGHT and FLATSET stand in the paths; a set has each filter once, and lights meet their flats by its number."""
    other_night = date(2026, 1, 9)
    flat_l = master("flat", "masterFlat_FILTER_L.xisf", filter="L")
    again = master("flat", "masterFlat_FILTER_Ha.xisf", other_night, filter="Ha", stored=stored("again.xisf"))
    bias = master("bias", "masterBias.xisf")
    tree = wbpp_tree([
        light("a.fits", DARK, FLAT), light("b.fits", DARK, flat_l, filter="L"),
        light("c.fits", DARK, again, bias, session="20260109_aaaaaaaa", night=other_night),
        light("d.fits", session="20260110_aaaaaaaa", night=None, filter=None),
    ])  # fmt: skip
    assert paths(tree) == [
        "biases/masterBias.xisf",
        "darks/masterDark_EXPTIME_300.00.xisf",
        "flats/FLATSET_1/masterFlat_FILTER_Ha.xisf",
        "flats/FLATSET_1/masterFlat_FILTER_L.xisf",
        "flats/FLATSET_2/masterFlat_FILTER_Ha.xisf",
        "lights/M31/d.fits",
        "lights/NIGHT_2026-01-03/FLATSET_1/M31/Ha/a.fits",
        "lights/NIGHT_2026-01-03/FLATSET_1/M31/L/b.fits",
        "lights/NIGHT_2026-01-09/FLATSET_2/M31/Ha/c.fits",
    ]
    assert not any("DARKSET" in line for line in tree.advice)


def test_wbpp_tells_darks_of_one_exposure_apart() -> None:
    """Darks of one exposure that differ get a keyword too, and it is said."""
    cold = master("dark", "masterDark_EXPTIME_300.00.xisf", stored=stored("cold.xisf"))
    tree = wbpp_tree([light("a.fits", DARK), light("b.fits", cold)])
    assert paths(tree) == [
        "darks/DARKSET_1/masterDark_EXPTIME_300.00.xisf", "darks/DARKSET_2/masterDark_EXPTIME_300.00.xisf",
        "lights/NIGHT_2026-01-03/DARKSET_1/M31/Ha/a.fits", "lights/NIGHT_2026-01-03/DARKSET_2/M31/Ha/b.fits",
    ]  # fmt: skip
    assert any("DARKSET" in line for line in tree.advice)


@pytest.mark.parametrize("layout", [siril_tree, wbpp_tree], ids=["siril", "wbpp"])
def test_equal_names_get_a_suffix(layout: Callable[[list[Light]], Tree]) -> None:
    """Two lights of one name, also of other case, both are there; the order of what comes in changes nothing."""
    lights = [light("a.fits"), light("A.fits"), light("b.fits")]
    tree = layout(lights)
    assert [item.path.rpartition("/")[2] for item in tree.items] == ["A.fits", "a-2.fits", "b.fits"]
    assert paths(layout(lights[::-1])) == paths(tree)


MAPS = {
    "drive": ("/nas/lib/M 31/a.fits", ["/nas=Z:\\"], "Z:\\lib\\M 31\\a.fits"),
    "share": ("/nas/lib/a.fits", ["/nas=\\\\server\\astro"], "\\\\server\\astro\\lib\\a.fits"),
    "the longest folder counts": ("/nas/lib/a.fits", ["/nas=Y:", "/nas/lib=Z:"], "Z:\\a.fits"),
    "macOS": ("/nas/lib/a.fits", ["/nas/=/Volumes/astro/"], "/Volumes/astro/lib/a.fits"),
    "no folder of it": ("/nas2/a.fits", ["/nas=Z:"], "/nas2/a.fits"),
    "all of it": ("/nas/a.fits", ["/=Z:"], "Z:\\nas\\a.fits"),
}


@pytest.mark.parametrize("case", MAPS)
def test_paths_as_a_workstation_sees_them(case: str) -> None:
    """A folder here has another name there, with the separators of that system."""
    path, words, expected = MAPS[case]
    assert mapped(path, mappings(words)) == expected


@pytest.mark.parametrize("words", ["/nas", "nas=Z:", "/nas="])
def test_a_mapping_that_is_none_is_told(words: str) -> None:
    """Wrong usage is a sentence with an example."""
    with pytest.raises(WrongUsage, match=r"--map wants a folder here and its name there, such as /nas=Z:"):
        mappings([words])


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with two lights and a dark, all writable by their owner."""
    folder = tmp_path / "library"
    folder.mkdir()
    for name in ("a.fits", "b.fits", "dark.xisf"):
        (folder / name).write_bytes(f"content of {name}".encode())
    return folder


def items(folder: Path, root: str = "library") -> list[Item]:
    """The files of that library as a tree for Siril."""

    def there(name: str) -> Stored:
        found = sha256_file(folder / name)
        return Stored(found.file_id, found.size_bytes, root, folder / name)

    dark = master("dark", "masterDark.xisf", stored=there("dark.xisf"))
    lights = [light(name, dark, stored=there(name)) for name in ("a.fits", "b.fits")]
    return list(siril_tree(lights).items)


def written(folder: Path) -> dict[str, bytes]:
    """What lies in a tree."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unsaid(_words: str) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("how", ["copy", "reflink", "symlink", "hardlink"])
def test_a_tree_is_written_and_stays(library: Path, tmp_path: Path, how: How) -> None:
    """Each way gives the same tree; written again nothing is missing; the originals hold what they held."""
    tree, before = tmp_path / "tree", written(library)
    for item in items(library):
        write(tree, item, how)
    assert sorted(written(tree)) == [
        "M31_2026-01-03_Ha_300s/darks/masterDark.xisf", "M31_2026-01-03_Ha_300s/lights/a.fits",
        "M31_2026-01-03_Ha_300s/lights/b.fits",
    ]  # fmt: skip
    assert set(written(tree).values()) == set(before.values())
    assert look(tree, items(library), how, unsaid) == ([], 3)
    assert written(library) == before
    copy = tree / "M31_2026-01-03_Ha_300s/lights/a.fits"
    assert copy.is_symlink() == (how == "symlink")
    assert copy.samefile(library / "a.fits") == (how in ("symlink", "hardlink"))
    assert bool(stat.S_IMODE((library / "a.fits").stat().st_mode) & 0o222) == (how != "hardlink")
    assert int((library / "a.fits").stat().st_mtime) == int(copy.stat().st_mtime)


def test_an_export_goes_on_where_it_was_interrupted(library: Path, tmp_path: Path) -> None:
    """What is there stays, half a copy under another name is made anew, and only what is missing is written."""
    tree, wanted = tmp_path / "tree", items(library)
    write(tree, wanted[0], "copy")
    half = tree / "M31_2026-01-03_Ha_300s/lights/.a.fits.nightbus-part"
    half.parent.mkdir()
    half.write_bytes(b"half")
    found = look(tree, wanted, "copy", unsaid)
    assert (list(found.missing), found.there) == (wanted[1:], 1)
    for item in found.missing:
        write(tree, item, "copy")
    assert len(written(tree)) == 3
    assert not half.exists()


@pytest.mark.parametrize("content", [b"something else", b"content of A.fits"], ids=["size", "bytes"])
def test_nothing_is_overwritten(library: Path, tmp_path: Path, content: bytes) -> None:
    """Another file under a name of the tree stops the export before anything is written."""
    tree = tmp_path / "tree"
    other = tree / "M31_2026-01-03_Ha_300s/lights/a.fits"
    other.parent.mkdir(parents=True)
    other.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.fits is there and is something else: choose an empty folder"):
        look(tree, items(library), "copy", unsaid)
    with pytest.raises(UserError, match="is there already, and nothing is overwritten"):
        write(tree, items(library)[1], "copy")
    assert written(tree) == {"M31_2026-01-03_Ha_300s/lights/a.fits": content}


def test_a_link_where_a_copy_is_wanted_is_something_else(library: Path, tmp_path: Path) -> None:
    """A tree of links is no tree of copies: what writes into it would write into the originals."""
    tree = tmp_path / "tree"
    for item in items(library):
        write(tree, item, "hardlink")
    with pytest.raises(UserError, match="is something else"):
        look(tree, items(library), "copy", unsaid)


def test_an_original_that_changed_is_not_exported(library: Path, tmp_path: Path) -> None:
    """A copy that does not hold the known content gets no name."""
    wanted = items(library)
    (library / "a.fits").write_bytes(b"content of X.fits")
    with pytest.raises(UserError, match=r"a\.fits does not hold what is known of it"):
        write(tmp_path / "tree", wanted[1], "copy")
    assert written(tmp_path / "tree") == {}


def test_files_of_indexed_folders_get_no_hard_links(library: Path, tmp_path: Path) -> None:
    """Other programs write there: neither is their mode changed, nor are they linked."""
    mode = (library / "a.fits").stat().st_mode
    with pytest.raises(UserError, match="whose files get no hard links, since other programs write there"):
        write(tmp_path / "tree", items(library, "nas")[1], "hardlink")
    assert (library / "a.fits").stat().st_mode == mode
    assert written(tmp_path / "tree") == {}


def test_a_file_system_without_links_is_told(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a hard link cannot be made the remedy is named; a copy gets its name all the same, over nothing else."""

    def refused(*_args: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(UserError, match=r"cannot be made \(Operation not permitted\): choose --how copy or reflink"):
        write(tmp_path / "tree", items(library)[1], "hardlink")
    write(tmp_path / "tree", items(library)[1], "copy")
    assert list(written(tmp_path / "tree").values()) == [b"content of a.fits"]
    with pytest.raises(UserError, match="nothing is overwritten"):
        write(tmp_path / "tree", items(library)[1], "copy")


def test_the_folder_is_no_root_and_no_source(library: Path, tmp_path: Path) -> None:
    """A tree in the library, an indexed folder or a source is refused, links resolved; beside it is fine."""
    (tmp_path / "way").symlink_to(library)
    roots = [("library", library)]
    for folder in (library, library / "tree", tmp_path / "way" / "tree"):
        with pytest.raises(UserError, match="which is the root or source library: export to another folder"):
            require_free_folder(folder, roots)
    assert require_free_folder(tmp_path / "tree", roots) == Path(os.path.realpath(tmp_path / "tree"))
    with pytest.raises(UserError, match="is no folder"):
        require_free_folder(library / "a.fits", [])


@pytest.mark.parametrize("kind", ["a root", "a link"])
def test_no_folder_of_the_tree_is_a_root_or_leads_into_one(library: Path, tmp_path: Path, kind: str) -> None:
    """A tree around a root, or with a link into one on its way, would write into it: it is refused."""
    tree, wanted = tmp_path / "tree", items(library)
    place = tree / Path(wanted[0].path).parts[0]
    tree.mkdir()
    require_free_places(tree, wanted, [("library", library)])
    if kind == "a link":
        place.symlink_to(library)
    roots = [("library", library), ("rig", place if kind == "a root" else tmp_path / "rig")]
    with pytest.raises(UserError, match=r"which is the root or source (rig|library): export to another folder"):
        require_free_places(tree, wanted, roots)


@pytest.mark.parametrize("letter", ["x", "漢"], ids=["ascii", "unicode"])
def test_the_longest_names_are_exported(library: Path, tmp_path: Path, letter: str) -> None:
    """A name that fills what a file system takes is written like any other, in whatever script."""
    stem = letter * (250 // len(letter.encode()))
    item = items(library)[1]._replace(path=f"lights/{stem}.fits")
    write(tmp_path / "tree", item, "copy")
    assert written(tmp_path / "tree") == {f"lights/{stem}.fits": b"content of a.fits"}


def test_two_exports_of_one_tree_do_not_mix(library: Path, tmp_path: Path) -> None:
    """What another export writes now is left to it; once that ended, half a copy is made anew."""
    item = items(library)[1]
    half = (tmp_path / "tree" / item.path).with_name(".a.fits.nightbus-part")
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    with half.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="is not exported: another export writes it now"):
            write(tmp_path / "tree", item, "copy")
        assert half.read_bytes() == b"half"
    write(tmp_path / "tree", item, "copy")
    assert written(tmp_path / "tree") == {item.path: b"content of a.fits"}


def test_room_is_asked_for_first(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export that does not fit writes nothing; links take no room."""
    monkeypatch.setattr("services.cli.calibration.exporting.places.disk_of", lambda _folder: Disk(40, 100, 0))
    wanted = items(library)
    with pytest.raises(UserError, match=r"the export needs .* for 3 files, and the disk of .* has .* free"):
        require_room(tmp_path / "tree", wanted, takes_room=True)
    require_room(tmp_path / "tree", wanted, takes_room=False)
    require_room(tmp_path / "tree", wanted[:1], takes_room=True)


def test_sharing_is_tried_and_leaves_nothing(library: Path, tmp_path: Path) -> None:
    """Whether the disk shares blocks is tried beside the tree, which is not there yet, and nothing is left of it."""
    assert shares_blocks(tmp_path / "a" / "tree", items(library)[0]) in (True, False)
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


def test_each_program_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """A folder that holds the tree of one program is refused to the other, since lights would be in it twice."""
    require_same_program(tmp_path / "tree", "WBPP")
    write_texts(tmp_path / "tree", {PAGE: page_text(siril_tree([light("a.fit")]), "Siril", "reflink", ())})
    require_same_program(tmp_path / "tree", "Siril")
    with pytest.raises(UserError, match=r"tree holds another export, not one for WBPP: export to another folder"):
        require_same_program(tmp_path / "tree", "WBPP")


def test_the_page_names_a_master_once(library: Path) -> None:
    """What matching says begins with the name of the master, which the page has said by then."""
    tree = siril_tree([light("a.fit", DARK)._replace(answers=(Answer("dark", DARK, f"{DARK.name}: same camera"),))])
    assert f"dark: {DARK.name} (same camera)" in page_text(tree, "Siril", "list", ())


def test_what_is_in_it_and_why(library: Path, tmp_path: Path) -> None:
    """A table names each file, its original, why it is there, and where a workstation finds it; a page tells people."""
    tree = siril_tree([
        light("=a.fits", DARK)._replace(answers=(
            Answer("dark", DARK, "same camera, 300 s"), Answer("flat", None, "nearest flat: 40 nights away"),
        )),
    ])  # fmt: skip
    text = table_text(Path("/exports/x"), tree.items, "copy", mappings(["/exports=X:"]))
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["kind"], row["why"], row["workstation_path"]) for row in rows] == [
        ("dark", "same camera, 300 s", "X:\\x\\M31_2026-01-03_Ha_300s\\darks\\masterDark_EXPTIME_300.00.xisf"),
        ("light", "a LIGHT frame of session 20260103_aaaaaaaa", "X:\\x\\M31_2026-01-03_Ha_300s\\lights\\=a.fits"),
    ]
    listed = table_text(Path("/exports/x"), tree.items, "list", mappings(["/nas=Z:"]))
    assert "Z:\\library\\=a.fits" in listed
    page = page_text(tree, "Siril", "list", ["1 LIGHT frame cannot be read now"])
    assert "dark: masterDark_EXPTIME_300.00.xisf (same camera, 300 s)" in page
    assert "flat missing: nearest flat: 40 nights away" in page
    assert "1 LIGHT frame cannot be read now" in page
    for text in (page, "second"):
        write_texts(tmp_path / "tree", {PAGE: text, TABLE: listed})
        assert written(tmp_path / "tree") == {PAGE: text.encode(), TABLE: listed.encode()}
