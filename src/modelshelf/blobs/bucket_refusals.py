"""What object stores refuse, in the words of the errors: which bucket, why, and the way out, but no secret."""

import re

from modelshelf.domain.errors import Unavailable

_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_METADATA_SERVICES = ("169.254.169.254", "169.254.170.", "metadata.google.internal")
_NOT_REACHED = ("error sending request", "operation timed out", "error decoding response", "request or response body")


def refusal(error: BaseException, place: str) -> Unavailable:
    """The error of an object store as one of ours; where its text tells no cause, the kind of error stands for one."""
    text = str(error).partition("Debug source")[0]
    code, status = _first(_CODE, text), _first(_STATUS, text)
    reason = " ".join(part for part in (status, code) if part) or type(error).__name__
    return Unavailable(f"{_what(text, code, status, place)} ({reason})", place=place, reason=reason)


def tells_of_no_bucket(error: BaseException) -> bool:
    """Whether it is the bucket that is not there, not an object in it; the answer to a HEAD doesn't tell."""
    return any(f"<Code>{code}</Code>" in str(error) for code in _NO_BUCKET)


def _what(text: str, code: str, status: str, place: str) -> str:
    if any(service in text for service in _METADATA_SERVICES):
        return f"there are no credentials for {place}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or their like"
    if code in _NO_BUCKET or status == "404":
        return f"there is no bucket at {place}; make it, or correct the destination"
    if status in {"401", "403"} or "Unauthenticated" in text:
        return f"the bucket {place} refuses these credentials; correct them, or grant them access"
    if status in {"301", "307"}:
        return f"the bucket {place} is in another region; name it with AWS_REGION"
    if status == "429" or status.startswith("5"):
        return f"the object store of {place} fails; try again"
    if not status and any(sign in text for sign in _NOT_REACHED):
        return f"the object store of {place} does not answer; try again, or correct its address (AWS_ENDPOINT_URL)"
    return f"the object store of {place} refuses a request"


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
