"""One server as the client speaks to it: operations as requests, answers as values or as the errors they were."""

import uuid
from collections.abc import Mapping
from types import NoneType
from typing import Any
from urllib.parse import quote, urlencode

from modelshelf.domain.errors import Invalid, Unavailable
from modelshelf.native import wire
from modelshelf.native.credentials import Credentials
from modelshelf.native.operations import PREFIX, Operation
from modelshelf.native.shapes import Shape, as_meant, is_list, text_for_path
from modelshelf.native.transport import Answer, Body, Transport

_METRICS = frozenset({"points", "metrics"})
_NOTHING = frozenset({None, NoneType})


class Server:
    """One server and how to speak to it: requests carry who is asking, refusals become the errors that they were."""

    def __init__(self, transport: Transport, credentials: Credentials, place: str) -> None:
        self._transport, self.place = transport, place
        self._headers = {"Accept": "application/json", "User-Agent": "modelshelf"}
        if credentials.header:
            self._headers["Authorization"] = credentials.header

    def send(
        self,
        verb: str,
        path: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Send a request to a path below the API's own. Raises what the registry there raised, and Unavailable."""
        all_headers = {**self._headers, **(headers or {})}
        answer = self._transport.send(verb, PREFIX + path, headers=all_headers, body=body, repeatable=repeatable)
        if answer.status >= 300:
            raise wire.error_from(answer.status, answer.read(), place=self.place)
        return answer

    def call(self, operation: Operation, found: Shape, given: dict[str, Any]) -> Any:
        """Have an operation done, with arguments by their names."""
        path = _path(operation, found, given)
        headers, body = {}, None
        if operation.in_query:
            path += _query(given, found)
        else:
            headers["Content-Type"] = "application/json"
            body = wire.encode_request(_with_finite(given) if found.has_points else given)
        if operation.once:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        answer = self.send(
            operation.verb, path, body=body, headers=headers, repeatable=operation.repeatable or operation.once
        )
        content = answer.read()
        if found.answer in _NOTHING:
            return None
        try:
            told = wire.decode(content, found.answer, points=operation.area == "tracking")
        except Invalid as error:
            raise Unavailable(
                f"{self.place} answered what this version does not understand ({error.message}); is it a Modelshelf "
                "server, and is one of the two in need of an upgrade?"
            ) from None
        return as_meant(told)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _path(operation: Operation, found: Shape, given: dict[str, Any]) -> str:
    """The operation's path, with those arguments that have a place in it taken out of the others."""
    path = operation.path
    for name in operation.places:
        text = text_for_path(given.pop(name), found.parameters[name])
        try:
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        except UnicodeEncodeError as error:
            raise Invalid(f"the {name} is not valid Unicode: {error.reason}", field=name) from None
    return path


def _query(given: Mapping[str, Any], found: Shape) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        if is_list(found.parameters[name].type):
            if isinstance(value, str):
                raise Invalid(f"{name} is a list, not one text; write [{value!r}]", field=name)
            pairs += [(name, str(each)) for each in value]
        elif isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif value is not None:
            pairs.append((name, str(value)))
    try:
        return f"?{urlencode(pairs)}" if pairs else ""
    except UnicodeEncodeError as error:
        raise Invalid(f"a text that is not valid Unicode cannot be sent: {error.reason}") from None


def _with_finite(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: wire.finite(value) if name in _METRICS else value for name, value in given.items()}
