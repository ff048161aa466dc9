"""Answers to reads that are still right: nothing was committed since they were made."""

from modelshelf.domain.access import Actor

MOST_ANSWERS = 4_096
MOST_BYTES = 16 * 1024

Asked = tuple[Actor, str, bytes]
"""Who asks, the path and the query."""


class Answers:
    """Of one process, used on its event loop alone.

    Whoever asks tells the state of the database, see `Registry.state`, which was read before the answer was made: an
    answer counts as long as the state is that one.
    """

    def __init__(self) -> None:
        self._state: int | None = None
        self._answers: dict[Asked, bytes] = {}

    def get(self, asked: Asked, state: int) -> bytes | None:
        """The answer, if it is still right."""
        if state != self._state:
            self._state = state
            self._answers.clear()
            return None
        return self._answers.get(asked)

    def put(self, asked: Asked, answer: bytes) -> None:
        """Keep an answer that was made after `get` had been told the state."""
        if len(answer) + len(asked[2]) <= MOST_BYTES and len(self._answers) < MOST_ANSWERS:
            self._answers[asked] = answer
