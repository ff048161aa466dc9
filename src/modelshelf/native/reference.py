"""The OpenAPI document as a page to read: plain HTML, one stylesheet, no script, nothing from elsewhere."""

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any

from modelshelf.native import openapi

Json = dict[str, Any]

STYLE = b"""\
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
nav ul { columns: 18rem; padding-left: 1rem; }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
h3 code { background: var(--soft); padding: 0.2rem 0.4rem; border-radius: 4px; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); padding: 0.3rem 0.6rem 0.3rem 0; }
a { color: inherit; }
"""
_QUOTED = re.compile(r"`([^`]+)`")


@lru_cache(maxsize=1)
def page() -> bytes:
    """The page. Made once."""
    content = openapi.content()
    by_tag: dict[str, list[tuple[str, str, Json]]] = {}
    for path, verbs in content["paths"].items():
        for verb, told in verbs.items():
            by_tag.setdefault(told["tags"][0], []).append((verb.upper(), path, told))
    info = content["info"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Modelshelf API</title>',
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="docs.css"></head><body>',
        f"<h1>Modelshelf API {escape(info['version'])}</h1>",
        *(f"<p>{_prose(paragraph)}</p>" for paragraph in info["description"].split("\n\n")),
        '<p>The same for programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>',
        "<nav>",
        *(_contents(tag, entries) for tag, entries in by_tag.items()),
        '<p><a href="#types">Types</a></p></nav><main>',
        *(_area(tag, entries) for tag, entries in by_tag.items()),
        _types(content["components"]["schemas"]),
        "</main></body></html>",
    ]
    return "\n".join(parts).encode()


def _contents(tag: str, entries: list[tuple[str, str, Json]]) -> str:
    items = (f'<li><a href="#{_id(told)}">{escape(told["operationId"])}</a></li>' for _, _, told in entries)
    return f"<p><a href='#{escape(tag)}'>{escape(tag)}</a></p><ul>{''.join(items)}</ul>"


def _area(tag: str, entries: list[tuple[str, str, Json]]) -> str:
    return f'<h2 id="{escape(tag)}">{escape(tag)}</h2>' + "".join(_section(*entry) for entry in entries)


def _section(verb: str, path: str, told: Json) -> str:
    status, answer = next(iter(told["responses"].items()))
    says = told.get("description") or told["summary"]
    return (
        f'<section id="{_id(told)}"><h3><code>{verb} {escape(path)}</code></h3><p>{_prose(says)}</p>'
        f"{_parameters(told)}<p>Answers {status}: {_answer(answer)}</p></section>"
    )


def _parameters(told: Json) -> str:
    rows = [(each["name"], each["in"], each["required"], each["schema"]) for each in told["parameters"]]
    for kind, body in told.get("requestBody", {}).get("content", {}).items():
        schema = body["schema"]
        if "properties" not in schema:
            rows.append(("", kind, True, schema))
        needed = schema.get("required", ())
        rows += [(name, "body", name in needed, inner) for name, inner in schema.get("properties", {}).items()]
    if not rows:
        return ""
    cells = (
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(place)}</td><td>{'needed' if needed else ''}</td>"
        f"<td>{_type(schema)}</td></tr>"
        for name, place, needed, schema in rows
    )
    return f"<table><tr><th>name</th><th>in</th><th></th><th>type</th></tr>{''.join(cells)}</table>"


def _answer(answer: Json) -> str:
    kinds = answer.get("content", {})
    return (
        " or ".join(f"{_type(body['schema'])} <small>{escape(kind)}</small>" for kind, body in kinds.items())
        or "nothing"
    )


def _types(schemas: Mapping[str, Json]) -> str:
    return '<h2 id="types">Types</h2>' + "".join(
        f'<section id="type-{escape(name)}"><h3><code>{escape(name)}</code></h3>{_fields(schema)}</section>'
        for name, schema in sorted(schemas.items())
    )


def _fields(schema: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(inner)}</td></tr>"
        for name, inner in schema.get("properties", {}).items()
    )
    says = f"<p>{_prose(schema.get('description', ''))}</p>"
    return f"{says}<table>{rows}</table>" if rows else f"{says}<p>{_type(schema)}</p>"


def _type(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        shown = f'<a href="#type-{name}">{name}</a>'
    elif "anyOf" in schema:
        shown = " or ".join(map(_type, schema["anyOf"]))
    elif "enum" in schema:
        shown = " | ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    elif schema.get("type") == "array":
        shown = f"list of {_type(schema['items']) if schema.get('items') else 'values'}"
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        shown = f"object of {_type(schema['additionalProperties'])}"
    else:
        kind = schema.get("type", "any")
        shown = escape(" or ".join(kind) if isinstance(kind, list) else kind)
    default = schema.get("default")
    return shown if default in (None, "", [], {}) else f"{shown} = <code>{escape(str(default))}</code>"


def _prose(text: str) -> str:
    return _QUOTED.sub(r"<code>\1</code>", escape(text))


def _id(told: Json) -> str:
    return escape(told["operationId"].replace(".", "-"))
