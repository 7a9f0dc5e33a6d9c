"""What is in a tree and why: a table for programs and a page for people, beside the files."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from services.cli.calibration.exporting.mapping import Mapping, mapped
from services.cli.calibration.exporting.model import Answer, How, Item, Tree
from services.cli.output import csv_cell
from shared.errors import UserError
from shared.inert import sentence
from shared.library.reading import shown
from shared.quantities import counted, size

TABLE, PAGE = "nightbus-contents.csv", "nightbus-README.txt"
_COLUMNS = (
    "path", "kind", "session_id", "target", "night", "filter", "exposure_s", "size_bytes", "file_id", "why", "original",
    "workstation_path",
)  # fmt: skip
_TITLE = "Lights and masters for {program}, exported by Nightbus."


def table_text(folder: Path, items: Sequence[Item], how: How, known: Sequence[Mapping]) -> str:
    """All files as CSV; the last column is where the workstation finds each: in the tree, else where it lies."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in items:
        original = str(item.stored.path)
        there = original if how == "list" else str(folder / item.path)
        row = (
            item.path, item.kind, item.session_id, item.target, item.night, item.filter, item.exposure_s,
            item.stored.size_bytes, item.stored.file_id, item.why, original, mapped(there, known),
        )  # fmt: skip
        writer.writerow([csv_cell(value) for value in row])
    return text.getvalue()


def page_text(tree: Tree, program: str, how: How, left_out: Sequence[str]) -> str:
    """The page for people."""
    lights = sum(item.kind == "light" for item in tree.items)
    files = f"{counted(lights, 'light')}, {counted(len(tree.items) - lights, 'master')}, {size(tree.size_bytes)}"
    lines = [
        _TITLE.format(program=program),
        "",
        f"{files}; {_HOW[how]}. {TABLE} has each file, and why it is here.",
        "",
        *tree.advice,
        *left_out,
        "",
    ]
    for stack in tree.stacks:
        lines.append(f"{stack.folder}: {counted(stack.lights, 'light')}")
        lines += [f"  {_answer(answer)}" for answer in stack.answers] or ["  needs no masters"]
    return "\n".join(map(sentence, lines)) + "\n"


_HOW: dict[How, str] = {
    "copy": "copies, each read back and compared with its content",
    "reflink": "copies that share their blocks with the originals where the disk can, each read back",
    "symlink": "symbolic links to the originals: what writes into one of these files writes into the original",
    "hardlink": "hard links to the originals of the library, which are read-only",
    "list": "a list alone: the files are where they were",
}


def _answer(answer: Answer) -> str:
    if answer.master is None:
        return f"{answer.kind} missing: {answer.words}"
    return f"{answer.kind}: {answer.master.name} ({answer.words.removeprefix(f'{answer.master.name}: ')})"


def require_same_program(folder: Path, program: str) -> None:
    """Make sure that the folder holds no tree for another program: WBPP, which adds a folder, would get lights twice.

    Raises:
        UserError: it does.
    """
    try:
        with (folder / PAGE).open(encoding="utf-8", errors="replace") as page:
            title = page.readline(200).rstrip("\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{shown(folder / PAGE)} cannot be read: {error.strerror}") from error
    if title != _TITLE.format(program=program):
        raise UserError(f"{shown(folder)} holds another export, not one for {program}: export to another folder")


def write_texts(folder: Path, texts: dict[str, str]) -> None:
    """Write our own texts into the folder, whole; those of an earlier export are replaced.

    Raises:
        UserError: the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            part = folder / f".{name}.nightbus-part"
            with part.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(folder / name)
    except OSError as error:
        raise UserError(f"{shown(folder)} cannot be written to: {error.strerror}") from error
