"""What nightbus.toml and the environment write, before it is checked: a command that needs none of it starts quicker.

``shared.settings`` checks all of it, and takes a fifth of a second to be imported.
"""

import os
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from shared.errors import UserError

ENV_PREFIX = "NIGHTBUS_"
RESERVED_ENV = frozenset(
    {"NIGHTBUS_CONFIG", "NIGHTBUS_HOME", "NIGHTBUS_TEST_STACK", "NIGHTBUS_FAULT_SEED", "NIGHTBUS_FAULT_OUTAGE_S"}
)
"""Variables with our prefix that are not settings."""
SECTIONS = (
    "config_version", "services", "nats", "postgres", "library", "sources", "rigs", "cameras", "telescopes", "filters",
    "targets", "calibration_rigs", "dark_libraries", "destinations", "health", "log",
)  # fmt: skip
"""What may stand at the top of the file beside the sections of services, as the annotated example has it in order; a
test holds them to the settings."""


def config_file() -> Path | None:
    """The file named by NIGHTBUS_CONFIG, else ./nightbus.toml where it exists, else None."""
    if named := os.environ.get("NIGHTBUS_CONFIG"):
        return Path(named)
    local = Path("nightbus.toml")
    return local if local.is_file() else None


def place_of_config() -> Path:
    """Where the settings file is or would be: as NIGHTBUS_CONFIG says, else ./nightbus.toml."""
    return Path(os.environ.get("NIGHTBUS_CONFIG") or "nightbus.toml").absolute()


def written() -> dict[str, Any]:
    """The settings file as it is written; empty where there is none.

    Raises:
        UserError: it is not there, no file, no TOML or no UTF-8.
    """
    file = config_file()
    if file is None:
        return {}
    if not os.path.isfile(file):  # noqa: PTH113 - a Path raises for a name that is too long
        state = "is not a file" if os.path.exists(file) else "does not exist"  # noqa: PTH110 - as above
        raise UserError(f"the settings file {file} (NIGHTBUS_CONFIG) {state}")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        from shared.toml_words import toml_sentence

        raise UserError(f"{file}: {toml_sentence(str(error), text)}") from error


def is_written(*sections: str, services: Collection[str]) -> bool:
    """Whether the file or the environment says anything of one of the sections, or what nobody knows.

    ``services`` may have a section each.

    Raises:
        UserError: as ``written``.
    """
    found, known = written(), {*SECTIONS, *services}
    if not found.keys() <= known or found.keys() & set(sections):
        return True
    for name in map(str.upper, os.environ):
        if name.startswith(ENV_PREFIX) and name not in RESERVED_ENV:
            section = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
            if section in sections or section not in known:
                return True
    return False
