"""Tables that every service has alike, from one template each: inbox, outbox, jobs, past, total.

A schema file includes one by a line of its own, and the template stands there instead of it::

    -- template: inbox
    -- template: inbox key="event_id"
    -- template: jobs table=archive key=archive_id
    -- template: past
    -- template: total table=file

The first line of a template says what it ``takes``: a word alone must be given, ``word=value`` may be left out. Its
text names them in braces, beside ``{schema}``, which is always the schema of the file. A template may never change once
a database was made with it: what becomes of its tables later is said by a new schema file.
"""

import re
import shlex
from pathlib import Path

TEMPLATES = Path(__file__).parent / "template"
_DIRECTIVE = re.compile(r"^-- *template:(.*)$", re.MULTILINE)
_TAKES = "-- takes:"


def expand(text: str, schema: str) -> str:
    """The SQL of a schema file, with each template that it includes in its place.

    Raises:
        ValueError: it includes a template that does not exist, or gives it other words than it takes.
    """

    def included(match: re.Match[str]) -> str:
        name, *words = shlex.split(match[1]) or [""]
        return template(name, schema, **{word: value or "" for word, value in map(_split, words)})

    return _DIRECTIVE.sub(included, text)


def template(name: str, schema: str, **words: str) -> str:
    """The SQL of one template for a schema.

    Raises:
        ValueError: there is none of this name, or it takes other words.
    """
    file = TEMPLATES / f"{name}.sql"
    if not file.is_file():
        raise ValueError(f"{schema}: there is no template called {name!r}")
    first, _, text = file.read_text().partition("\n")
    takes = dict(_split(word) for word in shlex.split(first.removeprefix(_TAKES)))
    values = {word: value for word, value in {**takes, **words}.items() if value is not None}
    if unknown := words.keys() - takes.keys():
        raise ValueError(f"{schema}: the template {name} takes no {min(unknown)!r}")
    if missing := takes.keys() - values.keys():
        raise ValueError(f"{schema}: the template {name} needs {min(missing)}=…")
    return text.format(schema=schema, **values)


def _split(word: str) -> tuple[str, str | None]:
    name, given, value = word.partition("=")
    return name, value if given else None
