"""Promises of the kept settings: no secret is in them, and a new machine gets everything else back."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from services.backup.kept_settings.back import Restored
from services.backup.kept_settings.without import secrets_in, without_secrets
from services.settings import AllSettings
from shared.settings import keys_of
from shared.settings.holds import is_secret
from shared.toml_text import to_toml

HIDDEN = "Hid-den.value"
SECRETS = sorted(name for name, field in keys_of(AllSettings).items() if is_secret(field.annotation))
OFFSITE = {"name": "offsite", "kind": "s3", "bucket": "nights", "access_key_id": "AKIA"}


def written(key: str) -> dict[str, Any]:
    """A settings file with a secret at a key, such as ``nats.password`` or ``destinations[].secret_access_key``."""
    section, name = key.split(".")
    if section.endswith("[]"):
        return {section.removesuffix("[]"): [{"name": "first"}, {**OFFSITE, name: HIDDEN}]}
    return {section: {name: HIDDEN, "other": 1}}


def test_there_are_secrets_to_hide() -> None:
    """Every secret of the settings is tried below, those of services and of each kind of destination among them."""
    assert {"nats.password", "postgres.password", "destinations[].secret_access_key"} <= set(SECRETS)


@pytest.mark.parametrize("key", SECRETS)
def test_no_secret_is_kept(key: str) -> None:
    """The value of each secret is nowhere in the kept text; a comment names it, and all other keys are as they were."""
    before = written(key)
    text = without_secrets(before, AllSettings).text
    assert HIDDEN not in text
    section, name = key.split(".")
    several = section.endswith("[]")
    assert secrets_in(text) == [f"destinations.offsite.{name}" if several else key]
    kept = tomllib.loads(text)
    table = kept[section.removesuffix("[]")][1] if several else kept[section]
    assert table == (OFFSITE if several else {"other": 1})
    assert before == written(key), "what was read is not changed"


def test_passwords_in_addresses_are_not_kept() -> None:
    """An address with a login loses its password, keeps the rest, and a comment says so."""
    text = without_secrets({"nats": {"url": f"nats://me:{HIDDEN}@nas:4222"}}, AllSettings).text
    assert tomllib.loads(text) == {"nats": {"url": "nats://me@nas:4222"}}
    assert "# url had a password in it" in text


def test_names_of_files_with_secrets_are_kept() -> None:
    """A key that names a file with a secret is no secret."""
    before = {"destinations": [{**OFFSITE, "secret_access_key_file": "/etc/nightbus/s3"}]}
    text = without_secrets(before, AllSettings).text
    assert tomllib.loads(text) == before
    assert secrets_in(text) == []


def test_toml_reads_back_as_it_was() -> None:
    """Whatever a settings file can hold is written so that it reads back the same, odd names and texts included."""
    table: dict[str, Any] = tomllib.loads(
        'config_version = 1\nfilters = { "Position 3" = "Ha" }\n[library]\npath = "/nas/\\u00e4 \\"x\\" \\\\ \\u007f"\n'
        'quiet = 1e3\nbig = inf\non = true\nat = 2026-03-01T06:00:00Z\nlist = ["a", "b"]\nempty = []\n'
        '[[rigs]]\nname = "\\u2605\\t"\nfilters = { "" = "none", "a.b" = "L" }\n[[rigs]]\nname = "two"\n'
    )
    assert tomllib.loads(to_toml(table, {("rigs", 1): ["a note"]})) == table


def test_a_new_machine_gets_its_folders_and_secrets() -> None:
    """Library and destination follow the machine, servers of others are left out, secrets go into files or in place."""
    kept = without_secrets(
        {
            "library": {"path": "/old/library", "mode": "0640"},
            "nats": {"url": "nats://nas:4222", "password": HIDDEN, "max_bytes": 2**30},
            "destinations": [{**OFFSITE, "secret_access_key": HIDDEN}, {"name": "usb", "path": "/old/usb"}],
        },
        AllSettings,
    ).text
    settings = Restored(kept, AllSettings)
    settings.without("nats", ("url", "password"), "of another server")
    settings.set("library", "path", "/new/library")
    settings.set_member("destinations", "usb", {"path": "/new/usb"})
    (needed,) = settings.needed(Path.is_file)
    assert (needed.name, needed.by_file) == ("destinations.offsite.secret_access_key", True)
    settings.put_back(needed, HIDDEN, Path("/home/secrets/s3"))
    assert tomllib.loads(settings.text) == {
        "library": {"path": "/new/library", "mode": "0640"},
        "nats": {"max_bytes": 2**30},
        "destinations": [
            {**OFFSITE, "secret_access_key_file": "/home/secrets/s3"},
            {"name": "usb", "path": "/new/usb"},
        ],
    }
    assert HIDDEN not in settings.text


def test_a_file_of_a_secret_that_is_not_here_is_asked_for() -> None:
    """Where the settings name a file for a secret and the new machine has none, that secret is needed; else not."""
    text = to_toml({"destinations": [{**OFFSITE, "secret_access_key_file": "/etc/s3", "ca_file": "/etc/ca"}]}, {})
    assert [one.name for one in Restored(text, AllSettings).needed(lambda _path: False)] == [
        "destinations.offsite.secret_access_key"
    ]
    assert Restored(text, AllSettings).needed(lambda _path: True) == []
