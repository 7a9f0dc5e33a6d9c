"""A kept nightbus.toml made fit for a new machine: where things are there, and the secrets that it had."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.backup.kept_settings.without import secrets_in
from shared.settings import Settings, keys_of
from shared.toml_text import Place, to_toml

_FILE = "_file"
_HEAD = "nightbus.toml as `nightbus backup restore-everything` wrote it."


@dataclass(frozen=True, slots=True)
class Needed:
    """A secret that the settings lack on the new machine."""

    name: str
    """Such as ``destinations.offsite.secret_access_key``."""
    place: Place
    key: str
    by_file: bool
    """Whether the settings may name a file that holds it, by the key with ``_file`` at its end."""


class Restored:
    """A kept settings file on its way to a new machine."""

    def __init__(self, kept: str, model: type[Settings]) -> None:
        """``kept`` is the text; ``model`` knows which secrets may be in files."""
        self.table: dict[str, Any] = tomllib.loads(kept)
        self.notes: dict[Place, list[str]] = {}
        self._secrets = secrets_in(kept)
        self._known = keys_of(model)

    def without(self, section: str, keys: tuple[str, ...], why: str) -> None:
        """Leave out keys of a section that do not hold on the new machine."""
        table = self.table.get(section, {})
        if left := [key for key in keys if table.pop(key, None) is not None]:
            self.notes.setdefault((section,), []).append(f"left out: {', '.join(left)}; {why}")
        self._secrets = [name for name in self._secrets if name not in {f"{section}.{key}" for key in keys}]

    def set(self, section: str, key: str, value: object) -> None:
        """Write a key; None takes it away."""
        if value is None:
            self.table.get(section, {}).pop(key, None)
        else:
            self.table.setdefault(section, {})[key] = value

    def set_member(self, section: str, name: str, values: Mapping[str, object]) -> None:
        """Write keys of the one of several tables that has a name; it is added where there is none."""
        members = self.table.setdefault(section, [])
        for member in members:
            if member.get("name") == name:
                member.update(values)
                return
        members.append({"name": name, **values})

    def set_member_if_there(self, section: str, name: str, values: Mapping[str, object]) -> None:
        """Write keys of the one of several tables that has a name, where there is one."""
        if any(member.get("name") == name for member in self.table.get(section, [])):
            self.set_member(section, name, values)

    def needed(self, is_there: Callable[[Path], bool]) -> list[Needed]:
        """The secrets that are lacking: those that were taken out, and those whose files are not on this machine."""
        taken = (needed for name in self._secrets if (needed := self._needed(name)) is not None)
        found = [needed for needed in taken if needed.key + _FILE not in self._at(needed.place)]
        for place, table in self._tables():
            for key, value in table.items():
                if key.endswith(_FILE) and isinstance(value, str) and not is_there(Path(value)):
                    secret = key.removesuffix(_FILE)
                    if self._may_be(place, secret):
                        found.append(Needed(self._name(place, table, secret), place, secret, by_file=True))
        return [needed for needed in found if not self._has(needed)]

    def put_back(self, needed: Needed, value: str, file: Path | None) -> None:
        """Write a secret: the file that holds it now, or itself."""
        table = self._at(needed.place)
        if file is not None and needed.by_file:
            table[needed.key + _FILE] = str(file)
        else:
            table[needed.key] = value

    @property
    def text(self) -> str:
        """As a file."""
        return to_toml(self.table, {**self.notes, (): [_HEAD]})

    def _needed(self, name: str) -> Needed | None:
        """Where a secret that was taken out belongs; None where its table is not there any more."""
        section, _, rest = name.partition(".")
        found = self.table.get(section, {})
        if not isinstance(found, list):
            return Needed(name, (section,), rest, self._may_be((section,), rest + _FILE))
        member, _, key = rest.rpartition(".")
        for number, table in enumerate(found):
            if str(table.get("name", number)) == member:
                return Needed(name, (section, number), key, self._may_be((section, number), key + _FILE))
        return None

    def _has(self, needed: Needed) -> bool:
        return needed.key in self._at(needed.place)

    def _may_be(self, place: Place, key: str) -> bool:
        several = "[]" if len(place) > 1 else ""
        return f"{place[0]}{several}.{key}" in self._known

    def _at(self, place: Place) -> dict[str, Any]:
        found: Any = self.table.setdefault(str(place[0]), {})
        for part in place[1:]:
            found = found[part]
        table: dict[str, Any] = found
        return table

    def _tables(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        for name, value in self.table.items():
            if isinstance(value, dict):
                yield (name,), value
            elif isinstance(value, list):
                yield from (((name, number), one) for number, one in enumerate(value) if isinstance(one, dict))

    @staticmethod
    def _name(place: Place, table: Mapping[str, Any], key: str) -> str:
        member = [] if len(place) == 1 else [str(table.get("name", place[1]))]
        return ".".join([str(place[0]), *member, key])
