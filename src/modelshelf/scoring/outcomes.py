"""What requests were worth in the end, told by those who find out later."""

import msgspec

from modelshelf.domain.errors import Invalid
from modelshelf.scoring.predictions import encode
from modelshelf.scoring.refusals import Answer
from modelshelf.sdk.following import Follower

MOST_OUTCOMES = 1_000


class Outcome(msgspec.Struct, forbid_unknown_fields=True):
    """The worth of one request, of which more is better."""

    request_id: str
    value: float


def take(body: bytes, follower: Follower) -> Answer:
    """Count an outcome, or a list of them; the answer tells how many belong to a rollout. Raises Invalid."""
    try:
        given = msgspec.json.decode(body, type=Outcome | list[Outcome])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f'send {{"request_id": "...", "value": 1.0}}, or a list of such objects: {error}') from error
    told = given if isinstance(given, list) else [given]
    if len(told) > MOST_OUTCOMES:
        raise Invalid(f"{len(told)} outcomes at once; the limit is {MOST_OUTCOMES}", limit=MOST_OUTCOMES)
    return Answer(200, encode({"counted": sum(follower.tell(each.request_id, each.value) for each in told)}))
