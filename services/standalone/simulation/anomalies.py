"""The files that no rig writes on purpose: a text called .fit, a copy under another name, an upload that stopped."""

from pathlib import Path

from services.standalone.simulation import nina, seestar
from services.standalone.simulation.manifest import Anomaly, FileTruth
from services.standalone.simulation.night import SimulatedNight
from shared.events.frame import FrameType


def record_anomalies(night: SimulatedNight) -> None:
    """Add the stray files to a night whose rigs have finished."""
    lights = [
        file
        for file in night.files
        if file.frame_type is FrameType.LIGHT and file.rig == nina.RIG.name and file.anomaly is None
    ]
    draw = night.random("stray files")
    copied, uploaded = (lights[int(index)] for index in draw.choice(len(lights), 2, replace=False))
    _record_text(night)
    _record_duplicate(night, copied)
    _record_unfinished(night, uploaded)


def _record_text(night: SimulatedNight) -> None:
    target = night.programme.broadband.designation
    path = night.target_path(seestar.ROOT, f"{target}_sub", f"notes_{night.night:%Y%m%d}.fit")
    lines = (
        f"Observing notes, {night.night.isoformat()}",
        f"Polar alignment redone before {target}. Some clouds, then clear.",
        f"Outside {night.weather.ambient_c(12.0)} degrees at midnight.",
        "This is a text, whatever its name says.",
    )
    path.write_bytes("\n".join((*lines, "")).encode())
    night.record(path, None, anomaly=Anomaly.NOT_FITS)


def _record_duplicate(night: SimulatedNight, original: FileTruth) -> None:
    source = night.folder / original.path
    path = source.with_name(f"{source.stem} - Copy{source.suffix}")
    path.write_bytes(source.read_bytes())
    night.record(
        path,
        original.frame_type,
        rig=original.rig,
        target=original.target,
        object_name=original.object_name,
        filter_name=original.filter,
        exposure_s=original.exposure_s,
        observed_at=original.observed_at,
        fwhm_px=original.fwhm_px,
        star_count=original.star_count,
        anomaly=Anomaly.DUPLICATE,
        duplicate_of=source,
    )


def _record_unfinished(night: SimulatedNight, being_sent: FileTruth) -> None:
    source = night.folder / being_sent.path
    path = Path(f"{source.with_name(f'resent_{source.name}')}.part")
    content = source.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    night.record(path, None, anomaly=Anomaly.UNFINISHED)
