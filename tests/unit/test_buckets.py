"""Which bucket a URI names, with which keys, and how requests to it are signed."""

from pathlib import Path

import pytest

from modelshelf.blobs.bucket_refusals import refusal
from modelshelf.blobs.buckets import BucketUri, S3Keys, s3_keys
from modelshelf.blobs.s3_requests import Signer, region_in
from modelshelf.domain.errors import Invalid

KEYS = S3Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MAY_24_2013_MS = 1_369_353_600_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("s3://models", BucketUri("s3", "models", "")),
        ("s3://models/", BucketUri("s3", "models", "")),
        ("gs://models/team/a=b/", BucketUri("gs", "models", "team/a=b")),
        ("az://models/v1.2", BucketUri("az", "models", "v1.2")),
    ],
)
def test_a_uri_names_a_bucket_and_a_prefix(text: str, found: BucketUri) -> None:
    assert BucketUri.parse(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///models",
        "http://models/x",
        "s3://key:secret@models/x",
        "s3://models:9000/x",
        "s3://models/../other",
        "s3://models/a//b",
        "s3://models/a?versionId=1",
        "s3://models/a b",
        "s3://models/a%2F..",
    ],
)
def test_what_names_no_bucket_is_refused_without_telling_a_secret(text: str) -> None:
    with pytest.raises(Invalid, match="names no bucket") as refused:
        BucketUri.parse(text)

    assert "secret" not in f"{refused.value} {refused.value.details}"


def test_keys_come_from_the_environment_first_and_then_from_a_profile(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = d\naws_secret_access_key = ds%\n[team]\naws_access_key_id = t\n")
    profiles = {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    both = {**profiles, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}

    assert s3_keys(both) == S3Keys("k", "s", "t")
    assert s3_keys(profiles) == S3Keys("d", "ds%")
    assert s3_keys({**profiles, "AWS_PROFILE": "team"}) is None
    assert s3_keys({**profiles, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}) is None
    assert s3_keys({"HOME": str(tmp_path / "nobody")}) is None
    with pytest.raises(Invalid, match="no profile 'other'"):
        s3_keys({**profiles, "AWS_PROFILE": "other"})


def test_keys_are_never_shown() -> None:
    assert KEYS.secret_key not in repr(KEYS)
    assert KEYS.secret_key not in repr(Signer(KEYS, "us-east-1"))


def test_a_signature_is_the_one_of_amazons_own_example() -> None:
    url = "https://examplebucket.s3.amazonaws.com/test.txt"

    signed = Signer(KEYS, "us-east-1").sign("GET", url, {}, expires_s=86_400, now_ms=MAY_24_2013_MS)

    assert signed.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    assert region_in(signed) == "us-east-1"


def test_a_refusal_tells_what_to_do() -> None:
    texts = {
        "status code: 404 Not Found: <Code>NoSuchBucket</Code>": "there is no bucket at s3://b",
        "status code: 403 Forbidden: <Code>SignatureDoesNotMatch</Code>": "refuses these credentials",
        "status code: 503 Service Unavailable: <Code>SlowDown</Code>": "fails; try again",
        "Error performing PUT http://169.254.169.254/latest/api/token": "AWS_ACCESS_KEY_ID",
        "HTTP error: error sending request": "does not answer",
        "status code: 301 Moved": "AWS_REGION",
        "status code: 400 Bad Request: <Code>InvalidRequest</Code>": "refuses a request",
    }

    for text, told in texts.items():
        assert told in refusal(OSError(text), "s3://b").message
