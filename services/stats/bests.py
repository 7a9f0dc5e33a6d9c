"""The first and the last of some exposures, and the best of what was measured on them."""

from dataclasses import dataclass
from datetime import datetime

Values = tuple[datetime | None, datetime | None, float | None, int | None]
"""First and last start, least width (arcseconds), most stars; None where no exposure says."""


@dataclass(slots=True)
class Bests:
    """Grows better with each exposure that is taken in, never worse."""

    first_captured_at: datetime | None = None
    last_captured_at: datetime | None = None
    best_fwhm_arcsec: float | None = None
    best_star_count: int | None = None

    def take(
        self, first_at: datetime | None, last_at: datetime | None, fwhm_arcsec: float | None, star_count: int | None
    ) -> None:
        """Take in one exposure, or the bests of several."""
        if first_at is not None and (self.first_captured_at is None or first_at < self.first_captured_at):
            self.first_captured_at = first_at
        if last_at is not None and (self.last_captured_at is None or last_at > self.last_captured_at):
            self.last_captured_at = last_at
        if fwhm_arcsec is not None and (self.best_fwhm_arcsec is None or fwhm_arcsec < self.best_fwhm_arcsec):
            self.best_fwhm_arcsec = fwhm_arcsec
        if star_count is not None and (self.best_star_count is None or star_count > self.best_star_count):
            self.best_star_count = star_count

    @property
    def values(self) -> Values:
        """First and last start, least width, most stars."""
        return (self.first_captured_at, self.last_captured_at, self.best_fwhm_arcsec, self.best_star_count)
