"""The evidence document: what clauses can speak of, gathered for a candidate and the version that it would follow."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from modelshelf.blobs.store import BlobStore
from modelshelf.database import evaluations, gate_evidence
from modelshelf.database.database import Row, Transaction
from modelshelf.domain.errors import ShelfError
from modelshelf.domain.evaluations import Evaluation

TEXT_LIMIT: Final = 1_000
"""Characters of a text that clauses see; what is longer is cut off."""
ITEM_LIMIT: Final = 250
"""Characters of a text in a list."""
ENTRIES_LIMIT: Final = 5_000
"""Entries of a map; those behind, by their names, are not seen."""
LIST_LIMIT: Final = 500
FILE_LIMIT: Final = 1024 * 1024
"""Bytes of an MLmodel or requirements.txt; what is larger is not read."""

_MLMODEL, _REQUIREMENTS = "MLmodel", "requirements.txt"
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._\-]*)(?:\[[^\]]*\])?\s*===?\s*([^\s;,#]+)")


@dataclass(frozen=True, slots=True)
class Subject:
    """What evidence is wanted of: a candidate, and the version that is there now."""

    model_id: int
    candidate: int
    current: int | None
    actor: str = ""
    reason: str = ""

    @property
    def numbers(self) -> list[int]:
        return [self.candidate] if self.current in (None, self.candidate) else [self.candidate, int(self.current or 0)]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read for both versions."""

    params: Mapping[str, Mapping[str, str]]
    run_tags: Mapping[str, Mapping[str, str]]
    metrics: Mapping[str, Mapping[str, float | None]]
    measured: Mapping[str, Mapping[str, float | None]]
    evaluations: Mapping[int, Sequence[Evaluation]]
    files: Mapping[tuple[str, str], tuple[str, int]]


def gather(tx: Transaction, blobs: BlobStore, subject: Subject, *, now_ms: int) -> dict[str, Any]:
    """The evidence document of this moment; empty where the candidate is not there."""
    found = gate_evidence.versions(tx, subject.model_id, subject.numbers)
    runs = sorted({row["run_id"] for row in found.values() if row["run_id"]})
    known = _read(tx, subject, list(found.values()), gate_evidence.metrics(tx, runs) if runs else {}, now_ms)
    tags = next((row["model_tags"] for row in found.values()), None)
    return _document(subject, found, known, blobs, now_ms, json.loads(tags or "{}"))


def rebuild(tx: Transaction, blobs: BlobStore, subject: Subject, *, at_ms: int) -> dict[str, Any]:
    """The document as it can be told today for an instant: metrics and tags of that time, the rest as it is now.

    Empty where the candidate has been deleted since.
    """
    found = gate_evidence.versions(tx, subject.model_id, subject.numbers)
    runs = sorted({row["run_id"] for row in found.values() if row["run_id"]})
    past = gate_evidence.metrics_until(tx, runs, at_ms) if runs else {}
    known = _read(tx, subject, list(found.values()), past, at_ms)
    names = {number: f"models/{row['model']}/{number}" for number, row in found.items()}
    model = f"models/{next(iter(found.values()))['model']}" if found else ""
    tags = _tags_then(gate_evidence.tag_events(tx, [model, *names.values()], at_ms)) if found else {}
    then = {number: {**row, "tags": json.dumps(tags.get(names[number], {}))} for number, row in found.items()}
    return _document(subject, then, known, blobs, at_ms, tags.get(model, {}))


def _read(
    tx: Transaction,
    subject: Subject,
    found: Sequence[Row],
    metrics: Mapping[str, Mapping[str, float | None]],
    until_ms: int,
) -> _Known:
    runs = sorted({row["run_id"] for row in found if row["run_id"]})
    logged = sorted({row["logged_model"] for row in found if row["logged_model"]})
    sealed = sorted({row["manifest"] for row in found if row["manifest"]})
    return _Known(
        params=gate_evidence.params(tx, runs) if runs else {},
        run_tags=gate_evidence.run_tags(tx, runs) if runs else {},
        metrics=metrics,
        measured=gate_evidence.logged_model_metrics(tx, logged, until_ms) if logged else {},
        evaluations=evaluations.newest_by_metric(tx, subject.model_id, subject.numbers, until_ms=until_ms),
        files=gate_evidence.files(tx, sealed, [_MLMODEL, _REQUIREMENTS]) if sealed else {},
    )


def _document(
    subject: Subject,
    found: Mapping[int, Row],
    known: _Known,
    blobs: BlobStore,
    now_ms: int,
    model_tags: Mapping[str, str],
) -> dict[str, Any]:
    candidate = found.get(subject.candidate)
    if candidate is None:
        return {}
    current = found.get(subject.current) if subject.current is not None else None
    return {
        "candidate": _version(candidate, known, blobs, now_ms, against=subject.current),
        "current": _version(current, known, blobs, now_ms, against=None) if current else None,
        "has_current": current is not None,
        "model": {"name": candidate["model"], "tags": _texts(model_tags)},
        "move": {"actor": subject.actor, "reason": subject.reason[:TEXT_LIMIT]},
    }


def _version(row: Row, known: _Known, blobs: BlobStore, now_ms: int, *, against: int | None) -> dict[str, Any]:
    run, logged = row["run_id"], row["logged_model"]
    numbers = {**known.metrics.get(run, {}), **known.measured.get(logged, {})}
    bounded = dict(sorted(numbers.items())[:ENTRIES_LIMIT])
    files = {path: known.files.get((row["manifest"] or "", path)) for path in (_MLMODEL, _REQUIREMENTS)}
    inputs, outputs = _signature(blobs, files[_MLMODEL])
    lines = _requirements(blobs, files[_REQUIREMENTS])
    return {
        "version": row["number"],
        "metrics": {key: value for key, value in bounded.items() if value is not None},
        "not_numbers": [key for key, value in bounded.items() if value is None],
        "params": _texts(known.params.get(run, {})),
        "tags": _texts(json.loads(row["tags"] or "{}")),
        "run_tags": _texts(known.run_tags.get(run, {})),
        "signature": {"inputs": dict(inputs), "outputs": dict(outputs)},
        "requirements": list(lines),
        "packages": {match[1]: match[2] for match in map(_PINNED.match, lines) if match},
        "size": row["size"],
        "age": max(now_ms - row["created_ms"], 0) / 1000,
        "sealed": row["manifest"] is not None,
        "manifest": row["manifest"],
        "stage": row["stage"],
        "aliases": sorted(json.loads(row["aliases"] or "[]"))[:LIST_LIMIT],
        "approval_status": row["approval_status"],
        "evaluations": _evaluations(known.evaluations.get(row["number"], ()), against),
        "lineage": {
            "run_id": run,
            "experiment": row["experiment"] or "",
            "user": row["user_name"] or "",
            "created_by": row["created_by"],
            "source": row["source"][:TEXT_LIMIT],
            "logged_model": logged,
        },
    }


def _evaluations(found: Sequence[Evaluation], against: int | None) -> dict[str, dict[str, float]]:
    """By metric; of the candidate only those against exactly the version that it would follow count."""
    return {each.metric: each.numbers() for each in found if against is None or each.against == against}


def _texts(given: Mapping[str, str]) -> dict[str, str]:
    return {key: value[:TEXT_LIMIT] for key, value in sorted(given.items())[:ENTRIES_LIMIT]}


def _tags_then(told: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    tags: dict[str, dict[str, str]] = {}
    for event in told:
        known, data = tags.setdefault(event["subject"], {}), event["data"]
        if event["name"].endswith(".created"):
            known.clear()
            known.update(data.get("tags") or {})
        elif event["name"].endswith(".untagged"):
            known.pop(data["key"], None)
        else:
            known[data["key"]] = data["value"]
    return tags


def _signature(
    blobs: BlobStore, file: tuple[str, int] | None
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    content = _content(blobs, file)
    return _columns_of(content) if content else ((), ())


def _requirements(blobs: BlobStore, file: tuple[str, int] | None) -> tuple[str, ...]:
    lines = (line.strip() for line in _content(blobs, file).decode(errors="replace").splitlines())
    return tuple(line[:ITEM_LIMIT] for line in lines if line and not line.startswith("#"))[:LIST_LIMIT]


def _content(blobs: BlobStore, file: tuple[str, int] | None) -> bytes:
    """A small file's bytes; none where it is missing, too large, or damaged: then its clauses have nothing to see."""
    if file is None or file[1] > FILE_LIMIT:
        return b""
    digest, size = file
    if digest not in _recent:
        try:
            with blobs.open(digest) as stream:
                content = stream.read(size)
        except (ShelfError, OSError):
            return b""
        if len(_recent) >= RECENT_LIMIT:
            _recent.clear()
        _recent[digest] = content
        return content
    return _recent.get(digest, b"")


RECENT_LIMIT: Final = 64
_recent: Final[dict[str, bytes]] = {}
"""Small files that were read lately, by digest; the bytes were verified."""


@lru_cache(maxsize=256)
def _columns_of(mlmodel: bytes) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """The names and types of a signature's inputs and outputs, from an MLmodel file; none where it can't be read."""
    import yaml

    try:
        told = yaml.load(mlmodel, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe one
        signature = told.get("signature") if isinstance(told, Mapping) else None
        if not isinstance(signature, Mapping):
            return (), ()
        return _columns(signature.get("inputs")), _columns(signature.get("outputs"))
    except (yaml.YAMLError, ValueError, RecursionError):
        return (), ()


def _columns(text: object) -> tuple[tuple[str, str], ...]:
    told = json.loads(text) if isinstance(text, str) else text
    if not isinstance(told, list):
        return ()
    columns = [(each, place) for place, each in enumerate(told[:ENTRIES_LIMIT]) if isinstance(each, Mapping)]
    return tuple((str(each.get("name", place))[:ITEM_LIMIT], _type(each)) for each, place in columns)


def _type(column: Mapping[str, Any]) -> str:
    """The type of a column, or `tensor(float64)`."""
    spec = column.get("tensor-spec")
    if isinstance(spec, Mapping):
        return f"tensor({spec.get('dtype', '')})"[:ITEM_LIMIT]
    return str(column.get("type", ""))[:ITEM_LIMIT]
