"""What nightbus.toml says, without what nobody but its owner may know."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from shared.settings import Settings, keys_of
from shared.settings.holds import is_secret
from shared.toml_text import Place, to_toml

SECRET = re.compile(r"# secret: (\S+)")
"""The comment that stands where a secret was."""
_IN_ADDRESS = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^/@\s:]*):[^/@\s]+@")
_HEAD = "nightbus.toml as Nightbus kept it, without secrets: where each was, a comment names it."


@dataclass(slots=True)
class Without:
    """A settings file without its secrets."""

    table: dict[str, Any]
    notes: dict[Place, list[str]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """As a file; the same for the same settings."""
        return to_toml(self.table, {**self.notes, (): [_HEAD, *self.notes.get((), ())]})


def without_secrets(written: Mapping[str, Any], model: type[Settings]) -> Without:
    """What a settings file writes, without secrets, passwords in addresses and the user's comments.

    Args:
        written: the file, parsed.
        model: the settings, which say what is a secret.
    """
    found = Without(deepcopy(dict(written)))
    for place, table in _tables(found.table):
        for key in [key for key in table if _is_secret(model, place, key)]:
            del table[key]
            found.notes.setdefault(place, []).append(f"secret: {_named(place, table, key)}")
        for key, value in table.items():
            if not place and isinstance(value, dict | list):
                continue  # a table of its own, or several
            table[key] = _without_passwords(value)
            if table[key] != value:
                found.notes.setdefault(place, []).append(f"{key} had a password in it")
    return found


def secrets_in(text: str) -> list[str]:
    """The names of the secrets that a kept settings file had, such as ``destinations.offsite.secret_access_key``."""
    return [match[1] for line in text.splitlines() if (match := SECRET.fullmatch(line))]


def _tables(table: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every table of the file, itself first."""
    yield (), table
    for name, value in table.items():
        if isinstance(value, dict):
            yield (name,), value
        elif isinstance(value, list):
            yield from (((name, number), member) for number, member in enumerate(value) if isinstance(member, dict))


def _is_secret(model: type[Settings], place: Place, key: str) -> bool:
    """Whether a key holds a secret: of several kinds of one section, in any of them."""
    if not place:
        return False
    named = f"{place[0]}[].{key}" if len(place) > 1 else f"{place[0]}.{key}"
    known = keys_of(model).get(named)
    return known is not None and is_secret(known.annotation)


def _named(place: Place, table: Mapping[str, Any], key: str) -> str:
    member = [] if len(place) == 1 else [str(table.get("name", place[1]))]
    return ".".join([str(place[0]), *member, key])


def _without_passwords(value: Any) -> Any:
    match value:
        case str():
            return _IN_ADDRESS.sub(r"\g<before>@", value)
        case list():
            return [_without_passwords(one) for one in value]
        case dict():
            return {key: _without_passwords(one) for key, one in value.items()}
    return value
