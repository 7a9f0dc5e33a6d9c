"""nightbus.toml on the new machine: the kept copy with the new folders, and the secrets that a person gives again."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.backup.kept_settings.back import Needed, Restored
from services.backup.settings import DestinationSettings, S3Destination
from services.standalone.home import Home, write_durably
from services.standalone.own_servers import PLACES
from shared.errors import UserError
from shared.library.reading import shown
from shared.settings import Settings

CLOSED = 0o600
_OWN = "`nightbus up` brings its own"

Ask = Callable[[str], str | None]
"""Asks a person for a secret by its name; None where nobody can be asked."""


def fit(kept: str | None, model: type[Settings], source: DestinationSettings, called: str, library: Path) -> Restored:
    """The kept settings with what is elsewhere on this machine.

    Args:
        kept: the text of the copy; None where there is none.
        model: all settings.
        source: the destination that is restored from, as a person gave it.
        called: its name in the settings that were kept.
        library: the folder of the library.
    """
    settings = Restored(kept or "", model)
    for section, (_server, keys) in PLACES.items():
        settings.without(section, keys, _OWN)
    settings.set("library", "path", str(library))
    values = source.model_dump(mode="json", exclude_unset=True, exclude={"name", "secret_access_key"})
    settings.set_member("destinations", called, values)
    return settings


def gather(needed: Sequence[Needed], given: Mapping[str, str], ask: Ask) -> dict[str, str]:
    """The values of secrets: from the file and the environment, else asked for.

    Raises:
        UserError: some are lacking, and nobody can be asked; it names them all.
    """
    found, lacking = {}, []
    for one in needed:
        value = given.get(one.name) or os.environ.get(variable_of(one.name)) or ask(one.name)
        if value:
            found[one.name] = value
        else:
            lacking.append(one.name)
    if lacking:
        raise UserError(
            f"these secrets are lacking, since no copy of them is kept: {', '.join(lacking)}; give them in a file with "
            f'--secrets-file (lines such as {lacking[0]} = "…"), in the environment ({variable_of(lacking[0])}), or '
            "on a terminal"
        )
    return found


def secrets_of(source: DestinationSettings, called: str) -> dict[str, str]:
    """The secret that a person gave for reading from the destination, by its name in the settings."""
    if isinstance(source, S3Destination) and source.secret_access_key is not None:
        return {f"destinations.{called}.secret_access_key": source.secret_access_key.get_secret_value()}
    return {}


def variable_of(name: str) -> str:
    """The variable of the environment that may hold a secret."""
    return "SECRET_" + re.sub(r"[^A-Z0-9]+", "_", name.upper())


def read_secrets(file: Path | None) -> dict[str, str]:
    """The secrets of a file by name, such as ``destinations.offsite.secret_access_key = "…"``.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    if file is None:
        return {}
    try:
        return dict(_flat("", tomllib.loads(file.read_text(encoding="utf-8"))))
    except OSError as error:
        raise UserError(f"{shown(file)} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None)  # the message may quote a secret
        where = f" (line {line})" if line else ""
        raise UserError(f'{shown(file)} is no file of secrets{where}: write name = "…" on each line') from None


def write_settings(
    file: Path, settings: Restored, needed: Sequence[Needed], secrets: Mapping[str, str], home: Home
) -> None:
    """Write nightbus.toml, closed to others, and each secret into a file of its own where the settings allow that.

    Raises:
        UserError: it cannot be written.
    """
    for one in needed:
        own = home.secrets / re.sub(r"[^a-z0-9_]+", "-", one.name.lower())
        if one.by_file:
            write_durably(own, secrets[one.name] + "\n", mode=CLOSED)
        settings.put_back(one, secrets[one.name], own if one.by_file else None)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(file, settings.text, mode=CLOSED)
    except OSError as error:
        raise UserError(f"{shown(file)} cannot be written: {error.strerror}") from error


def _flat(before: str, table: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for key, value in table.items():
        found += _flat(f"{before}{key}.", value) if isinstance(value, Mapping) else [(before + key, str(value))]
    return found
