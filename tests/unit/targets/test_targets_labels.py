"""Labelled names: what imagers, capture programs and catalogues write, and the object that is meant (None: none)."""

import pytest

from shared.targets import Matcher

PLAIN = """
M 31=M31;M31=M31;m31=M31;M031=M31;M-31=M31;M_31=M31;Messier 31=M31;Messier031=M31;messier-31=M31;M 1=M1;M 110=M110
M45=M45;NGC 224=M31;NGC224=M31;NGC 0224=M31;ngc-6946=NGC6946;NGC_4492=NGC4492;NGC 7000=NGC7000;NGC7023=NGC7023
NGC 6992=NGC6992;NGC 2237=NGC2237;NGC 2244=NGC2244;NGC 869=NGC869;NGC 891=NGC891;IC 434=IC434;IC434=IC434
IC 1805=IC1805;ic1848=IC1848;IC-5070=IC5070;IC 1396=IC1396;IC 342=IC342;IC 5146=IC5146;UGC 454=M31;PGC 2557=M31
Caldwell 20=NGC7000;C20=NGC7000;C 33=NGC6992;C 9=Sh2-155;Caldwell 41=Mel25;C14=NGC869;C 49=NGC2237;SH2-101=Sh2-101
SH2 101=Sh2-101;Sh2_101=Sh2-101;sh 2-101=Sh2-101;Sharpless 101=Sh2-101;Sharpless 2-101=Sh2-101;Sh2-155=Sh2-155
Sh2-190=IC1805;LDN 1235=LDN1235;LDN1622=LDN1622;LBN 777=LBN777;LBN777=LBN777;vdB 141=vdB141;VDB-141=vdB141
Barnard 33=B33;B33=B33;B 150=B150;Abell 39=Abell39;Abell 21=Sh2-274;Abell 1656=Abell1656;ACO 2151=Abell2151
Arp 273=Arp273;Arp 85=M51;HCG 92=HCG92;Hickson 44=HCG44;Mel 111=Mel111;Melotte 15=Mel15;Mel 22=M45;Cr 399=Cr399
Collinder 399=Cr399;Simeis 147=Sh2-240;Andromeda Galaxy=M31;Andromeda=M31;Heart Nebula=IC1805;Soul Nebula=IC1848
North America Nebula=NGC7000;Pelican Nebula=IC5070;Veil Nebula=NGC6960;Eastern Veil=NGC6992;Rosette Nebula=NGC2237
Orion Nebula=M42;Pleiades=M45;Crab Nebula=M1;Ring Nebula=M57;Dumbbell Nebula=M27;Horsehead Nebula=B33
Flame Nebula=NGC2024;Whirlpool Galaxy=M51;Pinwheel Galaxy=M101;Cocoon Nebula=IC5146;Crescent Nebula=NGC6888
Elephant's Trunk Nebula=IC1396;Jellyfish Nebula=IC443;California Nebula=NGC1499;Flaming Star Nebula=IC405
Bubble Nebula=NGC7635;Iris Nebula=NGC7023;Wizard Nebula=NGC7380;Pacman Nebula=NGC281;Tulip Nebula=Sh2-101
Cave Nebula=Sh2-155;Double Cluster=NGC869;Stephan's Quintet=HCG92;Bode's Galaxy=M81;Cigar Galaxy=M82
Sombrero Galaxy=M104;Helix Nebula=NGC7293;Lagoon Nebula=M8;Eagle Nebula=M16;Moon=Moon;Sun=Sun;Jupiter=Jupiter
Saturn=Saturn;Mars=Mars;C/2023 A3=C2023A3;12P=12P;12P/Pons-Brooks=12P
"""

HARD = """
NGC 9999=;NGC 70000=;NGC 0=;M 131=;M 0=;M 111=;M131=;IC 9000=;IC 5387=;Caldwell 110=;C 0=;Sh2-314=;LDN 1803=;LBN 1126=
Barnard 180=;Abell 5000=;HCG 101=;NGC 412=;NGC 7000X=;M31X=;M31.5=;NGC7000123=;XM31=;LDN 1251=LDN1251;LBN 552=LBN552
Gum 12=Gum12;PGC 5=IC5370;UGC 5=UGC5;UGC 10214=Arp188;vdB 5=vdB5;vdB 152=vdB152;C/2023 A3=C2023A3;C2023A3=C2023A3
C 2023 A3=C2023A3;C_2023_A3=C2023A3;C/2023 A3 (Tsuchinshan-ATLAS)=C2023A3;Comet C/2022 E3=C2022E3
C/2014 UN271=C2014UN271;P/2019 LD2=P2019LD2;12P Pons-Brooks=12P;73P-B=73P-B;2I/Borisov=2I;3I/ATLAS=3I
Comet NEOWISE=C2020F3;NGC 6027A=NGC6027A;NGC 7318 B=NGC7318B;NGC7318b=NGC7318B;NGC 7000 B=NGC7000;IC 1396A=IC1396
NGC4656 NED01=NGC4656NED01;M51A=M51;M51B=NGC5195;M102=M102;NGC 5866=M102;NGC 2239=NGC2244;IC 2118=NGC1909;IC 11=NGC281
ESO 56-115=ESO56-115;MCG +07-02-016=M31;LBN 953=IC434;M1-67=M1-67;PK 164+31.1=PK164+31-1;M31 mosaic=M31
M 31_mosaic_sub=M31;M 31_sub=M31;M 31-sub=M31;M31 Panel 2=M31;M31 Panel 1-2=M31;M31_P3=M31;M 45 Panel 2=M45
Sh2 103 Panel 13=Sh2-103;Light_M 31_10.0s_IRCUT_20250101-203011.fit=M31
Light_mosaic_NGC 7000_20.0s_LP_20250630-023420.fit=NGC7000;Stacked_425_M 94_10.0s_IRCUT_20250326-212057.fit=M94
DSO_Stacked_50_IC 1396_20.0s_20250601_221500.fit=IC1396;M31 Ha 300s=M31;M 31 2024-11-02=M31;NGC 7000 20241102=NGC7000
M31 LRGB=M31;IC 434 60s60=IC434;M31 (Andromeda)=M31;Andromeda (M31)=M31;M 31 - Andromeda Galaxy=M31
IC 434 Horsehead=IC434;B33 Horsehead=B33;Horsehead B33=B33;NGC 7000 North America Nebula=NGC7000
Elephant Trunk IC1396=IC1396;C20 North America=NGC7000;M81 M82=M81;M81 & M82=M81;M 42 running man=M42
NGC 869-884=NGC869;Sh2-129 Flying Bat=Sh2-129;Heart Nebula Ha=IC1805;Heart_Nebula_Panel_1=IC1805;Andromeda Galxy=M31
North Amercia Nebula=NGC7000;Rosete Nebula=NGC2237;Jelly fish nebula=IC443;Elefant Trunk nebula=IC1396
Cresent Nebula=NGC6888;Pacmann=NGC281;Horsehead Nebla=B33;Sombraro Galaxy=M104;Whirpool Galaxy=M51;cats eye=NGC6543
north america nebula=NGC7000;NorthAmerica=NGC7000;Markarian=;Helix Galaxy=NGC2685;Tadpole Galaxy=Arp188
Tadpole Nebula=IC410;Snapshot=;FlatWizard=;Unknown=;Test=;Light=;light=;Lights=;Dark=;Flat=;bias=;N/A=;None=;TEST=
clouds=;auto_focus=;data=;Target 1=;Object=;No Target=;Light_Unknown_10.0s_IRCUT_20250101-203011.fit=;Lunar=Moon
Solar=Sun;Planet=;Mosaic=;=;MarsM45=;wasp 10 b=;w1.-3-4=;rf0420=;T07490=;LTT7379=;Kocab=;Vega=;Polaris=
C11 collimation=;C8 test=;C 9.25=;Test B2=;HD 12345=;EdgeHD 8=;ASI2600MC=;f/4.9=;2025-01-02=;20250102=;12=;300s=;Ha=
Bear Nebula=;Moon Nebula=;Cat Galaxy=;my backyard=;Kitchen=;Whale Nebula=;Neighbour's tree=;Focus run 12=;Balcony=
Orange Nebula=;Seagull Galaxy=;First light=;Dew heater=
"""


def labels(text: str) -> list[tuple[str, str | None]]:
    """Pairs of name and expected id from ``name=id;...`` lines."""
    pairs = (entry.rpartition("=") for line in text.split("\n") for entry in line.split(";") if entry)
    return [(name, expected or None) for name, _, expected in pairs]


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """One matcher for all labels."""
    return Matcher.load()


@pytest.mark.parametrize(("name", "expected"), labels(PLAIN))
def test_plain_names_find_their_object(matcher: Matcher, name: str, expected: str) -> None:
    """The ordinary spellings of designations and names find their object."""
    found = matcher.match(name)
    assert found.catalog_id == expected
    assert found.confidence >= 0.6


@pytest.mark.parametrize(("name", "expected"), labels(HARD))
def test_hard_names_find_their_object_or_nothing(matcher: Matcher, name: str, expected: str | None) -> None:
    """Look-alikes, numbers that do not exist, decorations, slips and words that name nothing are told apart."""
    found = matcher.match(name)
    assert found.catalog_id == expected
    assert (found.method == "none") is (expected is None)
    assert (found.confidence == 0.0) is (expected is None)


def test_there_are_enough_labels() -> None:
    """At least 150 names are labelled, and at least half of them are hard ones."""
    assert len(labels(PLAIN)) + len(labels(HARD)) >= 150
    assert len(labels(HARD)) >= len(labels(PLAIN))
