"""What both layouts share: names that do not collide, lights in order, and words about them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from services.cli.calibration.exporting.model import Answer, Item, Kind, Light, Master
from shared.library.template import numbered, safe_name, safe_path

FOLDERS: dict[Kind, str] = {"light": "lights", "dark": "darks", "flat": "flats", "bias": "biases"}
"""Name of the folder of each kind."""


class Names:
    """Gives each file its path in the tree: a name that another content has in that folder gets a suffix."""

    def __init__(self) -> None:
        self._taken: dict[str, dict[str, str]] = defaultdict(dict)

    def path(self, folder: str, name: str, file_id: str) -> tuple[str, bool]:
        """The path of a file, and whether it is new there."""
        taken, wanted, number = self._taken[folder.casefold()], safe_name(name), 1
        while (known := taken.get(wanted.casefold())) not in (None, file_id):
            number += 1
            wanted = numbered(safe_name(name), number)
        taken[wanted.casefold()] = file_id
        return safe_path(f"{folder}/{wanted}"), known is None


def in_order(lights: Iterable[Light]) -> list[Light]:
    """Lights by session, and in it by name, which capture programs number."""
    return sorted(lights, key=lambda one: (one.session_id, one.stored.name, one.stored.file_id))


def word(text: object) -> str:
    """A part of a folder's name without blanks: stacking programs take names as words of a command."""
    return "_".join(str(text).replace("/", "-").split())


def seconds(exposure_s: float) -> str:
    """An exposure in a folder's name: ``300s``."""
    return f"{round(exposure_s, 3):g}s"


def light_item(path: str, light: Light) -> Item:
    """The item of a light."""
    why = f"a LIGHT frame of session {light.session_id}"
    return Item(
        path, "light", light.stored, why, light.session_id, light.target, light.night, light.filter, light.exposure_s
    )


def master_item(path: str, master: Master, why: str, light: Light) -> Item:
    """The item of a master; ``light``: one of those that fit it."""
    return Item(
        path, master.kind, master.stored, why, light.session_id, light.target, master.night, master.filter,
        master.exposure_s,
    )  # fmt: skip


def answers_of(lights: Sequence[Light]) -> tuple[Answer, ...]:
    """All answers to what lights need, each once."""
    return tuple(dict.fromkeys(answer for light in lights for answer in light.answers))
