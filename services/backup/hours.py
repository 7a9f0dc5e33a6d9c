"""Quiet hours: times of day at which nothing is uploaded, over midnight and when the clocks change."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begin`` up to and without ``end``, local times of a zone; where they are equal, the whole day."""

    begin: time
    end: time
    zone: ZoneInfo

    @classmethod
    def of(cls, hours: str, zone: str) -> "QuietHours":
        """From the settings: ``20:00-06:00`` and an IANA zone."""
        begin, _, end = hours.partition("-")
        return cls(time.fromisoformat(begin), time.fromisoformat(end), ZoneInfo(zone))

    def holds(self, moment: datetime) -> bool:
        """Whether a moment (aware) is in them."""
        local = moment.astimezone(self.zone).time().replace(fold=0)
        if self.begin < self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end

    def left_s(self, moment: datetime) -> float:
        """Seconds until they are over; 0.0 outside of them. Exact also where the clocks change meanwhile."""
        if not self.holds(moment):
            return 0.0
        day = moment.astimezone(self.zone).date()
        for days in range(3):
            end = datetime.combine(day + timedelta(days=days), self.end, self.zone)
            if (left_s := end.timestamp() - moment.timestamp()) > 0:
                return left_s
        raise AssertionError("hours of a day end within two days")

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M} {self.zone.key}"
