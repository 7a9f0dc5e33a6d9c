"""What archives cost: sums over a table of prices, which may be a person's own."""

from pathlib import Path

import pytest

from services.backup.costs.estimate import Amount, Estimate, estimate, packed
from services.backup.costs.prices import BUILT_IN, read_prices
from services.backup.costs.thaw import Thawed, thaw_cost
from shared.errors import UserError

LIBRARY = Amount(size_bytes=827_000_000_000, archives=1500, parts=51_700)


def aws(amount: Amount = LIBRARY) -> dict[str, Estimate]:
    """The estimates for AWS by class."""
    return {one.storage_class: one for one in estimate(amount, read_prices()) if one.provider == "AWS"}


def test_a_library_costs_what_its_class_costs() -> None:
    """827 GB are about 19 $ a month in STANDARD and 0.82 $ in DEEP_ARCHIVE, as on the provider's own pages."""
    found = aws()
    assert found["STANDARD"].usd_per_month == pytest.approx(19.02, abs=0.01)
    assert found["DEEP_ARCHIVE"].usd_per_month == pytest.approx(0.82, abs=0.01)
    assert found["GLACIER"].usd_per_month == pytest.approx(2.98, abs=0.01)


def test_what_is_kept_of_each_object_is_paid_for() -> None:
    """40 KiB an object, of which 8 at the price of STANDARD: ten thousand small archives cost more than their bytes."""
    amount = Amount(size_bytes=10_000, archives=10_000)
    overhead = 10_000 * 32_768 / 1e9 * 0.00099 + 10_000 * 8_192 / 1e9 * 0.023
    assert aws(amount)["DEEP_ARCHIVE"].usd_per_month == pytest.approx(overhead, rel=1e-4)
    assert aws(amount)["STANDARD_IA"].usd_per_month == pytest.approx(10_000 * 131_072 / 1e9 * 0.0125)


def test_the_first_year_has_the_uploads_and_the_least_days_their_price() -> None:
    """A part is a request, an upload two more; what is deleted early is paid for to the end of its least days."""
    deep = aws()["DEEP_ARCHIVE"]
    uploads = (51_700 + 2 * 1500) / 1000 * 0.05
    assert deep.usd_first_year == pytest.approx(12 * deep.usd_per_month + uploads)
    assert deep.usd_least == pytest.approx(6 * deep.usd_per_month + uploads)
    assert (deep.least_days, deep.hours_to_read) == (180, 12)
    assert aws()["STANDARD"].usd_least == pytest.approx((51_700 + 2 * 1500) / 1000 * 0.005)


def test_having_all_back_costs_retrieval_requests_and_transfer() -> None:
    """Out of DEEP_ARCHIVE 827 GB are 827 x (0.02 + 0.09) $ and the requests; out of STANDARD the transfer alone."""
    found = aws()
    assert found["DEEP_ARCHIVE"].usd_to_restore == pytest.approx(827 * 0.11 + 1.5 * 0.1004)
    assert found["STANDARD"].usd_to_restore == pytest.approx(827 * 0.09 + 1.5 * 0.0004)


def test_thawing_costs_requests_retrieval_copies_and_transfer() -> None:
    """100 GB in 10 archives out of DEEP_ARCHIVE, of which 1 GB is read; what takes longer is cheaper."""
    what, table = Thawed(archives=10, size_bytes=100_000_000_000, read_bytes=1_000_000_000), read_prices()
    standard = thaw_cost(what, table, "DEEP_ARCHIVE", 7, "standard")
    bulk = thaw_cost(what, table, "DEEP_ARCHIVE", 7, "bulk")
    assert standard is not None
    assert bulk is not None
    copies = 100 * 0.023 * 7 / 30
    assert standard.usd == pytest.approx(copies + 100 * 0.02 + 0.01 * 0.1004 + 0.09)
    assert bulk.usd == pytest.approx(copies + 100 * 0.0025 + 0.01 * 0.0254 + 0.09)
    assert (standard.provider, standard.hours, bulk.hours) == ("AWS", 12, 48)
    expedited = thaw_cost(what, table, "GLACIER", 1, "expedited")
    assert expedited is not None
    assert expedited.hours < 1
    assert thaw_cost(what, table, "COLDLINE", 7, "bulk") is None
    with pytest.raises(UserError, match="DEEP_ARCHIVE has no tier expedited: there is standard and bulk"):
        thaw_cost(what, table, "DEEP_ARCHIVE", 7, "expedited")


def test_nothing_costs_nothing() -> None:
    """Before the first archive all sums are 0."""
    for one in estimate(Amount(), read_prices()):
        assert (one.usd_per_month, one.usd_first_year, one.usd_to_restore, one.usd_least) == (0, 0, 0, 0)


def test_unprotected_files_count_as_those_before_were_packed() -> None:
    """By the ratio so far, never as more than their size, and as their size before the first archive."""
    assert packed(1000, archived_bytes=100, stored_bytes=60) == 600
    assert packed(1000, archived_bytes=100, stored_bytes=130) == 1000
    assert packed(1000, archived_bytes=0, stored_bytes=0) == 1000


def test_a_persons_own_prices_are_used(tmp_path: Path) -> None:
    """The file is of the same form as ours, which can be copied and edited."""
    file = tmp_path / "prices.toml"
    file.write_text(BUILT_IN.read_text().replace("usd_per_gb_month = 0.00099", "usd_per_gb_month = 0.002"))
    table = read_prices(file)
    deep = next(one for one in estimate(LIBRARY, table) if one.storage_class == "DEEP_ARCHIVE")
    assert deep.usd_per_month == pytest.approx(1.65, abs=0.02)
    assert f"{table.as_of:%Y}" >= "2025"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        ("as_of = ", "are no TOML: "),
        ("as_of = 2026-01-01\nprices = []", "are wrong at prices: "),
        (
            'as_of = 2026-01-01\n[[prices]]\nclass = "X"\nprovider = "Y"\nusd_per_gb_month = -1',
            "are wrong at prices.1.usd_per_gb_month: ",
        ),
        (
            'as_of = 2026-01-01\n[[prices]]\nclass = "X"\nprovider = "Y"\nusd_per_gb_month = 1\nurk = 2',
            "are wrong at prices.1.urk: ",
        ),
    ],
    ids=["no file", "no TOML", "empty", "negative", "unknown key"],
)
def test_prices_that_are_none_are_told_in_a_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    """The sentence names the file and what is wrong in it."""
    file = tmp_path / "prices.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError) as caught:
        read_prices(file)
    assert str(caught.value).startswith(f"the prices {file} ")
    assert sentence in str(caught.value)
