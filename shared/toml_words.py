"""What is wrong with a line of a settings file that is no TOML, and how to write it: the parser says only where."""

import re

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PAIR = re.compile(r"\s*([\w.\"'-]+)\s*=\s*(.*?)\s*(?:#.*)?")
_TWICE = re.compile(r"Cannot (?:declare|overwrite|mutate).*")
_CONSTANTS = {"true": "true", "false": "false", "yes": "true", "no": "false", "on": "true", "off": "false"}


def toml_sentence(message: str, text: str) -> str:
    """The parser's message with the fix where one is known, and the number of the line.

    Args:
        message: of ``tomllib.TOMLDecodeError``.
        text: of the file.
    """
    place = _PLACE.search(message)
    if place is None:
        return message
    lines = text.split("\n")
    number = int(place[1]) if place[1] else len(text.rstrip().split("\n"))
    line = lines[number - 1] if number <= len(lines) else ""
    words = _fix(message, line)
    return f"line {number}: {words}" if words else message


def _fix(message: str, line: str) -> str | None:
    if _TWICE.match(message):
        what = line.partition("=")[0].strip()
        return f"{what!r} stands there a second time: put what belongs together in one place"
    if line.lstrip().startswith("["):
        return f"{line.strip()!r} is no heading: write [library], or [[sources]] for one of several"
    if (pair := _PAIR.fullmatch(line)) is None:
        return None
    key, value = pair[1], pair[2]
    shown = value.strip("\"'") if "password" not in key else "…"
    if value.lower() in _CONSTANTS:
        return f"write {key} = {_CONSTANTS[value.lower()]}"
    if value.startswith('"') and "\\" in value:
        return f"a text with \\ in it stands in single quotes: {key} = '{shown}'"
    if re.fullmatch(r"0\d+", value):
        return f'a number that begins with 0 stands in quotes: {key} = "{shown}"'
    if not value:
        return f'{key} has no value: write {key} = "…", or remove the line'
    if value.startswith(('"', "'")) != value.endswith(('"', "'")) or not value.startswith(('"', "'", "[", "{")):
        return f'a text stands in quotes: {key} = "{shown}"'
    return None
