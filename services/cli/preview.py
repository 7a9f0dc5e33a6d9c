"""`preview`: a picture of a capture file, stretched so that its faint parts show. Works offline."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.exits import FAILED
from services.cli.inspect import A_FOLDER, FilesArgument
from services.cli.match import each
from services.cli.reasons import said_of
from services.cli.usage import named_path
from shared import inert
from shared.errors import NightbusError, UserError
from shared.given import wrong_path

if TYPE_CHECKING:
    from shared.previews.kinds import PictureFormat, StretchKind

FormatName = Literal["jpeg", "webp", "png"]
StretchName = Literal["auto", "linked", "none"]
"""``shared.previews.kinds``, whose package would load numpy for every command."""


def preview(
    files: FilesArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", parser=named_path, help="Folder for the pictures.")
    ] = Path(),
    size: Annotated[
        int, typer.Option("--size", metavar="N", min=16, max=8192, help="Longest side in pixels; nothing is enlarged.")
    ] = 1024,
    picture_format: Annotated[FormatName, typer.Option("--format", help="What the pictures are written as.")] = "jpeg",
    stretch: Annotated[
        StretchName,
        typer.Option("--stretch", help="auto: each colour by itself; linked: colours as recorded; none: linear."),
    ] = "auto",
) -> None:
    """Write a stretched picture of each capture file as NAME.preview.jpg. Nothing is overwritten."""
    from shared.previews.kinds import PictureFormat, StretchKind

    kind = PictureFormat(picture_format)
    if not os.path.isdir(out):  # noqa: PTH112 - a Path raises for a name that is too long
        raise UserError(f"the folder {inert.name(out)} does not exist")
    failed = 0
    for name in each(files):
        if mistake := wrong_path(name):
            failed += _complain(name, mistake)
            continue
        whole = os.path.abspath(name)  # noqa: PTH100 - links are left as they are
        if os.path.isdir(whole):  # noqa: PTH112 - a Path raises for a name that is too long
            failed += _complain(name, A_FOLDER)
            continue
        target = out / f"{Path(name).name}.preview{kind.extension}"
        try:
            words = _write_preview(Path(name), target, size, kind, StretchKind(stretch))
        except NightbusError as error:
            failed += _complain(name, said_of(whole, said_of(name, str(error))))
        except OSError as error:
            failed += _complain(name, error.strerror or str(error))
        except MemoryError:
            failed += _complain(name, "the file is too large for this machine's memory")
        else:
            print(f"{inert.name(target)}  {words}", flush=True)
    if failed:
        raise typer.Exit(FAILED)


def _complain(name: str, reason: str) -> int:
    print(f"nightbus: {inert.name(name)}: {inert.sentence(reason)}", file=sys.stderr)
    return 1


def _write_preview(path: Path, target: Path, size_px: int, kind: "PictureFormat", stretch: "StretchKind") -> str:
    """Write one picture; what it shows, in words."""
    from shared.previews.files import encode_picture
    from shared.previews.make import own_stretch, reduce_file, stretch_with

    if os.path.lexists(target):
        raise UserError(f"{inert.name(target)} is there already")
    reduced = reduce_file(path, size_px=size_px)
    shown = reduced.picture
    if reduced.proxy is not None:
        shown = stretch_with(reduced.proxy, own_stretch(reduced.proxy, stretch))
    assert shown is not None
    data = encode_picture(shown, kind)
    try:
        file = target.open("xb")
    except FileExistsError as error:
        raise UserError(f"{inert.name(target)} is there already") from error
    except OSError as error:
        raise UserError(f"{inert.name(target)} cannot be written: {error.strerror}") from error
    try:
        with file:
            file.write(data)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f"{inert.name(target)} cannot be written: {error.strerror}") from error
        raise
    colours = "colour" if shown.ndim == 3 else "grey"
    return f"{shown.shape[1]} x {shown.shape[0]} of {reduced.width_px} x {reduced.height_px}, {colours}"
