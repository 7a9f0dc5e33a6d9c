"""Settings of the scanner: the section [scanner]."""

from pathlib import Path

from pydantic import Field

from shared.library.settings import HoldsCaptures, capture_folders
from shared.settings import Settings
from shared.settings.section import WholePath


class ScannerSettings(HoldsCaptures):
    """The service that reads captures."""

    workers: int = Field(default=0, ge=0, description="most processes that read files at once; 0 = one per core")
    measure_stars: bool = Field(default=True, description="whether star quality is measured from the pixels")
    time_limit_s: float = Field(
        default=30.0,
        gt=0,
        description="seconds one file may take before its reader is killed; one more for every 5 MB",
    )
    memory_limit_mb: int = Field(default=1536, ge=256, description="memory of one reader process, MiB")
    roots: dict[str, WholePath] = Field(
        default_factory=dict, description="root name = folder, where mounts differ from ingest's"
    )
    targets_uncertain_below: float = Field(
        default=0.8, ge=0, le=1, description="confidence below which a target match is marked uncertain"
    )
    nina_profiles: tuple[WholePath, ...] = Field(
        default=(),
        description="N.I.N.A. profiles or folders of them; one called <optic>@f<ratio>+<camera> is a rig",
    )
    nina_file_patterns: tuple[str, ...] = Field(
        default=(),
        description="N.I.N.A. file patterns of yours, as in its imaging options, by which names are read first",
    )
    previews: bool = Field(
        default=False, description="whether a preview of every frame is made in the same read; else when asked for"
    )
    previews_dir: WholePath | None = Field(
        default=None,
        description="folder of its own for previews, apart from the library and all sources; "
        "unset: previews in the home of `nightbus up`, and needed by `nightbus run`",
    )
    previews_max_mb: int = Field(
        default=20_000, ge=100, description="size of that folder, MiB; beyond it the longest unused are removed"
    )

    def capture_folders(self) -> tuple[tuple[str, Path], ...]:
        """Roots that are mounted elsewhere than ingest's."""
        return tuple((f"the root {name}", path) for name, path in self.roots.items())


def require_previews_apart(settings: Settings) -> None:
    """Make sure that previews go where no captures are.

    Raises:
        UserError: their folder overlaps the library, a source or another root; the sentence names it.
    """
    own = settings.section(ScannerSettings)
    if not own.previews or own.previews_dir is None:
        return
    from shared.previews.cache import require_apart

    require_apart(own.previews_dir, capture_folders(settings))


SECTION = ScannerSettings
