"""Settings that cannot work are refused when they are read, in sentences that name the place."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from shared.errors import UserError
from shared.settings import load_settings

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
        (SOURCES + 'mode = "link"', "setting sources.mode of 'rig': Input should be"),
        (SOURCES + "modus = 1", "unknown setting sources.modus of 'rig'; did you mean sources.mode?"),
        (SOURCES.replace('name = "rig"\n', ""), "setting sources.name of number 2: Field required"),
        ('[[targets]]\nid = "M31"\nsize_arcmin = -1', "setting targets.size_arcmin of 'M31': "),
        ('[stats]\ntime_zone = "Europe/Berlim"', "setting stats.time_zone: .*did you mean 'Europe/Berlin'"),
        ("[stats]\nsession_quiet_s = 1e300", "setting stats.session_quiet_s: Input should be less than"),
        ("[scanner]\npreviews = true", "setting scanner: previews is on, so previews_dir must name a folder"),
        ('[library]\npath = "/a"' + SOURCES, "^the source 'seestar' lies in the library /a: nothing would be taken"),
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


def test_a_source_of_the_environment_is_named_by_its_place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file does not list the sources, a mistake says which of them it is in."""
    monkeypatch.setenv("NIGHTBUS_SOURCES", '[{"name": "a", "path": "/a", "mode": "link"}]')
    with pytest.raises(UserError, match=r"setting sources\.mode of number 1: "):
        load_settings()


def test_check_says_where_it_looked(file: Path) -> None:
    """Without a settings file `config check` names the place where one was looked for."""
    result = CliRunner().invoke(app, ["config", "check"])
    assert (result.exit_code, result.stdout) == (
        0, f"ok: no nightbus.toml found, looked at {file}; environment and defaults\n",
    )  # fmt: skip
