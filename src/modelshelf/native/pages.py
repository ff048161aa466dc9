"""What is told about the API and whoever calls it: the OpenAPI document, its readable page, and the caller."""

from collections.abc import Mapping

from modelshelf.native import wire
from modelshelf.native.exchange import Exchange, Stream

_JSON = (b"content-type", wire.JSON)
_HTML = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
]


async def document(at: Exchange) -> None:
    """Send the OpenAPI document."""
    from modelshelf.native import openapi  # loaded when somebody asks for it, as those below

    await at.answer(200, [_JSON], openapi.document())


async def page(at: Exchange) -> None:
    """Send the document as a page."""
    from modelshelf.native import reference

    await at.answer(200, _HTML, reference.page())


async def stylesheet(at: Exchange) -> None:
    """Send the page's stylesheet."""
    from modelshelf.native import reference

    await at.answer(200, [(b"content-type", b"text/css; charset=utf-8")], reference.STYLE)


async def caller(at: Exchange) -> None:
    """Send who is asking, as the ledger would have it."""
    await at.answer(200, [_JSON], wire.encode(at.registry.actor))


STREAMS: Mapping[tuple[str, str], Stream] = {
    ("GET", "/me"): caller,
    ("GET", "/openapi.json"): document,
    ("GET", "/docs"): page,
    ("GET", "/docs.css"): stylesheet,
}
