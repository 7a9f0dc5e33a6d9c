"""The tree for WBPP: one tree for all, with keywords in the folders' names that WBPP groups by.

``NIGHT_<date>`` is the night of the lights, ``FLATSET_<n>`` names the flats that are theirs: WBPP takes both from the
path, once they are entered as grouping keywords. ``DARKSET_<n>`` comes in only where darks of one exposure differ,
which WBPP would not tell apart.
"""

from collections.abc import Iterable, Sequence

from services.cli.calibration.exporting.layout import (
    FOLDERS,
    Names,
    answers_of,
    in_order,
    light_item,
    master_item,
    word,
)
from services.cli.calibration.exporting.model import Item, Light, Master, Stack, Tree

_ADVICE = (
    "In WBPP choose Add > Directory with this folder, and add the grouping keyword FLATSET for pre-processing, so that "
    "each light meets its flat; add NIGHT for post-processing where each night is to be stacked by itself."
)
_DARKSETS = "Darks of one exposure differ here: add the grouping keyword DARKSET for pre-processing as well."


def wbpp_tree(lights: Iterable[Light]) -> Tree:
    """Lay out lights and their masters for WBPP."""
    ordered = in_order(lights)
    flat_sets = _flat_sets(ordered)
    dark_sets = _dark_sets(ordered)
    names, items = Names(), list[Item]()
    groups: dict[str, list[Light]] = {}
    for light in ordered:
        flat, dark = light.master("flat"), light.master("dark")
        tokens = [f"NIGHT_{light.night}"] if light.night else []
        tokens += [f"FLATSET_{flat_sets[flat.stored.file_id]}"] if flat else []
        tokens += [f"DARKSET_{dark_sets[dark.stored.file_id]}"] if dark and dark_sets else []
        folder = "/".join(
            [FOLDERS["light"], *tokens, word(light.target), *([word(light.filter)] if light.filter else [])]
        )
        groups.setdefault(folder, []).append(light)
    for folder, members in groups.items():
        for light in members:
            path, new = names.path(folder, light.stored.name, light.stored.file_id)
            if new:
                items.append(light_item(path, light))
        items += _masters(names, members, flat_sets, dark_sets)
    told = [Stack(folder, len(members), answers_of(members)) for folder, members in groups.items()]
    return Tree(items, told, [_ADVICE, *([_DARKSETS] if dark_sets else [])])


def _masters(names: Names, lights: Sequence[Light], flat_sets: dict[str, int], dark_sets: dict[str, int]) -> list[Item]:
    found = []
    for answer in answers_of(lights):
        if (master := answer.master) is None:
            continue
        folder = FOLDERS[answer.kind]
        if answer.kind == "flat":
            folder += f"/FLATSET_{flat_sets[master.stored.file_id]}"
        elif answer.kind == "dark" and dark_sets:
            folder += f"/DARKSET_{dark_sets[master.stored.file_id]}"
        path, new = names.path(folder, master.name, master.stored.file_id)
        if new:
            found.append(master_item(path, master, answer.words, lights[0]))
    return found


def _flat_sets(lights: Iterable[Light]) -> dict[str, int]:
    """The number of the set of each flat: flats of one night, camera and telescope, a filter once in each set."""
    sets: list[tuple[tuple[object, ...], set[object]]] = []
    numbers: dict[str, int] = {}
    for flat in _each(lights, "flat"):
        origin = (flat.night, flat.camera, flat.telescope)
        member = (flat.filter, flat.x_binning)
        for number, (known, members) in enumerate(sets, 1):
            if known == origin and member not in members:
                members.add(member)
                numbers[flat.stored.file_id] = number
                break
        else:
            sets.append((origin, {member}))
            numbers[flat.stored.file_id] = len(sets)
    return numbers


def _dark_sets(lights: Iterable[Light]) -> dict[str, int]:
    """The number of each dark among those of its exposure; none where each exposure has one dark alone."""
    counts: dict[object, int] = {}
    numbers: dict[str, int] = {}
    for dark in _each(lights, "dark"):
        same = (None if dark.exposure_s is None else round(dark.exposure_s, 1), dark.camera, dark.x_binning)
        counts[same] = numbers[dark.stored.file_id] = counts.get(same, 0) + 1
    return numbers if any(number > 1 for number in counts.values()) else {}


def _each(lights: Iterable[Light], kind: str) -> list[Master]:
    """The masters of a kind, each once, in the order of the lights."""
    found = (answer.master for light in lights for answer in light.answers if answer.kind == kind)
    return list({one.stored.file_id: one for one in found if one is not None}.values())
