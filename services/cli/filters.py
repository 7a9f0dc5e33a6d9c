"""The filters that listings share, as parametrised SQL conditions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any

import typer

from services.cli.usage import WrongUsage, named_thing

MOST_ROWS = 10**12
"""More than any database of captures holds."""

ObjectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--object",
        parser=named_thing,
        metavar="NAME",
        help="Target id, name or OBJECT, case and blanks ignored; * is any text.",
    ),
]
FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", parser=named_thing, metavar="NAME", help="Filter by any of its names; * is any text."),
]
DateOption = Annotated[str | None, typer.Option("--date", metavar="NIGHT", help="One night, YYYY-MM-DD.")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="NIGHT", help="This night and later.")]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="NIGHT", help="This night and earlier.")]
RigOption = Annotated[
    list[str] | None, typer.Option("--rig", parser=named_thing, metavar="NAME", help="Rig; * is any text.")
]
CameraOption = Annotated[
    list[str] | None, typer.Option("--camera", parser=named_thing, metavar="NAME", help="Camera; * is any text.")
]
TypeOption = Annotated[
    list[str] | None, typer.Option("--type", parser=named_thing, metavar="TYPE", help="Frame type, such as LIGHT.")
]
UncertainOption = Annotated[
    bool, typer.Option("--uncertain", help="Only targets that are a guess or in conflict, shown with a ?.")
]
MissingOption = Annotated[
    bool, typer.Option("--missing", help="Only files that can be read nowhere now: gone, removed, or on a root away.")
]
YearOption = Annotated[
    int | None, typer.Option("--year", metavar="YEAR", min=1900, max=9999, help="Nights of this year.")
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        max=MOST_ROWS,
        help="Most rows; a table stops at 100 unless told, --json and --csv do not.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON array with every field.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV with every field.")]

TABLE_LIMIT = 100
LIGHT = "LIGHT"
"""The type of the frames that are exposures."""


@dataclass(slots=True)
class Where:
    """Conditions and their parameters; values never become part of the SQL text."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, condition: str, value: Any) -> None:
        """Add a condition; ``{}`` in it stands for the value."""
        self.parameters.append(value)
        self.conditions.append(condition.replace("{}", f"${len(self.parameters)}"))

    @property
    def sql(self) -> str:
        """The conditions joined by AND; TRUE when there are none."""
        return " AND ".join(f"({condition})" for condition in self.conditions) or "TRUE"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person asked to see."""

    objects: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    rigs: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    uncertain: bool = False

    @property
    def any_of_frames(self) -> bool:
        """Whether single frames are asked for, beyond the choice of objects."""
        chosen = (self.filters, self.since, self.until, self.rigs, self.cameras, self.types, self.uncertain)
        return any(chosen)

    @property
    def empty(self) -> bool:
        """Whether nothing was asked for."""
        return not (self.objects or self.any_of_frames)

    def for_files(self, *, frames_only: bool = False) -> Where:
        """Conditions on the view stats.files, called f; ``frames_only`` leaves the objects out."""
        where = Where()
        if self.objects and not frames_only:
            where.add(_object("f"), _compact(self.objects))
        self.add_kinds(where, "f")
        if self.uncertain:
            where.conditions.append("f.target_uncertain")
        return where

    def add_kinds(self, where: Where, view: str) -> None:
        """Add the conditions on night, filter, rig, camera and type, on a view that has these columns."""
        self._add_nights(where, f"{view}.night")
        self._add_names(where, f"{view}.filter", self.filters)
        self._add_names(where, f"{view}.rig", self.rigs)
        self._add_names(where, f"{view}.camera", self.cameras)
        if self.types:
            where.add(f"{view}.frame_type = ANY({{}})", list(self.types))

    def add_objects(self, where: Where) -> None:
        """Add the condition for the objects on the view stats.object_counts, called o."""
        where.add(_object("o"), _compact(self.objects))

    @property
    def target_condition(self) -> str:
        """The condition for the objects on stats.captures, called c."""
        return _TARGET

    @property
    def target_patterns(self) -> list[str]:
        """The value of ``target_condition``."""
        return _compact(self.objects)

    def for_captures(self) -> Where:
        """Conditions on the view stats.captures, called c: the objects only."""
        where = Where()
        if self.objects:
            where.add(self.target_condition, self.target_patterns)
        return where

    def for_exposures(self) -> Where:
        """Conditions on the views stats.sessions, called s, and stats.session_targets, called t; without the objects.

        Rigs and cameras are those of whole sessions. Only LIGHT frames are exposures.
        """
        where = self.of_sessions
        if self.since:
            where.add("t.session_id >= {}", f"{self.since:%Y%m%d}")  # a session's id begins with its night
        if self.until:
            where.add("t.session_id <= {}", f"{self.until:%Y%m%d}~")
        if self.filters:
            where.add(f"t.filter = {_FILTERS}", _like(self.filters))
        if self.types:
            where.add(f"'{LIGHT}' = ANY({{}}::text[])", list(self.types))
        return where

    def for_sessions(self) -> Where:
        """Conditions on the view stats.sessions, called s."""
        where = self.of_sessions
        if self.filters:
            targets = "SELECT FROM stats.session_targets t WHERE t.session_id = s.session_id"
            where.add(f"EXISTS ({targets} AND t.filter = {_FILTERS})", _like(self.filters))
        if self.objects:
            named = f"SELECT c.catalog_id FROM stats.captures c WHERE {_TARGET}"
            sessions = "SELECT x.session_id FROM stats.target_sessions x WHERE x.catalog_id"
            where.add(f"s.session_id IN ({sessions} = ANY(ARRAY({named})))", _compact(self.objects))
        if self.types:
            types = "SELECT FROM stats.session_types y WHERE y.session_id = s.session_id"
            where.add(f"EXISTS ({types} AND y.frame_type = ANY({{}}))", list(self.types))
        return where

    @property
    def of_sessions(self) -> Where:
        """Conditions on the view stats.sessions, called s, by night, rig and camera alone."""
        where = Where()
        self._add_nights(where, "s.night")
        if self.rigs:
            where.add(f"s.rig = {_RIGS}", _like(self.rigs))
        if self.cameras:
            cameras = "SELECT FROM stats.session_cameras k WHERE (k.night, k.session_id) = (s.night, s.session_id)"
            where.add(f"EXISTS ({cameras} AND k.camera = {_CAMERAS})", _like(self.cameras))
        return where

    def _add_nights(self, where: Where, column: str) -> None:
        if self.since:
            where.add(f"{column} >= {{}}", self.since)
        if self.until:
            where.add(f"{column} <= {{}}", self.until)

    @staticmethod
    def _add_names(where: Where, column: str, names: Sequence[str]) -> None:
        if names:
            where.add(f"lower({column}) LIKE ANY({{}})", _like(names))


def make_filters(
    objects: list[str] | None,
    filters: list[str] | None,
    on: str | None,
    since: str | None,
    until: str | None,
    rigs: list[str] | None,
    cameras: list[str] | None,
    types: list[str] | None,
    year: int | None,
    *,
    uncertain: bool = False,
) -> Filters:
    """The filters that the options ask for.

    Raises:
        WrongUsage: a night or a frame type that is none.
    """
    first = [_night(text, option) for text, option in ((on, "--date"), (since, "--since")) if text is not None]
    last = [_night(text, option) for text, option in ((on, "--date"), (until, "--until")) if text is not None]
    if year is not None:
        first.append(date(year, 1, 1))
        last.append(date(year, 12, 31))
    return Filters(
        objects=_with_targets(objects or ()),
        filters=_with_filters(filters or ()),
        since=max(first, default=None),
        until=min(last, default=None),
        rigs=tuple(rigs or ()),
        cameras=tuple(cameras or ()),
        types=tuple(map(_frame_type, types or ())),
        uncertain=uncertain,
    )


def _with_targets(names: Sequence[str]) -> tuple[str, ...]:
    """The names as given, and the ids of the targets that they mean: ``NGC 224`` and ``Andromeda`` find M31."""
    plain = [name for name in names if "*" not in name]
    if not plain:
        return tuple(names)
    from services.cli.own import meanings
    from shared.targets.reading import UNCERTAIN_BELOW

    ids: list[str] = []
    for found in map(meanings(), plain):
        if found.method == "name":  # of several objects with that name a search means each
            ids += [one.catalog_id for one, _sure in found.pairs]
        elif found.pairs and found.pairs[0][1] >= UNCERTAIN_BELOW:
            ids.append(found.pairs[0][0].catalog_id)
    return tuple(dict.fromkeys((*names, *ids)))


def _with_filters(names: Sequence[str]) -> tuple[str, ...]:
    """The names as given, and the filters that they mean, here or in a rig: ``luminance`` finds L, ``LPR`` finds LP."""
    plain = [name for name in names if "*" not in name]
    if not plain:
        return tuple(names)
    from services.cli.own import filter_names
    from shared.equipment.filters import FilterNames, filter_key

    of_all, of_rigs = filter_names()
    known = FilterNames(of_all.items())
    own: list[dict[str, str]] = [{filter_key(raw): name for raw, name in names.items()} for names in of_rigs]
    meant = [known.canonical(name, first) for name in plain for first in ({}, *own)]
    return tuple(dict.fromkeys((*names, *filter(None, meant))))


def _frame_type(text: str) -> str:
    from shared.events.frame import FrameType

    known = {one.value for one in FrameType}
    if (name := text.strip().upper()) not in known:
        raise WrongUsage(f"--type wants one of {', '.join(FrameType)}, not {text!r}")
    return name


def _night(text: str, option: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a night is a local date
    except ValueError as error:
        raise WrongUsage(f"{option} wants a night as YYYY-MM-DD, not {text!r}") from error


def _compacted(column: str) -> str:
    return rf"lower(regexp_replace({column}, '\s', '', 'g'))"


def _object(view: str) -> str:
    """A target by id or display name, or what headers call it, in a view with ``catalog_id`` and ``object_name``."""
    either = [f"{_compacted(f'{view}.{column}')} LIKE ANY({{}})" for column in ("catalog_id", "object_name")]
    named = f"SELECT c.catalog_id FROM stats.captures c WHERE {_compacted('c.name')} LIKE ANY({{}})"
    return " OR ".join((*either, f"{view}.catalog_id IN ({named})"))


def _compact(names: Sequence[str]) -> list[str]:
    return [re.sub(r"\s", "", pattern) for pattern in _like(names)]


def _like(names: Sequence[str]) -> list[str]:
    """LIKE patterns of names in lower case: ``*`` is any text, everything else stands for itself."""
    return [re.sub(r"([\\%_])", r"\\\1", name.strip().lower()).replace("*", "%") for name in names]


_TARGET = f"{_compacted('c.catalog_id')} LIKE ANY({{}}) OR {_compacted('c.name')} LIKE ANY({{}})"
"""A target of stats.captures by id or display name."""


def _spelt(column: str, view: str) -> str:
    """Any spelling of a name in a view, as a value to compare with; each is compared with the patterns once."""
    names = f"SELECT DISTINCT {column} FROM {view}"
    return f"ANY(ARRAY(SELECT k.{column} FROM ({names}) k WHERE lower(k.{column}) LIKE ANY({{}})))"


_FILTERS = _spelt("filter", f"stats.night_counts WHERE frame_type = '{LIGHT}'")
"""Filters of exposures."""
_RIGS = _spelt("rig", "stats.sessions")
_CAMERAS = _spelt("camera", "stats.session_cameras")
