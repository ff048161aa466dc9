"""What stands in the bar at the top of each page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from modelshelf.ui.exchange import Asked
from modelshelf.ui.inbox import waiting


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the site: its name, where it begins, and the key that leads there after `g`."""

    name: str
    place: str
    key: str
    needs: str = ""
    """The permission without which it is not shown."""
    count: Callable[[Asked], int] | None = None
    """How much there waits for the viewer."""
    more: tuple[str, ...] = ()
    """Where pages lie that belong to it, too."""

    def concerns(self, asked: Asked) -> bool:
        """Whether it is for the viewer."""
        return not self.needs or asked.may(self.needs)

    def waiting(self, asked: Asked) -> int:
        """How much there waits for the viewer; 0 where it is not counted."""
        return self.count(asked) if self.count else 0

    def holds(self, path: str) -> bool:
        """Whether a page belongs to it."""
        is_below = any(path == place or path.startswith(f"{place}/") for place in (self.place, *self.more))
        return is_below or (path == "/" and self.place == "/models")


SECTIONS: Final = (
    Section("Models", "/models", "m"),
    Section("Experiments", "/experiments", "e"),
    Section("Compare", "/compare", "c"),
    Section("Promotions", "/promotions", "p", count=waiting, more=("/gates", "/gate-trial", "/gate-definition")),
    Section("Rollouts", "/rollouts", "r"),
    Section("Ledger", "/ledger", "l", more=("/ledger-verification",)),
    Section("Webhooks", "/webhooks", "w", needs="administer", more=("/webhook-new",)),
    Section("Health", "/status", "h", more=("/users",)),
)
"""In their order; a section that is added here is in the bar, and among the shortcuts, on all pages."""
