"""What every table of nightbus.toml has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of nightbus.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")
