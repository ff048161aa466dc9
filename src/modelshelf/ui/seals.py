"""What a form carries so that only a page of ours can have made it: a value bound to a cookie of this browser."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from modelshelf.domain.errors import Forbidden

FIELD: Final = "seal"
COOKIE: Final = "modelshelf_browser"
_SALT = 16


@dataclass(frozen=True, slots=True)
class Seal:
    """`secret` is the cookie: that of the session where there is one, else one that names the browser and nothing more.

    Each page has another value, so that compression tells nothing about it.
    """

    secret: str
    is_new: bool = False
    """Whether the browser has yet to be told."""

    def value(self) -> str:
        """A value for the forms of one page."""
        salt = secrets.token_hex(_SALT // 2)
        return salt + self._mark(salt)

    def check(self, value: str) -> None:
        """Raise Forbidden unless a page that was sent to this browser had the value."""
        salt, mark = value[:_SALT], value[_SALT:]
        if self.is_new or not hmac.compare_digest(mark.encode(), self._mark(salt).encode()):
            raise Forbidden(
                "the form was not sent by a page of this browser, or the page is too old; nothing was changed. "
                "Go back, load the page again and send it once more (cookies have to be allowed)"
            )

    def _mark(self, salt: str) -> str:
        return hmac.new(self.secret.encode(), salt.encode(), hashlib.sha256).hexdigest()


def new_seal() -> Seal:
    """For a browser that has no cookie yet."""
    return Seal(secrets.token_hex(16), is_new=True)
