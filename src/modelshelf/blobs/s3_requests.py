"""Requests to S3 that are authorised by their URLs, with signatures of version 4."""

import hashlib
import hmac
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

from modelshelf.blobs.buckets import S3Keys
from modelshelf.domain.errors import Unavailable

_ALGORITHM = "AWS4-HMAC-SHA256"
_TRIES, _TIMEOUT_S = 4, 300
_ANSWER_LIMIT = 1 << 20
_CODE = re.compile(r"<Error>.*?<Code>(\w{1,64})</Code>", re.DOTALL)


class Answer(NamedTuple):
    """What S3 answered; `error` is its code, or empty: an error may come with the status 200, too."""

    status: int
    error: str
    body: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs URLs of one bucket in one region."""

    keys: S3Keys
    region: str

    def sign(self, method: str, url: str, query: Mapping[str, str], *, expires_s: int, now_ms: int) -> str:
        """The URL with a query that allows the one method, with that query and any body, for so many seconds."""
        stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        parts = urlsplit(url)
        path = quote(unquote(parts.path), safe="/-_.~")
        asked = {
            **query,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.keys.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(expires_s),
            "X-Amz-SignedHeaders": "host",
        }
        if self.keys.token:
            asked["X-Amz-Security-Token"] = self.keys.token
        written = "&".join(f"{quote(name, safe='-_.~')}={quote(asked[name], safe='-_.~')}" for name in sorted(asked))
        request = "\n".join((method, path, written, f"host:{parts.netloc}\n", "host", "UNSIGNED-PAYLOAD"))
        text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
        signature = hmac.new(self._key(scope), text.encode(), hashlib.sha256).hexdigest()
        return f"{parts.scheme}://{parts.netloc}{path}?{written}&X-Amz-Signature={signature}"

    def _key(self, scope: str) -> bytes:
        key = f"AWS4{self.keys.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def region_in(signed_url: str) -> str:
    """The region that a signed URL is for."""
    return parse_qs(urlsplit(signed_url).query)["X-Amz-Credential"][0].split("/")[2]


def ask(method: str, url: str, body: bytes, *, place: str, tls: ssl.SSLContext | None) -> Answer:
    """Asks again where the store fails. Raises Unavailable where it goes on failing, or doesn't answer."""
    answer = None
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(0.1 * 4**attempt / 4)
        answer = _ask_once(method, url, body, tls)
        if answer is not None and answer.status < 500 and answer.status != 429 and answer.error != "InternalError":
            return answer
    reason = f"{answer.status} {answer.error}".strip() if answer else "no answer"
    raise Unavailable(f"the object store of {place} fails ({reason}); try again", place=place, reason=reason)


def _ask_once(method: str, url: str, body: bytes, tls: ssl.SSLContext | None) -> Answer | None:
    """The scheme is the one of the address that the administrator gave."""
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=tls) as answer:  # noqa: S310
            return _read(answer.status, answer.read(_ANSWER_LIMIT))
    except urllib.error.HTTPError as error:
        with error:
            return _read(error.code, error.read(_ANSWER_LIMIT))
    except OSError:
        return None


def _read(status: int, body: bytes) -> Answer:
    text = body.decode(errors="replace")
    found = _CODE.search(text)
    return Answer(status, found[1] if found else "", text)
