"""Addresses of pages: each thing of the shelf has one, which never changes."""

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


def _with(path: str, query: "dict[str, object]") -> str:
    asked = urlencode(
        {key: value for key, value in query.items() if value not in (None, "")}, doseq=True, quote_via=quote
    )
    return f"{path}?{asked}" if asked else path
