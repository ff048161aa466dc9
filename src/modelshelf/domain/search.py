r"""The filter grammar, one for everything that can be searched: a superset of MLflow's.

    filter     = [or]                                  empty: everything
    or         = and {OR and}
    and        = not {[AND] not}                       an AND may be left out between two comparisons
    not        = NOT not | ( or ) | comparison
    comparison = name sign value                       =  !=  <  <=  >  >=
               | name [NOT] LIKE text                  %  any characters,  _  any one character; ILIKE ignores case
               | name [NOT] IN ( value {, value} )
               | name IS [NOT] NULL
    name       = attribute | tags.key | params.key | metrics.key | dataset.name     key, `any key` or "any key"
    value      = 'text' | "text" | number | inf | nan

Keywords ignore case, names do not. In a text a backslash or a doubled quote stands for itself, but in the list of IN a
backslash escapes: `name IN ('it\'s "x"')` finds what no single text can spell. See `Comparison` for what a field
without a value matches.
"""

import math
from collections.abc import Sequence

from modelshelf.domain.errors import Invalid, InvalidFilter
from modelshelf.domain.search_conditions import (
    And,
    Comparison,
    Condition,
    Field,
    Fields,
    FieldType,
    Kind,
    Not,
    Op,
    Or,
    Order,
    Scalar,
)
from modelshelf.domain.search_fields import resolve, type_of, written
from modelshelf.domain.search_lexer import MAX_LENGTH, Token, TokenKind, refusal, tokens
from modelshelf.domain.search_values import element, scalar

__all__ = [
    "MAX_CONDITIONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_LIST",
    "MAX_ORDER",
    "And",
    "Comparison",
    "Condition",
    "Field",
    "FieldType",
    "Fields",
    "Kind",
    "Not",
    "Op",
    "Or",
    "Order",
    "Scalar",
    "check_order",
    "parse_filter",
    "parse_order",
]

MAX_DEPTH = 50
MAX_CONDITIONS = 500
MAX_LIST = 1_000
MAX_ORDER = 20

_EQUALITY = (Op.EQ, Op.NE)
_PATTERNS = (Op.LIKE, Op.ILIKE, Op.NOT_LIKE, Op.NOT_ILIKE)
_OTHERS = (Op.IN, Op.NOT_IN, Op.IS_NULL, Op.IS_NOT_NULL)
_TEXT_OPS = (*_EQUALITY, *_PATTERNS, *_OTHERS)
_NUMBER_OPS = (*_EQUALITY, Op.LT, Op.LE, Op.GT, Op.GE, *_OTHERS)
_ELSEWHERE = {"==": "=", "<>": "!="}


def parse_filter(text: str, fields: Fields) -> Condition:
    """The condition that a filter spells; raises InvalidFilter, which points at the fault."""
    return _Parser(text, fields).filter()


def check_order(order: Order, fields: Fields) -> Order:
    """A key to order by that was put together elsewhere; raises Invalid where it is none of these fields."""
    known = (
        order.field.key in fields.attributes if order.field.kind is Kind.ATTRIBUTE else order.field.kind in fields.kinds
    )
    if not known or type_of(order.field, fields) is FieldType.TEXTS or order.field.kind is Kind.DATASET:
        raise Invalid(f"there is no order by {written(order.field)!r} here", field=written(order.field))
    return order


def parse_order(items: Sequence[str], fields: Fields) -> tuple[Order, ...]:
    """The keys to order by, the first counting most: `name`, `metrics.auc DESC`; no field twice."""
    if len(items) > MAX_ORDER:
        problem = f"{len(items)} keys to order by; the limit is {MAX_ORDER}"
        raise InvalidFilter(problem, position=0, limit=MAX_ORDER)
    orders: list[Order] = []
    for item in items:
        order = _Parser(item, fields).order()
        if any(order.field == earlier.field for earlier in orders):
            raise refusal(item, 0, f"{written(order.field)} is ordered by twice; leave one of them out")
        orders.append(order)
    return tuple(orders)


class _Parser:
    """Recursive descent with one token of lookahead."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._text, self._fields = text, fields
        self._tokens = tokens(text)
        self._token = next(self._tokens)
        self._depth = self._conditions = 0

    def filter(self) -> Condition:
        self._skip_ands()
        if self._at_end():
            return And(())
        condition = self._or()
        if not self._at_end():
            raise self._expected("AND, OR or the end of the filter")
        return condition

    def order(self) -> Order:
        field = self._field()
        if type_of(field, self._fields) is FieldType.TEXTS or field.kind is Kind.DATASET:
            raise refusal(self._text, 0, f"{written(field)} can have several values, so there is no order by it")
        direction = self._token
        if direction.kind is TokenKind.NAME and direction.text.upper() in ("ASC", "DESC"):
            self._advance()
        if not self._at_end():
            raise self._expected("ASC, DESC or the end")
        return Order(field, descending=direction.text.upper() == "DESC")

    def _or(self) -> Condition:
        conditions = [self._and()]
        while self._accept("OR"):
            conditions.append(self._and())
        return Or(_flat(conditions, Or)) if len(conditions) > 1 else conditions[0]

    def _and(self) -> Condition:
        conditions = [self._not()]
        while (self._skip_ands() and not self._at_end()) or self._starts_comparison():
            conditions.append(self._not())
        return And(_flat(conditions, And)) if len(conditions) > 1 else conditions[0]

    def _not(self) -> Condition:
        start = self._token
        if self._starts_comparison():
            return self._comparison()
        if not start.is_one_of("NOT", "("):
            raise self._expected("a field, NOT or (")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._too_many("levels of nesting", MAX_DEPTH, start)
        self._advance()
        condition = Not(self._not()) if start.text == "NOT" else self._closed(self._or())
        self._depth -= 1
        return condition

    def _closed(self, condition: Condition) -> Condition:
        self._require(")", "AND, OR or )")
        return condition

    def _comparison(self) -> Comparison:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise self._too_many("conditions", MAX_CONDITIONS, self._token)
        field = self._field()
        start = self._token
        op = self._op()
        type_ = type_of(field, self._fields)
        allowed = _TEXT_OPS if type_ in (FieldType.TEXT, FieldType.TEXTS) else _NUMBER_OPS
        if op not in allowed:
            kind = "a number" if allowed is _NUMBER_OPS else "text"
            problem = f"{written(field)} is {kind}, which {op} does not compare; it takes {', '.join(allowed)}"
            raise refusal(self._text, start.start, problem, expected="another operator")
        return Comparison(field, op, self._operand(op, type_))

    def _field(self) -> Field:
        if not self._starts_comparison():
            raise self._expected("a field")
        return resolve(self._text, self._advance(), self._fields)

    def _op(self) -> Op:
        token = self._token
        if token.kind is TokenKind.SIGN and token.text not in _ELSEWHERE:
            return Op(self._advance().text)
        if self._accept("IS"):
            negated = self._accept("NOT")
            self._require("NULL", "NULL" if negated else "NULL or NOT NULL")
            return Op.IS_NOT_NULL if negated else Op.IS_NULL
        negated = self._accept("NOT")
        if self._token.is_one_of("LIKE", "ILIKE", "IN"):
            return Op(f"NOT {self._advance().text}" if negated else self._advance().text)
        if negated:
            raise self._expected("LIKE, ILIKE or IN")
        meant = f" (write {_ELSEWHERE[token.text]})" if token.text in _ELSEWHERE else ""
        raise self._expected(f"an operator such as =, LIKE, IN or IS NULL{meant}")

    def _operand(self, op: Op, type_: FieldType | None) -> Scalar | tuple[Scalar, ...] | None:
        if op in (Op.IS_NULL, Op.IS_NOT_NULL):
            return None
        start = self._token
        value = self._list(type_) if op in (Op.IN, Op.NOT_IN) else scalar(self._text, self._advance(), type_)
        plain = op in _EQUALITY and type_ is None
        if not plain and any(_is_nan(each) for each in (value if isinstance(value, tuple) else (value,))):
            raise refusal(self._text, start.start, "nan goes with = and !=, and with metrics", expected="a number")
        return value

    def _list(self, type_: FieldType | None) -> tuple[Scalar, ...]:
        self._require("(", "( and a list of values")
        values = [self._element(type_)]
        while self._accept(",") and not self._token.is_one_of(")"):
            if len(values) == MAX_LIST:
                raise self._too_many("values in the list", MAX_LIST, self._token)
            values.append(self._element(type_))
        self._require(")", ", or )")
        return tuple(values)

    def _element(self, type_: FieldType | None) -> Scalar:
        written = [self._advance()]
        while written[0].kind is self._token.kind is TokenKind.TEXT:
            written.append(self._advance())
        return element(self._text, written, type_)

    def _starts_comparison(self) -> bool:
        return self._token.kind is TokenKind.NAME or self._token.text.startswith('"')

    def _at_end(self) -> bool:
        return self._token.kind is TokenKind.END

    def _skip_ands(self) -> bool:
        skipped = False
        while self._accept("AND"):
            skipped = True
        return skipped

    def _advance(self) -> Token:
        token = self._token
        if token.kind is not TokenKind.END:
            self._token = next(self._tokens)
        return token

    def _accept(self, word: str) -> bool:
        found = self._token.is_one_of(word)
        if found:
            self._advance()
        return found

    def _require(self, word: str, expected: str) -> None:
        if not self._accept(word):
            raise self._expected(expected)

    def _expected(self, expected: str) -> InvalidFilter:
        problem = f"expected {expected}, found {self._token.shown}"
        return refusal(self._text, self._token.start, problem, expected=expected)

    def _too_many(self, things: str, limit: int, token: Token) -> InvalidFilter:
        return refusal(self._text, token.start, f"too many {things}; the limit is {limit}", limit=limit)


def _flat(conditions: list[Condition], kind: type[And | Or]) -> tuple[Condition, ...]:
    return tuple(part for each in conditions for part in (each.conditions if isinstance(each, kind) else (each,)))


def _is_nan(value: Scalar) -> bool:
    return isinstance(value, float) and math.isnan(value)
