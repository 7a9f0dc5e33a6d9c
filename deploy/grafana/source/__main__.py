"""Write all dashboards: ``python -m deploy.grafana.source``."""

from pathlib import Path

from deploy.grafana.source import backup, calibration, captures, pipeline, quality, storage
from deploy.grafana.source.dashboard import Dashboard, text_of

FOLDER = Path(__file__).parents[1] / "dashboards"
ALL: tuple[Dashboard, ...] = (
    captures.DASHBOARD, quality.DASHBOARD, pipeline.DASHBOARD, calibration.DASHBOARD,
    backup.DASHBOARD, storage.DASHBOARD,
)  # fmt: skip


def files() -> dict[Path, str]:
    """What each file holds."""
    return {FOLDER / f"{dashboard.name}.json": text_of(dashboard) for dashboard in ALL}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
