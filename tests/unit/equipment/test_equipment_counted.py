"""Frames that were counted before a rig was added, and one device that is counted as two rigs."""

import pytest

from services.cli.uncounted import told
from services.scanner.knowledge import Knowledge
from shared.equipment.counted import Apart, Counted, Refit, devices_apart, refits
from shared.equipment.rigs import Rig
from shared.equipment.setup import Equipment

ASI = Counted("OnStep+ZWO ASI2600MC Duo", "ZWO ASI2600MC Duo", "OnStep", 490.0, 1, 6248, 4176, 12)
SEESTARS = [
    Counted("Seestar S50", "Seestar S50", "Seestar S50", 250.0, 1, 1080, 1920, 40),
    Counted("S50_153dd4e2", "Seestar S50", "S50_153dd4e2", 250.0, 1, 1080, 1920, 60),
]


@pytest.mark.parametrize(
    ("rig", "files"),
    [
        (Rig("Garden", camera="ZWO ASI2600MC Duo"), 12),
        (Rig("Garden", aliases=("OnStep+ZWO ASI2600MC Duo",)), 12),
        (Rig("Garden", camera="ZWO ASI2600MC Duo", focal_length_mm=490.0, width_px=6248), 12),
        (Rig("Garden", camera="ZWO ASI2600MC Duo", focal_length_mm=800.0), 0),
        (Rig("Garden", camera="ZWO ASI533MM Pro"), 0),
        (Rig("onstep+ZWO ASI2600MC Duo", camera="ZWO ASI2600MC Duo"), 0),  # the very rig they are counted under
    ],
)
def test_frames_that_a_new_rig_fits_are_found(rig: Rig, files: int) -> None:
    """What a frame shows decides, as when it is scanned; frames under that rig already are none to be read anew."""
    expected = [Refit(ASI.rig, rig.name, files)] if files else []
    assert refits(Equipment(rigs=[rig]), [ASI, *SEESTARS]) == expected


def test_binned_frames_are_counted_by_the_sensor() -> None:
    """A rig that states its sensor's size fits binned frames too, and several groups of one rig are added up."""
    rig = Rig("Garden", camera="ZWO ASI2600MC Duo", width_px=6248)
    binned = ASI._replace(x_binning=2, width_px=3124, height_px=2088, files=5)
    assert refits(Equipment(rigs=[rig]), [ASI, binned]) == [Refit(ASI.rig, "Garden", 17)]


def test_a_seestar_before_and_after_its_firmware_is_found() -> None:
    """A smart telescope with and without its serial number may be one; two with numbers, or a mere camera, are two."""
    built_in = Equipment.built_in()
    assert list(devices_apart(built_in, [ASI, *SEESTARS])) == [Apart("Seestar S50", "Seestar S50", "S50_153dd4e2")]
    assert list(devices_apart(built_in, [SEESTARS[0]])) == []
    assert list(devices_apart(built_in, [SEESTARS[1], SEESTARS[1]._replace(rig="S50_00aa11bb")])) == []
    three = [SEESTARS[1]._replace(rig=f"S50_{digits}") for digits in ("00aa11bb", "11aa11bb", "22aa11bb")]
    assert list(devices_apart(built_in, [SEESTARS[0], *three])) == []
    assert list(devices_apart(built_in, [SEESTARS[0], SEESTARS[1]._replace(rig="S30 Pro_041c45cb")])) == []


def test_joining_them_is_what_the_sentence_says() -> None:
    """The row that is proposed makes one rig of both, and then nothing is said but to read the old ones anew."""
    before = list(told(Knowledge(), SEESTARS))
    assert len(before) == 1
    assert '[[rigs]] name = "My Seestar S50", aliases = ["Seestar S50", "S50_153dd4e2"]' in before[0]
    joined = Knowledge(rigs=(Rig("My Seestar S50", aliases=("Seestar S50", "S50_153dd4e2")),))
    sentences = list(told(joined, SEESTARS))
    assert [sentence.partition(":")[0] for sentence in sentences] == [
        "60 files counted under S50_153dd4e2 fit the rig My Seestar S50",
        "40 files counted under Seestar S50 fit the rig My Seestar S50",
    ]
    assert all("restart Nightbus first" in sentence and "reread --rig" in sentence for sentence in sentences)
    (one,) = told(joined, [SEESTARS[0]._replace(files=1)])
    assert one.startswith("1 file counted under Seestar S50 fits the rig My Seestar S50: ")
    assert one.endswith(" has it read anew")
    assert list(told(joined, [group._replace(rig="My Seestar S50") for group in SEESTARS])) == []


def test_spellings_of_a_smart_telescope_are_one_rig() -> None:
    """Without a serial number the device's rig is its model, however TELESCOP spells it."""
    from shared.equipment.setup import Seen

    built_in = Equipment.built_in()
    names = ("Seestar S50", "ZWO Seestar S50", "S50")
    assert {built_in.setup(Seen(telescope=name, smart=True)).rig for name in names} == {"Seestar S50"}
    assert built_in.setup(Seen(telescope="S50_153dd4e2", smart=True)).rig == "S50_153dd4e2"
    assert built_in.setup(Seen(telescope="DWARF III", smart=True, wide=True)).rig == "DWARFIII WIDE"
    assert built_in.setup(Seen(telescope="A new one", smart=True)).rig == "A new one"
