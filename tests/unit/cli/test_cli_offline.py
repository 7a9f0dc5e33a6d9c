"""The verbs that need no stack: match, inspect, config."""

import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from services.cli.config import example_toml
from services.cli.inspect import FRAME_KEYS, QUALITY_KEYS, REPORTED_KEYS, TARGET_KEYS
from services.cli.main import app
from services.settings import AllSettings, known_keys
from services.standalone.home import Home

REPOSITORY = Path(__file__).resolve().parents[3]
INSPECT_KEYS = ["path", "file_id", "size_bytes", "format", "frame", "quality", "reported", "target", "problems"]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTBUS_CONFIG", raising=False)
    monkeypatch.setenv("NIGHTBUS_HOME", str(tmp_path / "home"))


def write_fits(path: Path, **cards: object) -> Path:
    """A small FITS file (FITS 4.0: 80-column cards, blocks of 2880 bytes) of 32 x 32 uint16."""
    header = {
        "SIMPLE": True,
        "BITPIX": 16,
        "NAXIS": 2,
        "NAXIS1": 32,
        "NAXIS2": 32,
        "BZERO": 32768,
        "BSCALE": 1,
        **cards,
    }

    def card(key: str, value: object) -> str:
        if isinstance(value, bool):
            text = ("T" if value else "F").rjust(20)
        else:
            text = f"'{value:<8}'" if isinstance(value, str) else str(value).rjust(20)
        return f"{key:<8}= {text}".ljust(80)

    text = "".join(card(key, value) for key, value in header.items()) + "END".ljust(80)
    pixels = (np.arange(1024).reshape(32, 32) - 32768).astype(">i2").tobytes()
    path.write_bytes(text.ljust(-(-len(text) // 2880) * 2880).encode() + pixels.ljust(2880, b"\0"))
    return path


def test_match_prints_one_json_line_per_name() -> None:
    """Names come as arguments or, for ``-``, from standard input; an empty line is a question without an answer."""
    result = CliRunner().invoke(app, ["match", "Messier 31", "-", "--json"], input="NGC 7000\n\nno such thing\n")
    assert result.exit_code == 3
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [list(row) for row in rows] == [["query", "catalog_id", "name", "confidence", "method"]] * 4
    assert [(row["query"], row["catalog_id"]) for row in rows] == [
        ("Messier 31", "M31"),
        ("NGC 7000", "NGC7000"),
        ("", None),
        ("no such thing", None),
    ]
    assert result.stderr == ""


def test_match_without_an_answer_has_an_exit_code_of_its_own() -> None:
    """A script can tell an answer (0) from none (3), in text and in JSON; one name without an answer is enough."""
    for words, code in ((["M 31"], 0), (["nonsense"], 3), (["M 31", "nonsense"], 3), (["nonsense", "--json"], 3)):
        assert CliRunner().invoke(app, ["match", *words]).exit_code == code, words


def test_a_star_of_alignments_is_said_to_be_found_by_its_designation() -> None:
    """Whoever asks for Betelgeuse is told why there is no match and what to write, and that is a match."""
    result = CliRunner().invoke(app, ["match", "Betelgeuse", "alpha Ori", "nonsense"])
    assert result.exit_code == 3
    first, second, third = result.stdout.splitlines()
    assert first.startswith("Betelgeuse: no match; a star that mounts are aligned on is a target by its designation")
    assert second.startswith("alpha Ori: alphaOri")
    assert third == "nonsense: no match"


def test_what_needs_no_stack_says_nothing_of_one(tmp_path: Path) -> None:
    """Beside a library, too, the offline commands answer and add no note."""
    file = write_fits(tmp_path / "light.fits", IMAGETYP="LIGHT", OBJECT="M 31")
    with Home.open(tmp_path / "home"):
        for words in (["match", "M 31"], ["inspect", str(file)]):
            assert CliRunner().invoke(app, words).stderr == ""


def test_inspect_has_exactly_the_keys_of_the_contract(tmp_path: Path) -> None:
    """Every key is there in order, null where a fact is absent."""
    file = write_fits(tmp_path / "light 1.fits", IMAGETYP="LIGHT", OBJECT="M 31", EXPTIME=60.0, FILTER="Ha")
    result = CliRunner().invoke(app, ["inspect", str(file), "--json"])
    assert result.exit_code == 0, result.stderr
    (row,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert list(row) == INSPECT_KEYS
    assert list(row["frame"]) == list(FRAME_KEYS)
    assert list(row["quality"]) == list(QUALITY_KEYS)
    assert list(row["reported"]) == list(REPORTED_KEYS)
    assert list(row["target"]) == list(TARGET_KEYS)
    assert row["file_id"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (row["frame"]["frame_type"], row["frame"]["exposure_s"], row["frame"]["filter"]) == ("LIGHT", 60.0, "Ha")
    assert row["target"]["catalog_id"] == "M31"
    assert row["frame"]["ra_deg"] is None


def test_inspect_has_no_target_for_calibration_frames(tmp_path: Path) -> None:
    """A dark shows no object, whatever its header says."""
    file = write_fits(tmp_path / "dark.fits", IMAGETYP="DARK", OBJECT="M 31", EXPTIME=60.0)
    row = json.loads(CliRunner().invoke(app, ["inspect", str(file), "--json"]).stdout)
    assert row["target"] is None


def test_inspect_tries_all_files_and_then_fails(tmp_path: Path) -> None:
    """An unreadable file gives path and error; the others are shown; the exit code is 1."""
    (tmp_path / "text.fit").write_text("not a capture")
    good = write_fits(tmp_path / "good.fits", IMAGETYP="BIAS")
    names = f"{tmp_path / 'text.fit'}\n{tmp_path / 'gone.fits'}\n{good}\n"
    result = CliRunner().invoke(app, ["inspect", "-", "--json"], input=names)
    assert result.exit_code == 1
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [list(row) == ["path", "error"] for row in rows] == [True, True, False]
    assert all(row["error"] for row in rows[:2])


def test_a_missing_file_and_a_folder_are_told_in_one_breath(tmp_path: Path) -> None:
    """The path and that it cannot be read are said once; a folder is told apart, with what to do."""
    (tmp_path / "night").mkdir()
    result = CliRunner().invoke(app, ["inspect", "nope.fits", "night"])
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line] == [
        "nope.fits",
        "  cannot be read: No such file or directory",
        "night",
        "  cannot be read: it is a folder: name the files in it",
    ]
    result = CliRunner().invoke(app, ["preview", "nope.fits", "night"])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "nightbus: nope.fits: No such file or directory",
        "nightbus: night: it is a folder: name the files in it",
    ]


def test_names_that_no_file_has_are_answered_like_others() -> None:
    """An empty line and one with a NUL in it are files that cannot be read, and those after them are tried."""
    result = CliRunner().invoke(app, ["inspect", "-", "--json"], input="\na\0b\nmissing.fits\n")
    assert result.exit_code == 1
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["path"] for row in rows] == ["", "a\0b", "missing.fits"]
    assert ["empty path" in rows[0]["error"], "NUL" in rows[1]["error"], "No such" in rows[2]["error"]] == [True] * 3
    result = CliRunner().invoke(app, ["preview", "-"], input="\na\0b\n")
    assert result.exit_code == 1
    assert ["empty path" in result.stderr, "NUL" in result.stderr] == [True, True]


@pytest.mark.parametrize(
    "words",
    [
        ["ingest", "", "--mode", "move"], ["ingest", "a.fits", ""], ["files", "--home", ""], ["up", "--home", ""],
        ["demo", "--keep", ""], ["preview", "a.fits", "--out", ""],
    ],
)  # fmt: skip
def test_an_empty_path_never_means_the_current_folder(words: list[str]) -> None:
    """A script whose variable is unset moves nothing and starts nothing."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "an empty path names" in " ".join(result.stderr.replace("│", " ").split())


def test_a_file_cannot_be_the_folder_of_a_demonstration(tmp_path: Path) -> None:
    """What is no folder is refused in a sentence before anything starts."""
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["demo", "--keep", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert "cannot be the folder for --keep: File exists" in result.stderr


def test_inspect_for_people_names_the_facts(tmp_path: Path) -> None:
    """Without --json there is a readable block per file."""
    file = write_fits(tmp_path / "a.fits", IMAGETYP="LIGHT", OBJECT="M 31", EXPTIME=60.0)
    result = CliRunner().invoke(app, ["inspect", str(file)])
    assert result.exit_code == 0
    assert "M31, Andromeda Galaxy" in result.stdout
    assert "exposure_s" in result.stdout


def test_inspect_explains_every_value(tmp_path: Path) -> None:
    """With --explain each value has its origin: in the JSON as value, origin and detail, for people behind an arrow."""
    file = write_fits(tmp_path / "x_HFR_2.52.fits", IMAGETYP="LIGHT", OBJECT="M 31", EXPTIME=60.0)
    row = json.loads(CliRunner().invoke(app, ["inspect", str(file), "--json", "--explain"]).stdout)
    assert list(row) == [*INSPECT_KEYS, "explain"]
    assert row["explain"]["exposure_s"] == {"value": 60.0, "origin": "header", "detail": "EXPTIME"}
    assert row["explain"]["reported.hfr_px"]["origin"] == "file name"
    known = {key for key, value in row["frame"].items() if value is not None}
    assert known <= set(row["explain"])
    shown = CliRunner().invoke(app, ["inspect", str(file), "--explain"]).stdout
    assert "<- header: EXPTIME" in shown
    assert "<- file name:" in shown


def test_config_check_names_the_file_and_the_nearest_key(tmp_path: Path) -> None:
    """A good file is named; a wrong key is answered with the nearest known one and exit code 1."""
    file = tmp_path / "nightbus.toml"
    file.write_text("[nats]\nmax_bytes = 2000000\n")
    result = CliRunner().invoke(app, ["config", "check"])
    assert (result.exit_code, result.stdout) == (0, f"ok: {file}\n")
    file.write_text("[nats]\nurk = 'x'\n")
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 1
    assert "did you mean nats.url" in result.stderr


USB = '[[destinations]]\nname = "usb"\npath = "{0}/usb"\n'


@pytest.mark.parametrize(
    ("more", "lacks"),
    [
        ("", "no [[destinations]] is set"),
        (
            USB + '[services]\nenabled = ["ingest", "scanner", "stats", "api"]\n',
            "services.enabled has it not",
        ),
        (USB, None),
    ],
    ids=["no destination", "backup is off", "whole"],
)
def test_config_check_tells_that_nothing_is_deleted_without_a_backup(
    tmp_path: Path, more: str, lacks: str | None
) -> None:
    """A source that deletes after a backup, where none will ever be made, is named with what is missing."""
    (tmp_path / "card").mkdir()
    source = f'[[sources]]\nname = "rig"\npath = "{tmp_path}/card"\nafter_transfer = "delete_after_backup"\n'
    (tmp_path / "nightbus.toml").write_text(more.format(tmp_path) + source)
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 0, result.stderr
    told = [line for line in result.stdout.splitlines() if "never deleted" in line]
    assert [line for line in told if lacks and lacks in line and "source rig" in line] == told
    assert len(told) == (lacks is not None)


def test_config_explain_tells_origins_and_hides_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key has value, origin and meaning; secrets are masked."""
    (tmp_path / "nightbus.toml").write_text(
        "[nats]\nurl = 'nats://nas:4222'\nuser = 'nightbus'\n[[sources]]\nname = 'seestar'\npath = '/captures'\n"
    )
    monkeypatch.setenv("NIGHTBUS_NATS__PASSWORD", "sesame")
    result = CliRunner().invoke(app, ["config", "explain", "--json"])
    assert result.exit_code == 0
    assert "sesame" not in result.stdout
    rows = {row["key"]: row for row in json.loads(result.stdout)}
    assert rows["nats.url"]["origin"] == "file (nightbus.toml)"
    assert rows["nats.password"] == {
        "key": "nats.password",
        "value": "********",
        "origin": "environment (NIGHTBUS_NATS__PASSWORD)",
        "description": rows["nats.password"]["description"],
    }
    assert rows["sources[0].name"]["value"] == "seestar"
    assert rows["postgres.port"]["origin"] == "default"
    assert {key for key in known_keys() if "[]" not in key} <= set(rows)


def test_the_committed_example_is_generated() -> None:
    """``nightbus config example > deploy/nightbus.example.toml`` renews it."""
    assert (REPOSITORY / "deploy" / "nightbus.example.toml").read_text() == example_toml()


def test_the_example_is_valid_with_and_without_its_comment_signs() -> None:
    """It loads as it is, and every default in it is a default of the settings."""
    text = example_toml()
    assert AllSettings.model_validate(tomllib.loads(text)) == AllSettings()
    lines = [line for line in text.splitlines() if not line.endswith("# not set")]
    open_text = "\n".join(line.removeprefix("#") if not line.startswith("# ") else line for line in lines)
    values = tomllib.loads(open_text)
    (source,) = values["sources"]
    assert source["mode"] == "copy"
    values = {key: value for key, value in values.items() if not isinstance(value, list)}
    assert AllSettings.model_validate(values).model_dump() == AllSettings().model_dump()
    for key in known_keys():
        assert f"#{key.split('.')[-1]} = " in text or f"{key} = " in text
