"""How the shelf is: storage, queues, versions, who does what in the background; and who may come in."""

import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version

from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.rendering import page


def health(asked: Asked) -> Answer:
    """The shelf and its server."""
    return page(
        asked,
        "health.html",
        title="Health",
        health=asked.registry.overviews.shelf_health(),
        measured=asked.registry.measured(),
        version=_version(),
        python=platform.python_version(),
    )


def _version() -> str:
    try:
        return version("modelshelf")
    except PackageNotFoundError:
        return "not installed"


def users(asked: Asked) -> Answer:
    """Everybody who may come in, and their tokens; for administrators."""
    found, tokens = asked.registry.access.users(), asked.registry.access.tokens()
    counts = Counter(token.user for token in tokens)
    return page(asked, "users.html", title="Users", users=found, tokens=tokens, counts=counts)


ROUTES: Routes = {("GET", "/status"): health, ("GET", "/users"): users}
