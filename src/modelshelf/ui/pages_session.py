"""Coming in and going out, and how the pages look."""

from modelshelf.ui import cookies, seals
from modelshelf.ui.exchange import Answer, Asked, Routes, local, redirect
from modelshelf.ui.rendering import page

SIGN_IN = "/signin"
THEME = "/theme"
_YEAR = 365 * 24 * 60 * 60


def ask(asked: Asked) -> Answer:
    """The form; where nobody has to sign in there is none."""
    if not asked.signs_in:
        return redirect("/")
    return page(asked, "signin.html", title="Sign in", refusal="")


def sign_in(asked: Asked) -> Answer:
    """Who comes here has been recognised: open a session, under a secret that no page had before."""
    if not asked.signs_in:
        return redirect("/")
    secret = asked.registry.sessions.open()
    cookie = cookies.write(cookies.SESSION, secret, is_secure=asked.is_secure)
    return redirect(local(asked.field("next")), headers=(cookie,))


def sign_out(asked: Asked) -> Answer:
    """End the session, here and in the database."""
    if asked.signs_in:
        asked.registry.sessions.close(asked.seal.secret)
    ended = tuple(cookies.write(name, "", seconds=0) for name in (cookies.SESSION, seals.COOKIE))
    return redirect(SIGN_IN if asked.signs_in else "/", headers=ended)


def choose_theme(asked: Asked) -> Answer:
    """Light, dark, or as the machine has it."""
    wanted = asked.field("theme")
    chosen = wanted if wanted in cookies.THEMES else cookies.THEMES[0]
    cookie = (b"set-cookie", f"{cookies.THEME}={chosen}; Path=/; Max-Age={_YEAR}; SameSite=Lax".encode())
    return redirect(local(asked.field("next")), headers=(cookie,))


ROUTES: Routes = {
    ("GET", SIGN_IN): ask,
    ("POST", SIGN_IN): sign_in,
    ("POST", "/signout"): sign_out,
    ("POST", THEME): choose_theme,
}
