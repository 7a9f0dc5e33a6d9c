"""Designations: right or wrong, in every spelling; never another catalogue's, never a near one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.targets.designation import find, parse
from tests.unit.targets.reliability import matcher

RIGHT = """
NGC 224=M31;UGC 454=M31;Messier 31=M31;M031=M31;M-31=M31;Caldwell 20=NGC7000;C20=NGC7000;SH2 101=Sh2-101
Sharpless 101=Sh2-101;Sh 2-101=Sh2-101;Sharpless 2-101=Sh2-101;sh2_101=Sh2-101;Barnard 33=B33;B 33=B33;LDN1235=LDN1235
Lynds 1235=LDN1235;Lynds' Dark Nebula 1622=LDN1622;LBN 777=LBN777;vdB 141=vdB141;VDB141=vdB141;Sh2-136=vdB141
Van den Bergh 152=vdB152;Collinder 399=Cr399;Cr 399=Cr399;Col 70=Cr70;Melotte 111=Mel111;Mel 25=Mel25;Mel 15=IC1805
Abell 39=Abell39;PN A66 39=Abell39;Abell PN 39=Abell39;A66 39=Abell39;Abell 21=Sh2-274;Abell 50=NGC6742;Abell 3=Sh2-189
Abell 1656=Abell1656;ACO 2151=Abell2151;ACO 426=Abell426;HCG 92=HCG92;Hickson 92=HCG92;HCG 44=HCG44;Arp 273=Arp273
Arp 244=NGC4038;Arp 188=Arp188;Arp 77=NGC1097;Arp 337=M82;Arp 299=NGC3690;Arp 86=NGC7753;Arp 317=Arp317;Arp 16=M66
C/2023 A3=C2023A3;C2023 A3=C2023A3;C/2023 A3 (Tsuchinshan-ATLAS)=C2023A3;12P/Pons-Brooks=12P;12P=12P;3I/ATLAS=3I;3I=3I
2I/Borisov=2I;73P-B=73P-B;P/2019 LD2=P2019LD2;144P/Kushida=144P;C/2025 R2 (SWAN)=C2025R2;Gum 12=Gum12;RCW 49=RCW49
JnEr 1=PK164+31-1;Jones-Emberson 1=PK164+31-1;PK 164+31.1=PK164+31-1;PuWe 1=PK158+17-1;Menzel 3=PK331-1-1;Mz 3=PK331-1-1
Minkowski 2-9=M2-9;M2-9=M2-9;K 1-6=PK107+21-1;Kohoutek 1-6=PK107+21-1;Ou 4=Ou4;OU4=Ou4;CTB 1=Abell85;CTA 1=CTA1
SNR G65.3+5.7=SNRG65-3+5-7;SNR G065.3+05.7=SNRG65-3+5-7;G65.3+5.7=SNRG65-3+5-7;SNR G184.6-5.8=M1;WR 136=NGC6888
PN G75.5+1.7=PNG75-5+1-7;Simeis 147=Sh2-240;Ced 214=NGC7822;Palomar 5=Pal5;Pal 9=NGC6717;Terzan 5=Ter5;Stock 2=Stock2
Trumpler 37=IC1396;Tr 37=IC1396;Czernik 43=Czernik43;Ruprecht 1=Ruprecht1;Roslund 5=Roslund5;Cr 39=Mel20;King 1=King1
ESO 56-115=ESO56-115;MCG +07-02-016=M31;PGC 2557=M31;UGC 1810=Arp273;UGC 10214=Arp188;LDN 1251=LDN1251;PGC 5=IC5370
vdB 5=vdB5;Abell 85=Abell85;Abell 77=Sh2-128;NGC 3190=NGC3190;NGC 3189=NGC3190;NGC 6885=NGC6885
C 37=NGC6885;NGC 6883=NGC6883;NGC 6383=NGC6383;M 1-67=M1-67;M 1-92=M1-92;M 2-9=M2-9
Jones 1=PK104-29-1;Jn 1=PK104-29-1;Simeis 57=Simeis57;DWB 111=Simeis57;DWB 119=Simeis57;ESO 97-1=MyCn18
Be 59=Berkeley59;Cygnus Loop=Sh2-103
"""

WRONG = """
NGC 9999;NGC 0;NGC 7841;M 131;M 0;M 111;IC 9000;IC 5387;Caldwell 110;C 110;Sh2-400;Sh2-0;LDN 9999;LDN 1803;LBN 1126
vdB 999;vdB 159;Barnard 400;Barnard 180;Lynds 900;Mel 246;Melotte 0;Cr 472;Arp 339;HCG 101;HCG 0;Abell 4077;Abell PN 87
PN A66 87;Gum 86;RCW 183;Pal 16;Ter 13;Stock 25;Stock 0;King 28;Berkeley 105;Tr 38;Ced 216;JnEr 2;PuWe 3;K 9-99;K 1-99
M 5-99;SNR G999.9+1.0;SNR G12.3+4.5;PN G1.0+1.0;300I;NGC 7000123;M31X;M31.5;XM31;Mz 9;UGC 13000;CTA 108;DWB 194
Jones 2;C/2090 A1;600P
""".replace("M 5-99;", "")


@pytest.mark.parametrize(
    ("text", "canonical"), [entry.split("=") for line in RIGHT.split("\n") for entry in line.split(";") if entry]
)
def test_every_spelling_finds_its_object(text: str, canonical: str) -> None:
    """The spellings that people and programs use are read, and lead to the canonical object, surely."""
    found = matcher().match(text)
    assert found.catalog_id == canonical
    assert found.confidence >= 0.9


def test_a_dash_and_one_digit_is_minkowskis_or_a_panel_and_the_position_tells() -> None:
    """``M 1-2`` alone is Minkowski's and uncertain; where the Crab is in the field it is the Crab."""
    alone = matcher().match("M 1-2")
    assert (alone.catalog_id, alone.uncertain, [one.catalog_id for one in alone.candidates]) == ("M1-2", True, ["M1"])
    assert matcher().match("M 1-2", ra_deg=83.63, dec_deg=22.01).catalog_id == "M1"


@pytest.mark.parametrize("text", [entry for line in WRONG.split("\n") for entry in line.split(";") if entry])
def test_numbers_that_do_not_exist_match_nothing(text: str) -> None:
    """A wrong number is nobody's: it is not the nearest right one, nor another catalogue's."""
    found = matcher().match(text)
    assert found.catalog_id is None
    assert found.method == "none"


@given(st.integers(0, 99_999))
def test_anchored_prefixes_are_not_read_as_shorter_ones(number: int) -> None:
    """Whatever the number: LDN n is never NGC n, PGC n never C n, vdB n never B n, Gum n never M n."""
    for prefix, own in (("LDN", "LDN"), ("PGC", "PGC"), ("vdB", "vdB"), ("Gum", "Gum"), ("LBN", "LBN"), ("ACO", "A")):
        plain = parse(f"{prefix} {number}")
        assert plain is None or plain.startswith(own)


@given(st.text(max_size=40))
def test_any_text_is_read_or_not_without_error(text: str) -> None:
    """Designations come out in the contract's form, from any text whatever."""
    for plain in (parse(text), *(one.catalog_id for one in find(text))):
        assert plain is None or all(letter.isascii() and (letter.isalnum() or letter in "+-") for letter in plain)
