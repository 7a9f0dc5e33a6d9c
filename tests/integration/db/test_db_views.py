"""The views of a migrated database are those that are promised and documented."""

import re

from shared.settings import PostgresSettings
from tests.contract import views
from tests.stack import connected_as

_UNITS = {
    "_per_s": "per second",
    "_s": "seconds",
    "_ms": "milliseconds",
    "_px": "pixels",
    "_arcsec": "arcsec",
    "_deg": "degrees",
    "_c": "degrees Celsius",
    "_adu": "ADU",
    "_mm": "millimetres",
    "_bytes": "bytes",
    "_at": "UTC",
}
RENEW = "run `make docs` and commit the result"


async def _found(database: PostgresSettings) -> list[views.Column]:
    async with connected_as(database, database.admin_role) as connection:
        return await views.read(connection)


async def test_no_promised_column_has_gone(database: PostgresSettings) -> None:
    """A column that was promised is there and has its type."""
    assert views.breaks(views.kept(), views.columns_of(await _found(database))) == []


async def test_what_is_there_is_promised_and_documented(database: PostgresSettings) -> None:
    """The list of promised columns and docs/views.md are what the database of today gives."""
    found = await _found(database)
    assert views.KEPT.read_text() == views.render_kept(found), f"{views.KEPT.name} is out of date: {RENEW}"
    assert views.PAGE.read_text() == views.render(found), f"docs/views.md is out of date: {RENEW}"


async def test_every_column_says_what_it_is(database: PostgresSettings) -> None:
    """Each column of each view has a meaning that ends as a sentence does, with the unit that its name carries."""
    for column in await _found(database):
        place = f"{column.view}.{column.name}"
        assert re.search(r"\S\.$", column.meaning), place
        unit = next((unit for ending, unit in _UNITS.items() if column.name.endswith(ending)), "")
        assert unit.lower() in column.meaning.lower(), f"{place} does not say {unit}"
