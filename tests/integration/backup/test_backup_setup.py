"""`backup setup` and `backup lifecycle` at a folder and at an S3 server."""

import asyncio
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from services.backup.destinations.port import Refused
from services.backup.destinations.s3.lifecycle import Days, alike, rules_of, sentence_of
from services.backup.destinations.setup import tried_out
from services.backup.settings.destinations import FolderDestination, S3Destination
from services.cli.backup.setup import setup
from services.cli.main import app
from services.cli.usage import WrongUsage
from shared.errors import Away, UserError
from tests.moto_server import moto_server
from tests.s3_places import ACCESS_KEY, SECRET_KEY, make_bucket, settings_of, with_client

OTHERS = {
    "ID": "of somebody else",
    "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "keep", "Value": "no"}]}},
    "Status": "Enabled",
    "Expiration": {"Days": 5},
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an S3 server."""
    with moto_server() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str) -> S3Destination:
    """A bucket of its own."""
    configured = settings_of(endpoint, f"night-{uuid4().hex[:12]}")
    asyncio.run(make_bucket(configured))
    return configured


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file that somebody wrote."""
    file = tmp_path / "nightbus.toml"
    file.write_text("# mine\n[log]\nlevel = 'info' # as I like it\n", encoding="utf-8")
    file.chmod(0o640)
    monkeypatch.setenv("NIGHTBUS_CONFIG", str(file))
    return file


def run(*words: str) -> Any:
    """The command, without a terminal."""
    return CliRunner().invoke(app, ["backup", *words])


def s3_words(bucket: S3Destination, tmp_path: Path) -> list[str]:
    """What names a bucket on the command line."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET_KEY + "\n", encoding="utf-8")
    return [
        "--kind", "s3", "--endpoint", str(bucket.endpoint), "--bucket", bucket.bucket, "--addressing", "path",
        "--access-key-id", ACCESS_KEY, "--secret-file", str(secret),
    ]  # fmt: skip


def test_a_folder_is_tried_out_and_left_as_it_was(tmp_path: Path) -> None:
    """What was written came back, the section is printed, and nothing of the trial stays."""
    folder = tmp_path / "usb"
    folder.mkdir()
    done = run("setup", "--kind", "folder", "--path", str(folder), "--name", "usb-disk", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert tomllib.loads(found["section"]) == {
        "destinations": [{"name": "usb-disk", "kind": "folder", "path": str(folder)}]
    }
    assert (found["left_behind"], found["written_to"]) == (None, None)
    assert list(folder.iterdir()) == []
    said = run("setup", "--kind", "folder", "--path", str(folder), "--name", "usb-disk").stdout
    assert "files may be deleted there" in said
    assert "key" not in said


def test_a_folder_in_the_library_is_refused_before_anything_is_written(config: Path, tmp_path: Path) -> None:
    """Archives do not lie among the captures that they protect: the sentence names both, and no folder is made."""
    library = tmp_path / "library"
    library.mkdir()
    config.write_text(f'[library]\npath = "{library}"\n', encoding="utf-8")
    done = run("setup", "--kind", "folder", "--path", str(library / "archives"), "--name", "usb-disk")
    assert done.exit_code == 1
    assert "lie in each other" in done.output
    assert list(library.iterdir()) == []


def test_a_typed_secret_is_kept_once(config: Path, bucket: S3Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who tries a bucket out and then adds it types the secret key twice; another key is not written over it."""
    typed = [SECRET_KEY, SECRET_KEY, "another"]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("getpass.getpass", lambda _words: typed.pop(0))
    monkeypatch.setattr("builtins.input", lambda _words: "")

    def tried(*, write: bool) -> None:
        setup(
            kind="s3", name="cloud", endpoint=bucket.endpoint, bucket=bucket.bucket, addressing="path",
            access_key_id=ACCESS_KEY, write=write,
        )  # fmt: skip

    tried(write=False)
    tried(write=True)
    kept = config.parent / "cloud.secret"
    assert tomllib.loads(config.read_text(encoding="utf-8"))["destinations"][0]["secret_access_key_file"] == str(kept)
    assert kept.read_text(encoding="utf-8") == SECRET_KEY + "\n"
    with pytest.raises(UserError, match="is there already"):
        tried(write=False)  # moto takes any key
    assert kept.read_text(encoding="utf-8") == SECRET_KEY + "\n"


def test_an_empty_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a person just presses Enter for what has no default, the sentence says what is missing."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _words: "")
    with pytest.raises(WrongUsage, match="nothing was said for folder, from the root on; --path gives it as well"):
        setup(kind="folder")


def test_a_bucket_is_tried_out_and_left_as_it_was(bucket: S3Destination, tmp_path: Path) -> None:
    """What the server takes is said in plain sentences; no object stays, and no secret is shown."""
    done = run("setup", *s3_words(bucket, tmp_path), "--name", "cloud")
    assert done.exit_code == 0, done.output
    assert "it keeps tags" in done.stdout
    assert "it refuses to overwrite when asked to" in done.stdout
    assert "it does not compare the MD5 of what arrives" in done.stdout  # this server is moto
    assert SECRET_KEY not in done.output
    assert f'secret_access_key_file = "{tmp_path / "secret"}"' in done.stdout

    async def left(client: Any) -> int:
        listed = await client.list_objects_v2(Bucket=bucket.bucket)
        unfinished = await client.list_multipart_uploads(Bucket=bucket.bucket)
        return len(listed.get("Contents", ())) + len(unfinished.get("Uploads", ()))

    assert asyncio.run(with_client(bucket, left)) == 0


def test_the_section_is_added_and_nothing_else_changes(config: Path, bucket: S3Destination, tmp_path: Path) -> None:
    """With --write the file keeps its words and its mode; a name that is taken is refused before anything is tried."""
    before = config.read_text(encoding="utf-8")
    words = [*s3_words(bucket, tmp_path), "--name", "cloud", "--prefix", "mine", "--write"]
    assert run("setup", *words).exit_code == 0
    after = config.read_text(encoding="utf-8")
    assert after.startswith(before)
    assert tomllib.loads(after)["destinations"][0]["prefix"] == "mine"
    assert config.stat().st_mode & 0o777 == 0o640
    again = run("setup", *words)
    assert "cloud already" in again.output
    assert config.read_text(encoding="utf-8") == after


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "tape"], "'tape' is no kind of destination"),
        (["--kind", "folder"], "--path is missing"),
        (["--kind", "s3", "--name", "x"], "--bucket is missing"),
        (["--kind", "folder", "--path", "/x", "--bucket", "b"], "--bucket does not go with the kind folder"),
        (["--kind", "s3", "--bucket", "nights", "--access-key-id", "A"], "--secret-file is missing"),
        (["--kind", "folder", "--path", "/x", "--name", "Über"], "is no name for a destination"),
        (["--kind", "folder", "--path", "/nowhere/at/all", "--name", "x"], "is not there"),
    ],
)
def test_what_is_missing_or_wrong_is_said(words: list[str], said: str) -> None:
    """Without a terminal nothing is asked: a sentence says which option is missing or wrong."""
    assert said in run("setup", *words).output


async def test_a_folder_that_refuses_is_said(tmp_path: Path) -> None:
    """A disk that is not there and one that takes nothing end in a sentence that names the folder."""
    with pytest.raises(Away, match="nowhere"):
        await tried_out(FolderDestination(name="usb", path=tmp_path / "nowhere" / "usb"))


async def test_a_bucket_that_refuses_is_said(endpoint: str) -> None:
    """A bucket that does not exist is named, with what to do."""
    with pytest.raises(Refused, match=r"nosuch.*create it, or set bucket"):
        await tried_out(settings_of(endpoint, "nosuch"))


def test_rules_are_shown_applied_and_those_of_others_stay(config: Path, bucket: S3Destination, tmp_path: Path) -> None:
    """The difference is shown first; applying writes our rules beside those of others, and once is enough."""
    assert run("setup", *s3_words(bucket, tmp_path), "--name", "cloud", "--prefix", "mine", "--write").exit_code == 0

    async def put_others(client: Any) -> None:
        await client.put_bucket_lifecycle_configuration(
            Bucket=bucket.bucket, LifecycleConfiguration={"Rules": [OTHERS]}
        )

    async def rules(client: Any) -> list[Any]:
        found = await client.get_bucket_lifecycle_configuration(Bucket=bucket.bucket)
        return [alike(rule) for rule in found["Rules"]]

    asyncio.run(with_client(bucket, put_others))
    dry = run("lifecycle", "apply", "--dry-run")
    assert "this would change:\n+ nightbus mine abort" in dry.stdout
    assert asyncio.run(with_client(bucket, rules)) == [OTHERS]
    assert "1 rule of others" in run("lifecycle", "apply").stdout
    found = asyncio.run(with_client(bucket, rules))
    assert OTHERS in found
    assert len(found) == 1 + len(rules_of("mine", Days(), tags=True))
    assert "of somebody else" in run("lifecycle", "show").stdout
    assert run("lifecycle", "apply").stdout == "the rules are those of the settings\n"


def test_rules_follow_the_days_of_the_settings() -> None:
    """Each pair of policies has its rule; without tags there is one by key and size, and manifests are too small."""
    days = Days(fast=1, standard=2, delayed=3, deeper=10, abort=5)
    said = [sentence_of(rule) for rule in rules_of("p", days, tags=True)]
    assert "nightbus p abort: below p/: unfinished uploads deleted after 5 d" in said
    assert any("archive_policy = delayed with backup_policy = deep: to DEEP_ARCHIVE after 3 d" in one for one in said)
    assert any("backup_policy = flexible: to GLACIER after 2 d, to DEEP_ARCHIVE after 12 d" in one for one in said)
    assert len(said) == 7
    _abort, raw = rules_of("p", days, tags=False)
    assert sentence_of(raw) == "nightbus p raw: below p/backups/raw/ larger than 64 MiB: to DEEP_ARCHIVE after 1 d"


def test_a_rule_is_the_same_in_every_form() -> None:
    """Servers put the prefix beside or into `And`, and order transitions as they like: that is no difference."""
    (_abort, _deep, flexible, *_rest) = rules_of("p", Days(), tags=True)
    tags = flexible["Filter"]["And"]["Tags"]
    moved = {
        **flexible,
        "Filter": {"Prefix": "p/", "And": {"Tags": tags[::-1]}},
        "Transitions": flexible["Transitions"][::-1],
    }
    assert alike(moved) == flexible
    tagged = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "", "And": {"Tags": tags[:1]}}}
    assert alike(tagged)["Filter"] == {"Tag": tags[0]}
    assert alike({"ID": "x", "Status": "Enabled", "Prefix": "old/"}) == {
        "ID": "x",
        "Status": "Enabled",
        "Prefix": "old/",
    }
