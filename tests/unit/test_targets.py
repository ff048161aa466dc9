"""URLs of webhooks: read once, by one parser, which refuses what could be read in two ways."""

import pytest

from modelshelf.domain.errors import Invalid
from modelshelf.domain.targets import Target, target

_LONG = "a" * 64


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://ci.example.com", Target("https", "ci.example.com", 443, "/")),
        ("HTTPS://CI.Example.com:8443/Hook?a=b%20c", Target("https", "ci.example.com", 8443, "/Hook?a=b%20c")),
        ("http://203.0.113.7/x", Target("http", "203.0.113.7", 80, "/x")),
        ("http://[2001:DB8::1]:81?q", Target("http", "2001:db8::1", 81, "/?q")),
        ("https://hooks_a.example/T0/B0/x-y_z~", Target("https", "hooks_a.example", 443, "/T0/B0/x-y_z~")),
    ],
)
def test_a_url_is_read_into_its_parts(url: str, parts: Target) -> None:
    assert target(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            " ",
            "nope",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://x/",
            "//example.com/",
            "https:/x",
            "https://",
        ),
        *("https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/", "https://a@b@c/"),
        *(
            "https://example.com:pw@169.254.169.254/",
            "https://169.254.169.254#@example.com/",
            "https://a\\@example.com/",
        ),
        *(
            "https://exa mple.com/",
            "https://example.com/a b",
            "https://example.com/\r\nX-Evil: 1",
            "https://example.com/\0",
        ),
        *("https://example.com/ü", "https://exämple.com/", "https://example。com/", "https://example.com\\.evil.com/"),
        *("http://127.1/", "http://0177.0.0.1/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://2130706433/"),
        *("http://017700000001/", "http://1.2.3/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://127.0.0.1./"),
        *(
            "http://[::1/",
            "http://::1/",
            "http://[::1%25eth0]/",
            "http://[fe80::1%eth0]/",
            "http://[v1.x]/",
            "http://[]/",
        ),
        *("http://example.com:0/", "http://example.com:65536/", "http://example.com:/", "http://example.com:80:80/"),
        *("http://.example.com/", "http://a..b/", "http://-a.com/", "http://a-/", f"http://{_LONG}.com/"),
        "https://example.com/" + "a" * 2000,
        "http://" + "a." * 130 + "com/",
        5,
        None,
    ],
    ids=repr,
)
def test_what_has_no_reading_or_two_is_refused(url: object) -> None:
    with pytest.raises(Invalid):
        target(url)


def test_what_is_told_of_a_url_holds_no_secret() -> None:
    assert target("https://hooks.example.com/T00/B00/secret?token=x").origin == "https://hooks.example.com"
