"""`calibration distribute`, `export`, `clean` and `masters --twins` on a running stack, as a person runs them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from nats.aio.client import Client
from typer.testing import Result

from shared.settings import Settings
from tests.integration.calibration.filesworld import DARK, FLAT, NIGHT, chosen, files_stack, frame, lights
from tests.integration.cli.conftest import Run

DARK_NAME = "masterDark_EXPTIME_300.00_SETTEMP_-10.00_GAIN_100_OFFSET_50.fits"
FLAT_NAME = "masterFlat_DATE_2026-01-03_FILTER_Ha_SETTEMP_-10.00_GAIN_100_OFFSET_50_FOCALLEN_2032.fits"
LIGHTS = [f"{NIGHT}_22-00-00.fits", f"{NIGHT}_22-01-00.fits"]


def tree(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


async def test_files_of_calibration_by_the_command_line(
    settings: Settings, nats_client: Client, tmp_path: Path, run: Run, quick: Callable[..., Result]
) -> None:
    """Each verb does what it says, and again without another change; refusals are a sentence."""
    lights(tmp_path / "rig", 2)
    frame(tmp_path / "rig/DARKS/raw.fits", "DARK", 1002, **DARK)
    exports = tmp_path / "exports"

    async def said(*words: str, code: int = 0) -> str:
        """As another program, while services log in this one."""
        done = await asyncio.to_thread(run, "calibration", *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    async def looked(*words: str, code: int = 0) -> str:
        """In this process, once the services have ended."""
        done = await asyncio.to_thread(quick, "calibration", *words)
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr

    async with files_stack(chosen(settings, tmp_path), nats_client, tmp_path) as stack:
        await stack.until("SELECT raw_frames FROM counts", 1)
        frame(tmp_path / "wbpp/d.fits", "MASTER DARK", 1000, **DARK)
        frame(tmp_path / "wbpp/d2.fits", "MASTER DARK", 1003, "2001-01-02", **DARK)
        frame(tmp_path / "wbpp/f.fits", "MASTER FLAT", 1001, **FLAT)
        await stack.until("SELECT count(*) FROM filing WHERE state = 'filed'", 3)
        await stack.until("SELECT count(*) FROM requirements WHERE state = 'matched'", 2)
        place = f"rig/M 31/accept/DATE_{NIGHT}"
        (darks,) = await stack.rows("SELECT g.path FROM filing g JOIN frame f USING (file_id) WHERE f.name = 'd.fits'")
        rows = json.loads(await said("distribute", "--json"))
        assert [(row["folder"], row["name"], row["state"]) for row in rows] == [
            (place, DARK_NAME, "placed"), (place, FLAT_NAME, "placed"),
        ]  # fmt: skip
        assert len(stack.below(place)) == 4
        await stack.until("SELECT count(*) FROM master_test", 3)
        assert "1 frame removed" in await said("clean", "--type", "dark", "--no-archive-needed", "--yes")
        assert stack.below("rig/DARKS") == []
        session = await stack.value("SELECT DISTINCT session_id FROM requirements")
    planned = json.loads(await looked("distribute", "--dry-run", "--json"))
    assert [(row["folder"], row["name"]) for row in planned] == [(place, DARK_NAME), (place, FLAT_NAME)]
    twins = json.loads(await looked("masters", "--twins", "--json"))
    assert {(row["kind"], row["name"]) for row in twins} == {("near twin", "d.fits"), ("near twin", "d2.fits")}
    assert [row["name"] for row in json.loads(await looked("masters", "--unused", "--aged", "--json"))] == ["d2.fits"]

    folder, dark = f"M31_{NIGHT}_Ha_300s", darks[0].rpartition("/")[2]
    expected = [
        f"{folder}/darks/{dark}", f"{folder}/flats/{FLAT_NAME}", *(f"{folder}/lights/{name}" for name in LIGHTS),
    ]  # fmt: skip
    own = ["nightbus-README.txt", "nightbus-contents.csv"]
    for written, there in ((4, 0), (0, 4)):
        done = json.loads(await looked("export", str(exports / "x"), "--for", "siril", "--filter", "Ha", "--json"))
        assert (done["lights"], done["masters"], done["written"], done["already_there"]) == (2, 2, written, there)
        assert tree(exports / "x") == [*expected, *own]
    words = ("export", str(exports / "w"), "--for", "wbpp", "--session", session, "--how", "symlink")
    await looked(*words, "--map", f"{exports}=Z:\\")
    assert tree(exports / "w") == [
        f"darks/{dark}", f"flats/FLATSET_1/{FLAT_NAME}",
        *(f"lights/NIGHT_{NIGHT}/FLATSET_1/M31/Ha/{name}" for name in LIGHTS), *own,
    ]  # fmt: skip
    assert f"Z:\\w\\darks\\{dark}" in (exports / "w/nightbus-contents.csv").read_text()
    assert "which is the root or source library: export to another folder" in await looked(
        "export", str(stack.library / "tree"), "--for", "wbpp", "--object", "M31", code=1
    )


REFUSED = {
    "nothing chosen": (("export", "tree", "--for", "wbpp"), 2, "say what to export: --session, --object"),
    "no lights": (("export", "tree", "--for", "siril", "--object", "M1"), 1, "no LIGHT frames are there that fit"),
    "another machine": (
        ("export", "tree", "--for", "siril", "--object", "M31"), 1, "export on a machine that has the root library",
    ),
    "no mapping": (("export", "tree", "--for", "wbpp", "--object", "M31", "--map", "Z:"), 2, "--map wants a folder"),
    "both": (("clean", "--dry-run", "--yes"), 2, "choose one of --dry-run and --yes"),
    "no service": (("clean",), 1, "the calibration service is not running"),
    "nobody to distribute": (("distribute",), 1, "the calibration service is not running"),
}  # fmt: skip


@pytest.mark.usefixtures("rows")
async def test_what_cannot_be_done_is_a_sentence(quick: Callable[..., Result], tmp_path: Path) -> None:
    """Wrong usage has exit code 2, what cannot be done 1; nothing is written."""
    for words, code, expected in REFUSED.values():
        given = [str(tmp_path / word) if word == "tree" else word for word in words]
        done = await asyncio.to_thread(quick, "calibration", *given)
        assert (done.exit_code, expected in done.stderr) == (code, True), done.output + done.stderr
    assert not (tmp_path / "tree").exists()
