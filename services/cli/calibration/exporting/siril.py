"""The tree for Siril: a working folder for each stack, with lights, darks, flats and biases in it.

Siril stacks one sequence by one set of masters, so that a stack is what one session took of a target through a filter
with one exposure and the same masters. On Windows a sequence of single FITS files has at most 2,048 images
(siril.readthedocs.io, Sequences); more lights than that become batches, whose results are stacked in the end.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from services.cli.calibration.exporting.layout import (
    FOLDERS,
    Names,
    answers_of,
    in_order,
    light_item,
    master_item,
    seconds,
    word,
)  # fmt: skip
from services.cli.calibration.exporting.model import Item, Light, Stack, Tree
from shared.library.template import safe_name

BATCH = 2000
"""Lights in a batch: below the limit, with room for the files that Siril has open beside them."""
_WHERE = "Set the working directory of Siril to a folder that holds lights, darks, flats and biases."
_MASTERS = (
    "darks, flats and biases hold one master each: give it to `calibrate` as it is; scripts that stack raw darks and "
    "flats first are not needed."
)
_BATCHES = (
    f"Siril on Windows opens at most 2,048 images of a sequence of FITS files: more than {BATCH:,} lights lie in "
    "batches. Stack each, then stack their results."
)


def siril_tree(lights: Iterable[Light]) -> Tree:
    """Lay out lights and their masters for Siril."""
    stacks: dict[tuple[Any, ...], list[Light]] = {}
    for light in in_order(lights):
        stacks.setdefault(_key(light), []).append(light)
    names, items, told = Names(), [], []
    has_batches = False
    for key, members in stacks.items():
        folder, _new = names.path("", _folder(members[0]), str(key))
        batches = [members[start : start + BATCH] for start in range(0, len(members), BATCH)]
        for number, batch in enumerate(batches, 1):
            place = folder if len(batches) == 1 else f"{folder}/batch_{number:02}"
            items += _items(place, batch)
            told.append(Stack(place, len(batch), answers_of(batch)))
        has_batches = has_batches or len(batches) > 1
    return Tree(items, told, [_WHERE, _MASTERS, *([_BATCHES] if has_batches else [])])


def _items(folder: str, lights: Sequence[Light]) -> list[Item]:
    names, found = Names(), []
    for answer in answers_of(lights):
        if answer.master is not None:
            stored = answer.master.stored
            path, new = names.path(f"{folder}/{FOLDERS[answer.kind]}", answer.master.name, stored.file_id)
            if new:
                found.append(master_item(path, answer.master, answer.words, lights[0]))
    for light in lights:
        path, new = names.path(f"{folder}/{FOLDERS['light']}", light.stored.name, light.stored.file_id)
        if new:
            found.append(light_item(path, light))
    return found


def _key(light: Light) -> tuple[Any, ...]:
    masters = sorted(answer.master.stored.file_id for answer in light.answers if answer.master is not None)
    return (
        light.session_id, light.target, light.filter, None if light.exposure_s is None else round(light.exposure_s, 3),
        light.alike, tuple(masters),
    )  # fmt: skip


def _folder(light: Light) -> str:
    """``M_31_2026-01-03_Ha_300s``: target, night, filter, exposure, as far as they are known."""
    parts = [light.target, light.night or light.session_id, light.filter]
    words = [word(part) for part in parts if part]
    if light.exposure_s is not None:
        words.append(seconds(light.exposure_s))
    return safe_name("_".join(words))
