"""What stands in the bar at the top of each page."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the site: its name, where it begins, and the key that leads there after `g`."""

    name: str
    place: str
    key: str

    def holds(self, path: str) -> bool:
        """Whether a page belongs to it."""
        return path == self.place or path.startswith(f"{self.place}/") or (path == "/" and self.place == "/models")


SECTIONS: Final = (
    Section("Models", "/models", "m"),
    Section("Experiments", "/experiments", "e"),
    Section("Compare", "/compare", "c"),
)
"""In their order; a section that is added here is in the bar, and among the shortcuts, on all pages."""
