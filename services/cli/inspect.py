"""`inspect`: what Nightbus finds in a file. Works offline."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.exits import FAILED
from services.cli.match import LinesOption, each
from services.cli.output import to_json
from services.cli.reasons import said_of
from shared import inert
from shared.errors import NightbusError
from shared.given import wrong_path
from shared.quantities import size

if TYPE_CHECKING:
    from services.scanner.knowledge import Loaded
    from services.scanner.scan import Scanned

FRAME_KEYS = (
    "frame_type", "object_name", "exposure_s", "total_exposure_s", "stack_count", "filter", "filter_raw", "gain",
    "offset", "sensor_temp_c", "set_temp_c", "x_binning", "camera", "telescope", "rig", "focal_length_mm",
    "focal_ratio", "pixel_size_um", "pixel_scale_arcsec", "width_px", "height_px", "bayer_pattern", "readout_mode",
    "panel",
    "rotator_angle_deg", "observed_at", "night", "ra_deg", "dec_deg", "site_latitude_deg", "site_longitude_deg",
    "software",
)  # fmt: skip
QUALITY_KEYS = (
    "star_count", "fwhm_px", "fwhm_arcsec", "hfr_px", "eccentricity", "background_adu", "noise_adu",
    "saturated_fraction",
)  # fmt: skip
REPORTED_KEYS = ("hfr_px", "star_count", "rms_arcsec")
TARGET_KEYS = ("catalog_id", "name", "confidence", "method", "separation_deg", "candidates", "uncertain")
A_FOLDER = "it is a folder: name the files in it"

FilesArgument = Annotated[
    list[str], typer.Argument(metavar="FILE…", help="Capture files; - reads their names from standard input.")
]
StarsOption = Annotated[bool, typer.Option("--stars/--no-stars", help="Measure the pixels, or read headers only.")]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="Say where each value came from: keyword, file name, folder, rule or table.")
]


def inspect(
    files: FilesArgument, as_json: LinesOption = False, stars: StarsOption = True, explain: ExplainOption = False
) -> None:
    """Show what Nightbus finds in capture files: header, stars, target; people's decisions are not consulted."""
    from services.scanner.knowledge import Knowledge
    from services.settings import load_settings

    knowledge = Knowledge.of(load_settings())
    for note in knowledge.notes:
        print(f"nightbus: {note}", file=sys.stderr)
    known = knowledge.load()
    unreadable = 0
    for name in each(files):
        facts = facts_of(name, known, measure_stars=stars)
        if explain and "error" not in facts:
            facts["explain"] = _explained(name, known, facts)
        unreadable += "error" in facts
        print(to_json(facts) if as_json else _block(facts), flush=True)
    if unreadable:
        raise typer.Exit(FAILED)


def facts_of(name: str, known: "Loaded", *, measure_stars: bool) -> dict[str, Any]:
    """The JSON of one file; ``path`` and ``error`` when it cannot be read."""
    from services.scanner.scan import scan_file
    from shared.library.hashing import sha256_file

    if mistake := wrong_path(name):
        return {"path": inert.shortened(name, inert.NAME_CHARS), "error": mistake}
    path = Path(os.path.abspath(name))  # noqa: PTH100 - links are left as they are
    if os.path.isdir(path):  # noqa: PTH112 - a Path raises for a name that is too long
        return {"path": name, "error": A_FOLDER}
    try:
        digest = sha256_file(path)
        scanned = scan_file(path, known=known, measure_stars=measure_stars)
    except NightbusError as error:
        return {"path": name, "error": said_of(str(path), str(error))}
    except OSError as error:
        return {"path": name, "error": error.strerror or str(error)}
    except MemoryError:
        return {"path": name, "error": "the file is too large for this machine's memory"}
    return {"path": name, "file_id": digest.file_id, "size_bytes": digest.size_bytes, **_found(scanned)}


def _explained(name: str, known: "Loaded", facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Value, origin and detail of each value that is known, by its name (``reported.<name>`` for reported ones)."""
    from shared.frames.provenance import explain_frame

    path = Path(os.path.abspath(name))  # noqa: PTH100 - as above
    found = explain_frame(path, name_patterns=known.name_patterns, equipment=known.equipment)
    values = {**facts["frame"], **{f"reported.{key}": value for key, value in facts["reported"].items()}}
    return {key: {"value": values[key], "origin": why.origin, "detail": why.detail} for key, why in found.items()}


def _found(scanned: "Scanned") -> dict[str, Any]:
    return {
        "format": scanned.format,
        "frame": _pick(scanned.frame, FRAME_KEYS),
        "quality": _pick(scanned.quality, QUALITY_KEYS),
        "reported": _pick(scanned.reported, REPORTED_KEYS),
        "target": _pick(scanned.target, TARGET_KEYS),
        "problems": list(scanned.problems),
    }


def _pick(model: Any, keys: tuple[str, ...]) -> dict[str, Any] | None:
    if model is None:
        return None
    values = model.model_dump(mode="json")
    return {key: values[key] for key in keys}


def _block(facts: dict[str, Any]) -> str:
    """A file's facts for a person: one fact per line, absent ones left out."""
    if "error" in facts:
        why = facts["error"].removeprefix("it cannot be read: ")
        return f"{inert.name(facts['path'])}\n  cannot be read: {inert.sentence(why)}\n"
    lines = [inert.name(facts["path"]), f"  {facts['format']}, {size(facts['size_bytes'])}, {facts['file_id']}"]
    reasons, prefix = facts.get("explain", {}), {"frame": "", "quality": "quality.", "reported": "reported."}
    for part in ("frame", "quality", "reported"):
        known = {key: value for key, value in (facts[part] or {}).items() if value is not None}
        if known:
            lines.append(f"  {part}")
            lines.extend(
                f"    {key:<20} {_text(value):<28}{_reason(reasons.get(prefix[part] + key))}".rstrip()
                for key, value in known.items()
            )
    lines.append(f"  target                 {_target(facts['target'])}")
    lines.extend(f"  problem                {inert.sentence(problem)}" for problem in facts["problems"])
    return "\n".join(lines) + "\n"


def _reason(why: dict[str, Any] | None) -> str:
    return "" if why is None else f" <- {why['origin']}: {inert.sentence(why['detail'])}"


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else inert.sentence(value)


def _target(target: dict[str, Any] | None) -> str:
    if target is None:
        return "not looked for"
    if target["catalog_id"] is None:
        others = ", ".join(candidate["catalog_id"] for candidate in target["candidates"])
        return f"none ({target['method']})" + (f"; perhaps {others}" if others else "")
    away = f", {target['separation_deg']:.2f}° from the centre" if target["separation_deg"] is not None else ""
    name = f", {inert.name(target['name'])}" if target["name"] and target["name"] != target["catalog_id"] else ""
    return f"{target['catalog_id']}{name} ({target['method']}, {target['confidence']:.0%}{away})"
