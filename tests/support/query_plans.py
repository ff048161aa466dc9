"""The statements that a search runs, and how the database says it will run them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelshelf.database.database import Row, Transaction


@dataclass
class Recording:
    """A transaction that remembers what it was asked, and how the database meant to answer at that moment."""

    tx: Transaction
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def dialect(self) -> str:
        return self.tx.dialect

    def execute(self, sql: str, /, **parameters: Any) -> int:
        return self.tx.execute(sql, **parameters)

    def one(self, sql: str, /, **parameters: Any) -> Row | None:
        self._note(sql, parameters)
        return self.tx.one(sql, **parameters)

    def all(self, sql: str, /, **parameters: Any) -> list[Row]:
        self._note(sql, parameters)
        return self.tx.all(sql, **parameters)

    def many(self, sql: str, rows: Sequence[Mapping[str, Any]], /) -> None:
        self.tx.many(sql, rows)

    def _note(self, sql: str, parameters: Mapping[str, Any]) -> None:
        if "set_config" not in sql and "to_regclass" not in sql:
            self.asked.append((sql, plan(self.tx, sql, parameters)))

    @property
    def steps(self) -> list[str]:
        """The steps of all plans."""
        return [step for _, steps in self.asked for step in steps]


def plan(tx: Transaction, sql: str, parameters: Mapping[str, Any]) -> list[str]:
    """The steps of a plan, one text each: `SCAN v`, or `Index Scan model_versions model_versions_pkey`."""
    if tx.dialect == "sqlite":
        return [row["detail"] for row in tx.all(f"EXPLAIN QUERY PLAN {sql}", **parameters)]
    row = tx.one(f"EXPLAIN (FORMAT JSON) {sql}", **parameters)
    assert row is not None
    text = row["QUERY PLAN"]
    return _steps((json.loads(text) if isinstance(text, str) else text)[0]["Plan"])


def _steps(node: Mapping[str, Any]) -> list[str]:
    words = (node["Node Type"], node.get("Relation Name"), node.get("Index Name"), node.get("Index Cond"))
    own = " ".join(str(word) for word in words if word)
    return [own, *(step for child in node.get("Plans", ()) for step in _steps(child))]
