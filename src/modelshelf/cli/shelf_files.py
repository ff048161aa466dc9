"""Files that declare gates, protected names and webhooks: strict YAML, whose faults are told with their lines."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelshelf.domain.declared import Declaration, declaration_of
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.domain.targets import target

if TYPE_CHECKING:
    from yaml.nodes import Node

DEFAULT = Path("shelf.yaml")
_LIMIT = 1024 * 1024
_NESTING_LIMIT = 20
_NUMBER_LIMIT = 50
"""Characters of what is no text: longer numbers take YAML long to read, and nothing needs them."""
_TEXT = "tag:yaml.org,2002:str"
_HEADER = """\
# The gates, protected names and webhooks of a shelf. modelshelf plan tells how the shelf differs from this file, and
# modelshelf apply makes it so. Secrets are not here: name their variables with secret_env, and those of URLs that are
# secrets themselves (chats have such) with url_env.
"""
_LAST_PART = re.compile(r"(\.[^.\[]*|\[\d+\])$")


def read(path: Path, variables: Mapping[str, str]) -> Declaration:
    """What a file declares, with URLs from variables where these are set. Raises Invalid, with file and line."""
    if not path.is_file():
        raise NotFound(
            f"there is no file {path}; modelshelf plan --export writes one of what the shelf has now", path=str(path)
        )
    with path.open("rb") as stream:
        content = stream.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise Invalid(f"{path}: it is larger than {_LIMIT:,} bytes, which is the limit", path=str(path))
    document, lines = _parsed(path, content)
    try:
        return _with_urls(declaration_of(document), variables)
    except Invalid as error:
        place = str(error.details.get("path", ""))
        line = _line(place, lines)
        at = f"{place}: " if place else ""
        details = {**error.details, "path": place, "line": line, "file": str(path)}
        raise Invalid(f"{path}:{line}: {at}{error.message}", **details) from None


def text_of(document: dict[str, Any]) -> str:
    """A file's text for a document."""
    import yaml

    class Written(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return _HEADER + yaml.dump(document, Dumper=Written, sort_keys=False, allow_unicode=True, width=110)


def _parsed(path: Path, content: bytes) -> tuple[Any, dict[str, int]]:
    """The plain values of a file, and the line of each key and entry by its path, such as `gates[2].auto`."""
    import yaml

    try:
        loader = yaml.SafeLoader(content)
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines = dict(_lines_of(path, node, "", set()))
        return loader.construct_document(node), lines
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        hint = "; quote a pattern that begins with *" if "alias" in str(getattr(error, "context", "")) else ""
        told = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)[:200]
        raise _refused(path, mark.line if mark else 0, f"it is no YAML that can be read: {told}{hint}") from None


def _lines_of(path: Path, node: "Node", place: str, met: set[int]) -> Iterator[tuple[str, int]]:
    """The lines of all below a node. What is referred to would come twice, and could grow without a limit."""
    import yaml

    if id(node) in met:
        raise _refused(path, node.start_mark.line, "anchors that are referred to (&name, *name) are not taken")
    met.add(id(node))
    if place.count(".") + place.count("[") > _NESTING_LIMIT:
        raise _refused(path, node.start_mark.line, f"it is nested more than {_NESTING_LIMIT} times")
    if isinstance(node, yaml.ScalarNode) and node.tag != _TEXT and len(node.value) > _NUMBER_LIMIT:
        raise _refused(path, node.start_mark.line, f"a number of more than {_NUMBER_LIMIT} characters; quote a text")
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            yield from _lines_of(path, item, f"{place}[{at}]", met)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            inner = f"{place}.{key.value}" if place else str(key.value)
            if inner in seen:
                raise _refused(path, key.start_mark.line, f"{inner} is said twice")
            seen.add(inner)
            yield from _lines_of(path, value, inner, met)
            yield inner, key.start_mark.line + 1


def _refused(path: Path, line: int, message: str) -> Invalid:
    return Invalid(f"{path}:{line + 1}: {message}", file=str(path), line=line + 1)


def _line(place: str, lines: Mapping[str, int]) -> int:
    while place and place not in lines:
        shorter = _LAST_PART.sub("", place)
        place = "" if shorter == place else shorter
    return lines.get(place, 1)


def _with_urls(declaration: Declaration, variables: Mapping[str, str]) -> Declaration:
    webhooks = list(declaration.webhooks)
    for at, webhook in enumerate(webhooks):
        url = variables.get(webhook.url_env, "") if webhook.url_env else ""
        if not url:
            continue
        try:
            target(url)
        except Invalid:
            # What the variable holds may be secret, and a mistake with it more so: it is not repeated.
            raise Invalid(
                f"{webhook.url_env} holds no URL that can be used: it begins with https:// or http://, has no user, "
                "password or fragment in it, and only printable ASCII",
                path=f"webhooks[{at}].url_env",
            ) from None
        webhooks[at] = replace(webhook, url=url)
    return replace(declaration, webhooks=tuple(webhooks))
