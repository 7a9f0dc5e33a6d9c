"""Settings that cannot work are refused when they are read, in sentences that name the place."""

import os
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field
from typer.testing import CliRunner

from services.cli.config import example_toml
from services.cli.main import app
from services.ingest.settings import SourceSettings
from services.settings import known_keys, load_settings
from shared.errors import UserError
from shared.library.settings import LibrarySettings, capture_folders
from shared.settings import Settings, keys_of, load
from shared.settings.section import OfKinds, Section

SOURCES = """
[[sources]]
name = "seestar"
path = "/a"
[[sources]]
name = "rig"
path = "/b"
"""


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The nightbus.toml of the current folder, and no settings in the environment."""
    for name in [name for name in os.environ if name.upper().startswith("NIGHTBUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "nightbus.toml"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[library]\ntemplate = "{nope}/{name}"', "setting library.template: .*unknown field 'nope'"),
        ('[library]\ntemplate = "../{name}"', "setting library.template: .*must stay below its root"),
        ('[library]\ntemplate = "/data/{name}"', "setting library.template: .*must stay below its root"),
        ('[library]\ntemplate = "{year:d}/{name}"', "setting library.template: .*cannot write 'year' as 'd'"),
        ("config_version = 2", "setting config_version: this Nightbus reads version 1 of the settings file, and not 2"),
        (SOURCES.replace('"rig"', '"seestar"'), "setting sources: two sources are called 'seestar'"),
        (SOURCES + 'mode = "link"', "setting sources.mode of 'rig': 'link' is none of copy, move, index"),
        (SOURCES + "modus = 1", "unknown setting sources.modus of 'rig'; did you mean sources.mode?"),
        (
            SOURCES + "rescan_interval_s = 60",
            "^setting sources.rescan_interval_s of 'rig' is called sources.walk_interval_s now: rename it$",
        ),
        (SOURCES + 'kind = "smb"', "^setting sources.kind of 'rig': 'smb' is no kind of source; known: folder$"),
        (SOURCES + "kind = 3", "^setting sources.kind of 'rig': '3' is no kind of source; known: folder$"),
        (SOURCES + 'rig = ""', "^setting sources.rig of 'rig': it must not be empty$"),
        (SOURCES + 'target = "a\\tb"', "^setting sources.target of 'rig': 'a.*b' cannot be printed"),
        (SOURCES.replace('name = "rig"\n', ""), "setting sources.name of number 2 is missing"),
        ('[[targets]]\nid = "M31"\nsize_arcmin = -1', "setting targets.size_arcmin of 'M31': "),
        ('[stats]\ntime_zone = "Europe/Berlim"', "setting stats.time_zone: .*did you mean 'Europe/Berlin'"),
        (
            "[stats]\nsession_quiet_s = 1e300",
            "setting stats.session_quiet_s: 1e.300 is out of range: .* at most",
        ),
        ('[library]\npath = "/a"' + SOURCES, "^the source 'seestar' lies in the library /a: nothing would be taken"),
        (
            '[library]\npath = "/a/library"' + SOURCES,
            "^the library /a/library lies in the source 'seestar' \\(/a\\): put the library elsewhere",
        ),
        (
            SOURCES.replace("/b", "/a/rig"),
            "^the source 'rig' \\(/a/rig\\) lies in the source 'seestar' \\(/a\\): .*twice",
        ),
        (SOURCES.replace("/b", "/a"), "^the sources 'seestar' and 'rig' are the same folder /a: remove one of them"),
        (SOURCES.replace("/b", "captures"), "setting sources.path of 'rig': 'captures' is not a whole path: write it "),
        ('[library]\npath = "~/astro"', f"setting library.path: '~/astro' is not a whole path: .* {Path.home()}/astro"),
        (
            SOURCES.replace('"rig"', '"My Rig (north)"'),
            "setting sources.name: 'My Rig \\(north\\)' is no name for a source: .*, such as 'my-rig-north'",
        ),
        (
            SOURCES.replace("[[", "[").replace("]]", "]").split('[sources]\nname = "rig"')[0],
            r"write \[\[sources\]\] with",
        ),
        (
            '[library]\nmode = "rw-rw-r--"',
            "setting library.mode: 'rw-rw-r--' are no permissions: write three octal digits",
        ),
        ("[library]\nmode = 664", "setting library.mode: 664 are no permissions: write three octal digits in quotes"),
        ('[library]\nmode = "0200"', "setting library.mode: '0200' keeps their owner from reading or writing them"),
        ('[library]\npath = ""', "setting library.path: an empty path names no folder: write one from the root on"),
        ('library = "/x"', r'setting library: write \[library\], and below it its keys, such as path = "…"'),
        ('sources = ["/p"]', r"setting sources of number 1: write \[\[sources\]\] .*, and below it name = .* and path"),
        ('filters = "x"', "setting filters: write a table, such as"),
        ('[scanner]\nnina_profiles = "/x"', "setting scanner.nina_profiles: write a list, such as"),
        ('[scanner]\npreviews = "maybe"', "setting scanner.previews: 'maybe' is none: write true or false"),
        ('[nats]\nmax_bytes = "x"', "setting nats.max_bytes: 'x' is none: write a whole number"),
        ("[library]\ntemplate = 3", 'setting library.template: write it in quotes: "3"'),
        ("[nats]\npassword = 3", "setting nats.password: write a text in quotes$"),
        ('[[sources]]\nname = "a"\npath = 3', "setting sources.path of 'a': write a path in quotes, such as \"/…\""),
        (
            '[[destinations]]\nname = "b2"\nkind = "s3"\nbucket = "n"',
            "setting destinations.bucket of 'b2': 'n' is too short: it must have at least 3 characters",
        ),
        (
            '[[destinations]]\nname = "usb"\npath = "/usb"\n[[destinations]]\nname = "disk"\npath = "/usb"',
            "setting destinations: the destinations 'usb' and 'disk' are one place: leave one of them away",
        ),
        ('[[rigs]]\nname = ""', "setting rigs.name of number 1: it must not be empty"),
        (f'[[rigs]]\nname = "{"x" * 201}"', "setting rigs.name of 'x+': it must not be longer than 200 characters"),
        ("[postgres]\nport = 99999", "setting postgres.port: 99999 is out of range: it must be at most 65535"),
        (
            "[ingest]\nreconcile_age_s = 1e300",
            "setting ingest.reconcile_age_s: 1e.300 is out of range: .* at most",
        ),
        ("[library]\nmode = 0664", 'line 2: a number that begins with 0 stands in quotes: mode = "0664"'),
        ("[library]\npath = /data  # mine", 'line 2: a text stands in quotes: path = "/data"$'),
        ('[library]\npath = "/data', 'line 2: a text stands in quotes: path = "/data"$'),
        ("[nats]\npassword = sesame", 'line 2: a text stands in quotes: password = "…"$'),
        ('[library]\npath = "C:\\x"', r"line 2: a text with \\ in it stands in single quotes: path = 'C:\\x'"),
        ("[library]\npath =", "line 2: path has no value"),
        ("[scanner]\npreviews = True", "line 2: write previews = true$"),
        ("[library\npath = 1", "line 1: '\\[library' is no heading"),
        ("[library]\n[library]", "line 2: '\\[library\\]' stands there a second time"),
        ("[nats]\npassword = 'a'\npassword = 'b'", "line 3: 'password' stands there a second time: put"),
        (
            '[[sources]]\nname = "a"\npath = "/a"\nmode = "index"\nafter_transfer = "delete"',
            'after_transfer = "delete" of \'a\' cannot be: the files of mode = "index" stay where they are',
        ),
        (
            '[[sources]]\nname = "a"\npath = "/a"\nmode = "move"\nafter_transfer = "delete_after_backup"',
            'after_transfer = "delete_after_backup" of \'a\' cannot be: mode = "move" deletes at once',
        ),
        ('[rigs]\nname = "a"', r"setting rigs: write \[\[rigs\]\] with double brackets, once per rig"),
        ('[dark_libraries]\ncamera = "a"', r"write \[\[dark_libraries\]\] with double brackets, once per dark_library"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(file: Path, text: str, sentence: str) -> None:
    """`config check` and every start name the key, and the source or target among several, in one sentence."""
    file.write_text(text)
    with pytest.raises(UserError, match=sentence) as caught:
        load_settings()
    result = CliRunner().invoke(app, ["config", "check"])
    assert (result.exit_code, result.stderr) == (1, f"nightbus: {caught.value}\n")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"# gr\xfc\xdfe", "# UTF-16".encode("utf-16")])
def test_a_file_that_is_no_text_is_refused_with_a_sentence(file: Path, content: bytes) -> None:
    """An editor that saves in another encoding is told which one is read."""
    file.write_bytes(content)
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 1
    assert result.stderr.startswith("nightbus: nightbus.toml is not UTF-8 text (byte ")
    assert result.stderr.count("\n") == 1


def test_a_folder_is_no_settings_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NIGHTBUS_CONFIG that names a folder is told apart from one that names nothing."""
    for path, words in ((file.parent, "is not a file"), (file, "does not exist")):
        monkeypatch.setenv("NIGHTBUS_CONFIG", str(path))
        with pytest.raises(UserError, match=words):
            load_settings()


def test_mistakes_are_told_in_the_order_of_the_example(file: Path) -> None:
    """Several mistakes are a sentence each, in the order of the sections, whoever added them; unknown keys last."""
    wrong = ('[api]\ndead_letter_dir = ""', '[log]\nlevel = "x"', "[library]\nreserve_mb = 0", "[nats]\nurl = 3")
    file.write_text("\n".join(("[nope]", *wrong)))
    with pytest.raises(UserError) as caught:
        load_settings()
    keys = ["nats.url", "library.reserve_mb", "log.level", "api.dead_letter_dir"]
    told = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in told[:-1]] == [f"setting {key}" for key in keys]
    assert told[-1].startswith("unknown setting nope")


class Disk(Section):
    """One of two kinds: the first."""

    name: str
    kind: Literal["disk"] = "disk"
    size_mb: int = Field(description="how large it is")


class Tape(Section):
    """One of two kinds: the second."""

    name: str
    kind: Literal["tape"] = "tape"
    length_m: int = 1
    label: str


class WithKinds(Settings):
    """Settings with a section of two kinds."""

    stores: tuple[Annotated[Section, OfKinds(Disk, Tape)], ...] = ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('kind = "tape"', "^setting stores.label of 'x' is missing$"),
        ('kind = "tape"\nlabel = 3', "^setting stores.label of 'x': write it in quotes: \"3\"$"),
        ("size_mb = 1.5", "^setting stores.size_mb of 'x': 1.5 is none: write a whole number$"),
        ("size_mb = 1\nlength_m = 2", "^unknown setting stores.length_m of 'x'; did you mean stores.length_m"),
        ('kind = "drum"', "^setting stores.kind of 'x': 'drum' is no kind of store; known: disk, tape$"),
    ],
)
def test_a_mistake_in_one_of_several_kinds_names_its_key(file: Path, text: str, sentence: str) -> None:
    """Where sections of one name are of several kinds, each is checked by the keys of its own."""
    file.write_text(f'[[stores]]\nname = "x"\n{text}\n')
    with pytest.raises(UserError, match=sentence):
        load(WithKinds)


def test_a_section_is_of_the_kind_that_it_names(file: Path) -> None:
    """Without a kind it is of the first; the keys of all kinds are known, and each is in the example."""
    file.write_text('[[stores]]\nname = "a"\nsize_mb = 7\n[[stores]]\nname = "b"\nkind = "tape"\nlabel = "l"\n')
    settings = load(WithKinds)
    assert settings.sections(Disk) == (Disk(name="a", size_mb=7),)
    assert settings.sections(Tape) == (Tape(name="b", label="l"),)
    keys = [key for key in keys_of(WithKinds) if key.startswith("stores")]
    assert sorted(keys) == [f"stores[].{key}" for key in ("kind", "label", "length_m", "name", "size_mb")]
    example = example_toml(WithKinds)
    assert example.count("#[[stores]]") == 2
    assert "# how large it is (needed)" in example


class Strange(Section):
    """A section that nobody added."""


def test_a_section_is_taken_by_its_kind(file: Path) -> None:
    """Sections of any owner, and each of several, are found without their names; one that is not there is said so."""
    file.write_text('[library]\npath = "/library"\n' + SOURCES)
    settings = load_settings()
    assert settings.section(LibrarySettings).path == Path("/library")
    assert [source.name for source in settings.sections(SourceSettings)] == ["seestar", "rig"]
    with pytest.raises(KeyError, match="the settings have no Strange"):
        settings.section(Strange)


def test_folders_of_captures_are_those_of_all_sections(file: Path) -> None:
    """The library, each source and each root elsewhere, with the words for them; a library that is not set is none."""
    roots = '[scanner.roots]\nnas = "/mnt/nas"\n'
    sources = [("the source seestar", Path("/a")), ("the source rig", Path("/b")), ("the root nas", Path("/mnt/nas"))]
    file.write_text(roots + SOURCES)
    assert list(capture_folders(load_settings())) == sources
    file.write_text('[library]\npath = "/library"\n' + roots + SOURCES)
    assert list(capture_folders(load_settings())) == [("the library", Path("/library")), *sources]


def test_a_source_of_the_environment_is_named_by_its_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file does not list the sources, a mistake says which of them it is in."""
    monkeypatch.setenv("NIGHTBUS_SOURCES", '[{"name": "a", "path": "/a", "mode": "link"}]')
    with pytest.raises(UserError, match=r"setting sources\.mode of number 1 \(NIGHTBUS_SOURCES in the environment\): "):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("NIGHTBUS_SOURCES", "x", r'must hold JSON, such as \[{"name": "…", "path": "…"}\]; it holds none'),
        ("NIGHTBUS_SOURCES", "{}", r'must hold JSON, such as \[{"name": "…", "path": "…"}\]$'),
        ("NIGHTBUS_RIGS", "", r'must hold JSON, such as \[{"name": "…"}\]; it is empty'),
        ("NIGHTBUS_RIGS", "[3]", r"must hold JSON, .*: rigs of number 1 is none such"),
        ("NIGHTBUS_FILTERS", "x", 'must hold JSON, such as {"…": "…"}; it holds none'),
        ("NIGHTBUS_LIBRARY", "x", 'must hold JSON, such as {"path": "…"}; it holds none'),
        ("NIGHTBUS_LIBRARY", "3", 'must hold JSON, such as {"path": "…"}$'),
        ("NIGHTBUS_SCANNER__ROOTS", "x", 'must hold JSON, such as {"…": "…"}; it holds none'),
        ("NIGHTBUS_SCANNER__ROOTS", "", 'must hold JSON, such as {"…": "…"}: scanner.roots is none such'),
        ("NIGHTBUS_SERVICES__ENABLED", "stats", r'must hold JSON, such as \["…"\]: services.enabled is none such'),
        ("nightbus_sources", "x", "must hold JSON"),
    ],
)
def test_a_variable_that_holds_no_json_is_named_with_what_it_must_hold(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """A value that the environment cannot hold so is one sentence, and no fault of the library that reads it."""
    file.write_text(SOURCES)
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"^{name} in the environment {sentence}") as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_the_words_of_a_mistake_are_never_those_of_the_library(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kind of value stands at any key, the sentence says what to write, and not what pydantic calls it."""
    for key, field in known_keys().items():
        section, _, name = key.replace("[]", "").rpartition(".")
        heading = f"[[{section}]]" if "[]" in key else f"[{section}]"
        for value in ("[[1]]", "{a = [1]}", "1979-05-27", '"?"'):
            file.write_text(f"{heading}\n{name} = {value}\n" if section else f"{name} = {value}\n")
            result = CliRunner().invoke(app, ["config", "check"])
            assert not {"Input", "pydantic", "instance"} & set(result.output.split()), (key, value, field)


def test_check_says_where_it_looked(file: Path) -> None:
    """Without a settings file `config check` names the place where one was looked for."""
    result = CliRunner().invoke(app, ["config", "check"])
    assert (result.exit_code, result.stdout) == (
        0, f"ok: no nightbus.toml found, looked at {file}; environment and defaults\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("NIGHTBUS_LIBRARY_PATH", "NIGHTBUS_LIBRARY__PATH"),
        ("NIGHTBUS_INGEST_WORKERS", "NIGHTBUS_INGEST__WORKERS"),
        ("NIGHTBUS_SOURCE", "NIGHTBUS_SOURCES"),
        ("NIGHTBUS_HOMES", "NIGHTBUS_HOME"),
        ("NIGHTBUS_CONFIG_FILE", "NIGHTBUS_CONFIG"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known_one(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    """A misspelt variable of the environment is refused, and the whole name that was meant is said."""
    monkeypatch.setenv(name, "/a")
    with pytest.raises(UserError, match=f"^unknown setting {name} in the environment; did you mean {hint}\\?$"):
        load_settings()


def test_an_unknown_key_of_a_known_section_in_the_environment_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt key behind a right section is told as in the file."""
    monkeypatch.setenv("NIGHTBUS_LIBRARY__PAHT", "/a")
    with pytest.raises(UserError, match=r"unknown setting library\.paht; did you mean library\.path\?"):
        load_settings()
