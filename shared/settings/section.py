"""What every table of nightbus.toml has in common."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema


class Section(BaseModel):
    """A table of nightbus.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


KIND = "kind"
"""The key that tells which keys a table has, where sections of one name are of several kinds."""


class OfKinds:
    """Annotates a section with its kinds, each a subclass whose field ``kind`` has the kind's name as its default.

    A table without the key is of the first kind.
    """

    def __init__(self, first: type[Section], *others: type[Section]) -> None:
        self.sections = (first, *others)
        self.names = tuple(str(section.model_fields[KIND].default) for section in self.sections)

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A union that the key decides; its error for another kind is ``union_tag_invalid``."""
        choices = dict(zip(self.names, map(handler.generate_schema, self.sections), strict=True))
        return core_schema.tagged_union_schema(choices, discriminator=self._kind_of)

    def _kind_of(self, table: Any) -> Any:
        return table.get(KIND, self.names[0]) if isinstance(table, Mapping) else getattr(table, KIND, self.names[0])


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a type is made of, once or as a list, of several kinds the first; None for plain values."""
    return next(iter(sections_of(annotation)), None)


def sections_of(annotation: Any) -> tuple[type[Section], ...]:
    """The section that a type is made of, or each of its kinds."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return (annotation,)
    for part in getattr(annotation, "__metadata__", ()):
        if isinstance(part, OfKinds):
            return part.sections
    return next((found for part in get_args(annotation) if (found := sections_of(part))), ())


def fields_in(sections: Iterable[type[Section]]) -> dict[str, FieldInfo]:
    """The fields of a section of several kinds by name; of a name that several have, that of the first."""
    fields: dict[str, FieldInfo] = {}
    for section in sections:
        fields = section.model_fields | fields
    return fields


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        near = difflib.get_close_matches(zone, available_timezones(), n=1)
        raise ValueError(f"unknown time zone {zone!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return zone


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""Name of an IANA time zone."""


def _not_empty(value: object) -> object:
    """An empty text would be the current folder."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("an empty path names no folder: write one from the root on, or leave the key out")
    return value


def _whole(path: Path) -> Path:
    if path.is_absolute():
        return path
    meant = path.expanduser() if str(path).startswith("~") else path
    raise ValueError(f"'{path}' is not a whole path: write it from the root on, such as {meant.absolute()}")


WholePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_whole)]
"""A path from the root on: what a relative one means would depend on the folder that a service is started in."""
