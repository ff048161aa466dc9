"""What pages say, and what they take: numbers, times, Markdown, addresses, filters, seals."""

from typing import cast

import pytest

from modelshelf.domain.errors import Forbidden, Invalid
from modelshelf.domain.searchable import MODELS, VERSIONS
from modelshelf.services.registry import Registry
from modelshelf.ui import cookies, formatting, links, listing, statics
from modelshelf.ui.app import parsed
from modelshelf.ui.exchange import Asked, local
from modelshelf.ui.markdown import render
from modelshelf.ui.seals import Seal, new_seal

NOW = 1_800_000_000_000


def _asked(query: str = "", path: str = "/models") -> Asked:
    nobody = cast("Registry", None)
    return Asked(registry=nobody, method="GET", path=path, now_ms=NOW, seal=new_seal(), query=parsed(query.encode()))


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (0, "just now"),
        (5_000, "5 s ago"),
        (120_000, "2 min ago"),
        (3 * 3_600_000, "3 h ago"),
        (2 * 86_400_000, "2 d ago"),
        (12 * 86_400_000, "12 d ago"),
        (90 * 86_400_000, "3 mo ago"),
        (800 * 86_400_000, "2.2 yr ago"),
        (-60_000, "in 1 min"),
    ],
)
def test_times_are_told_by_how_long_ago_they_are(milliseconds: int, told: str) -> None:
    assert formatting.age(NOW - milliseconds, NOW) == told


def test_times_beyond_the_calendar_are_told_as_numbers() -> None:
    assert str(formatting.time_tag(2**62, NOW)) == f"<span>{2**62} ms</span>"
    assert str(formatting.time_tag(None, NOW)) == "—"


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.1 + 0.2, "0.3"), (float("nan"), "NaN"), (1.7976931348623157e308, "∞"), (12345, "12,345"), (1e-9, "1e-09")],
)
def test_numbers_are_told_in_six_digits(value: float, told: str) -> None:
    assert formatting.number(value) == told


@pytest.mark.parametrize(("count", "told"), [(0, "0 B"), (999, "999 B"), (3_510, "3.51 kB"), (10**9, "1 GB")])
def test_sizes_are_told_in_units(count: int, told: str) -> None:
    assert formatting.size(count) == told


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,x)",
        "![x](http://example.com/x.png)",
        "<img src=x onerror=alert(1)>",
        '[x](http://a "onmouseover=alert(1)")',
    ],
)
def test_markdown_becomes_nothing_that_runs_or_loads(text: str) -> None:
    html = str(render(text))

    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:" not in html.replace("(javascript:alert(1))", "")
    assert "data:text" not in html.replace("(data:text/html,x)", "")
    assert " onerror=" not in html.replace("&lt;img src=x onerror=alert(1)&gt;", "")


def test_markdown_keeps_what_is_meant_and_stays_below_the_headings_of_the_page() -> None:
    html = str(render("# Title\n\n**bold** [link](https://example.com)\n\n| a |\n|---|\n| 1 |"))

    assert "<h3>Title</h3>" in html
    assert "<strong>bold</strong>" in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "<td>1</td>" in html


def test_addresses_hold_every_name() -> None:
    assert links.model("a b#c?d%é") == "/models/a%20b%23c%3Fd%25%C3%A9"
    assert links.version("x", 3, "/tag", key="a&b") == "/models/x/versions/3/tag?key=a%26b"
    assert links.compare("models/x/1", "runs/2") == "/compare?of=models%2Fx%2F1&of=runs%2F2"


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "", "models", "/a\r\nset-cookie: x", "/é"]
)
def test_nobody_is_sent_to_another_site(place: str) -> None:
    assert local(place) == "/"


def test_a_link_to_the_same_page_keeps_what_was_chosen_and_begins_anew() -> None:
    asked = _asked("q=name+%3D+%27x%27&col=name&col=tags&page=abc")

    assert asked.here(sort="-name") == "/models?q=name%20%3D%20%27x%27&col=name&col=tags&sort=-name"
    assert asked.here(q=None, col=None) == "/models"


@pytest.mark.parametrize(
    ("query", "filter_"),
    [
        ("", ""),
        ("q=churn", "(name ILIKE '%churn%')"),
        ("q=big+churn", "(name ILIKE '%big%' AND name ILIKE '%churn%')"),
        ("q=@production", "(alias IN ('production'))"),
        ("q=name+%3D+%27x%27+OR+name+%3D+%27y%27", "(name = 'x' OR name = 'y')"),
        ("alias=it%27s&stage=Production", "alias IN ('it\\'s') AND stage IN ('Production')"),
        ("tag=team%3Drisk", "tags.`team` IN ('risk')"),
        ("tag=team", "tags.`team` IS NOT NULL"),
    ],
)
def test_what_was_typed_becomes_a_filter(query: str, filter_: str) -> None:
    found = listing.read(_asked(query), MODELS, words="name", order=("name",))

    assert (found.filter, found.error) == (filter_, "")


@pytest.mark.parametrize("query", ["q=name+%3D", "q=a+AND+b", "sort=wat", "q=%28"])
def test_a_fault_is_told_with_a_caret_under_it(query: str) -> None:
    found = listing.read(_asked(query), MODELS, words="name", order=("name",))

    assert found.error.splitlines()[-1].strip() == "^"


def test_orders_name_keys_as_the_registry_does() -> None:
    found = listing.read(_asked("sort=-metrics.a+b"), VERSIONS, words="description", order=())

    assert found.order_by == ("metrics.`a b` DESC",)


def test_a_seal_fits_its_browser_alone() -> None:
    seal, other = Seal("a" * 32), Seal("b" * 32)
    value = seal.value()

    seal.check(value)

    assert seal.value() != value
    for held, sent in ((other, value), (seal, ""), (seal, value[:-1] + "é"), (new_seal(), value)):
        with pytest.raises(Forbidden):
            held.check(sent)


def test_cookies_that_are_not_ours_are_passed_over() -> None:
    found = cookies.read([(b"cookie", b'a="x"; modelshelf_theme=dark; \xff=1'), (b"cookie", b"modelshelf_flash=!")])

    assert found == {"modelshelf_theme": "dark"}
    assert cookies.flashed({"modelshelf_flash": "%%%"}) == ""
    assert cookies.theme({"modelshelf_theme": "pink"}) == "auto"


def test_a_message_survives_its_cookie() -> None:
    header = cookies.flash("@prod of “é” moved")[1].decode()

    assert cookies.flashed({"modelshelf_flash": header.partition("=")[2].partition(";")[0]}) == "@prod of “é” moved"


@pytest.mark.parametrize("content", [b"a=%ff", "a=é".encode(), b"&".join(b"a=1" for _ in range(600))])
def test_forms_that_cannot_be_read_are_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(content)


def test_static_files_are_kept_for_ever_under_their_digest_alone() -> None:
    url = statics.url("shelf.css")

    assert statics.find(url) == (statics.files()["shelf.css"], b"public, max-age=31536000, immutable")
    assert statics.find("/static/old/shelf.css") == (statics.files()["shelf.css"], b"no-cache")
    assert statics.find("/static/x/../app.py") is None


def test_scripts_and_styles_hold_nothing_of_others() -> None:
    for static in statics.files().values():
        text = static.content.decode()

        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text
        assert "innerHTML" not in text
        assert "eval(" not in text
