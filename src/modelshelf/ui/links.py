"""Addresses of pages: each thing of the shelf has one, which never changes."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from modelshelf.domain.governance import Move


def _part(text: object) -> str:
    return quote(str(text), safe="@+ ".strip())


def model(name: str, below: str = "", **query: object) -> str:
    """A registered model, or something below it: `versions`, `timeline`."""
    return _with(f"/models/{_part(name)}{below}", query)


def version(name: str, number: object, below: str = "", **query: object) -> str:
    return _with(f"/models/{_part(name)}/versions/{_part(number)}{below}", query)


def alias(name: str, alias: str, below: str = "", **query: object) -> str:
    return _with(f"/models/{_part(name)}/aliases/{_part(alias)}{below}", query)


def run(run_id: str, below: str = "", **query: object) -> str:
    return _with(f"/runs/{_part(run_id)}{below}", query)


def experiment(experiment_id: str, below: str = "", **query: object) -> str:
    return _with(f"/experiments/{_part(experiment_id)}{below}", query)


def file(name: str, number: object, path: str, *, shown: bool = False) -> str:
    """A file of a version: shown on a page, or to be downloaded."""
    return _with(version(name, number, "/files/show" if shown else "/files"), {"path": path})


def run_file(run_id: str, path: str, *, shown: bool = False) -> str:
    """A file of a run."""
    return _with(run(run_id, "/files/show" if shown else "/files"), {"path": path})


def compare(*what: str) -> str:
    """Versions (`models/churn/3`) or runs (`runs/<id>`) side by side."""
    return _with("/compare", {"of": list(what)})


def moved(move: Move) -> str:
    """The version that a move led to."""
    return version(move.model, move.after if move.version is None else move.version)


def request(number: object, below: str = "", **query: object) -> str:
    """A request for promotion."""
    return _with(f"/promotions/{_part(number)}{below}", query)


def gate(name: str, below: str = "", **query: object) -> str:
    return _with(f"/gates/{_part(name)}{below}", query)


def event(position: object) -> str:
    """An event, by its place in the ledger."""
    return f"/ledger/{_part(position)}"


def webhook(webhook_id: str, below: str = "", **query: object) -> str:
    return _with(f"/webhooks/{_part(webhook_id)}{below}", query)


def rollout(rollout_id: object, below: str = "") -> str:
    return f"/rollouts/{_part(rollout_id)}{below}"


def filled(path: str, values: Mapping[str, object]) -> str:
    """The address of a form that is filled in already."""
    return _with(path, dict(values))


def subject(text: str) -> str:
    """The page of what an event is about; empty where it has none."""
    kind, _, rest = text.partition("/")
    name, _, below = rest.partition("/")
    if not name:
        return ""
    if kind == "models":
        return version(name, below) if below.isdecimal() else model(name)
    pages: Mapping[str, Callable[[str], str]] = {
        "runs": run,
        "experiments": experiment,
        "requests": request,
        "gates": gate,
        "webhooks": webhook,
    }
    return pages[kind](name) if kind in pages else ""


def _with(path: str, query: "dict[str, object]") -> str:
    asked = urlencode(
        {key: value for key, value in query.items() if value not in (None, "")}, doseq=True, quote_via=quote
    )
    return f"{path}?{asked}" if asked else path
