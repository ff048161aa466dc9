"""A version: where it came from, what it takes and gives, its files, and how to use it."""

from modelshelf.domain.artifacts import FileEntry
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.errors import NotFound
from modelshelf.ui import contents, links, timelines
from modelshelf.ui.contents import Contents, Field
from modelshelf.ui.exchange import Answer, Asked, Download, Routes
from modelshelf.ui.holding import protected
from modelshelf.ui.pages_gates import judgements
from modelshelf.ui.rendering import page

_MOST_FILES = 500
_MOST_EVENTS = 200
_EXAMPLES = {
    **dict.fromkeys(("long", "integer"), "1"),
    **dict.fromkeys(("double", "float"), "0.5"),
    "boolean": "True",
    "datetime": '"2026-03-01T09:30"',
}


def version(asked: Asked) -> Answer:
    """All of it on one page."""
    name, number = asked.parts["name"], asked.number("number")
    found = asked.registry.catalog.version(name, number)
    inside = contents.read(asked.registry, found)
    run = asked.registry.overviews.runs([found.run_id]).get(found.run_id) if found.run_id else None
    serving = _alias(found)
    return page(
        asked,
        "version.html",
        title=f"{name} {number}",
        version=found,
        inside=inside,
        files=inside.files[:_MOST_FILES],
        run=run,
        judgements=judgements(asked.registry, name, number),
        protected=protected(name, asked.registry.governance.protections(name)),
        others=_others(asked, found),
        load_code=_load_code(found, serving),
        call_code=_call_code(inside),
        timeline=[entry for entry in timelines.entries(asked, name, limit=_MOST_EVENTS) if _concerns(entry, number)],
    )


def _others(asked: Asked, version: ModelVersion) -> list[int]:
    """Versions that one may want to compare it with: the one before, and what the model's aliases point at."""
    aliased = set(asked.registry.catalog.model(version.name).aliases.values())
    before = {version.number - 1} if version.number > 1 else set()
    return sorted((aliased | before) - {version.number})


def _alias(version: ModelVersion) -> str:
    return version.aliases[0] if version.aliases else ""


def _concerns(entry: timelines.Entry, number: int) -> bool:
    data = entry.event.data
    return number in (data.get("before"), data.get("after"), data.get("version"))


def _load_code(version: ModelVersion, alias: str) -> str:
    uri = f"models:/{version.name}@{alias}" if alias else version.uri
    return f"import modelshelf as mlflow\n\nmodel = mlflow.pyfunc.load_model({uri!r})"


def _call_code(inside: Contents) -> str:
    named = [each for each in inside.inputs if each.name and "tensor" not in each.kind]
    if not named:
        return "print(model.predict(data))"
    cells = ", ".join(f"{each.name!r}: [{_example(each)}]" for each in named[:8])
    more = "  # and so on, as the signature says" if len(named) > len(named[:8]) else ""
    return f"import pandas as pd\n\ndata = pd.DataFrame({{{cells}}}){more}\nprint(model.predict(data))"


def _example(field: Field) -> str:
    return _EXAMPLES.get(field.kind, '"..."')


def _file(asked: Asked) -> FileEntry:
    found = asked.registry.catalog.version(asked.parts["name"], asked.number("number"))
    if found.manifest is None:
        raise NotFound(f"{found.uri} is unsealed: its files are not in the store", model=found.name)
    return asked.registry.artifacts.sealed_file(found.manifest, asked.one("path"))


def download(asked: Asked) -> Download:
    """A file, as an attachment."""
    return Download(lambda: _file(asked))


def show(asked: Asked) -> Answer:
    """A file on a page: its text, or the picture that it is."""
    name, number, file = asked.parts["name"], asked.parts["number"], _file(asked)
    return shown(
        asked,
        file,
        trail=(("Models", "/models"), (name, links.model(name)), (f"Version {number}", links.version(name, number))),
        raw=links.file(name, number, asked.one("path")),
    )


def shown(asked: Asked, file: FileEntry, *, trail: tuple[tuple[str, str], ...], raw: str) -> Answer:
    """The page of a file, wherever it lies."""
    is_picture = contents.is_picture(file.path)
    text = None if is_picture else contents.text_of(asked.registry, file)
    return page(
        asked,
        "file.html",
        title=file.path,
        file=file,
        trail=trail,
        raw=raw,
        text=text,
        is_picture=is_picture,
        is_cut=file.size > contents.MOST_SHOWN_BYTES,
    )


_VERSION = "/models/{name}/versions/{number}"
ROUTES: Routes = {
    ("GET", _VERSION): version,
    ("GET", f"{_VERSION}/files"): download,
    ("GET", f"{_VERSION}/files/show"): show,
}
