"""Lines of log that a thread writes."""

import json
import os
from typing import Any

from modelshelf.hosting.log_lines import MOST_WAITING, LineWriter


def _shown(entry: Any) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _lost(lines: int) -> Any:
    return {"lost": lines}


def _read(descriptor: int) -> list[Any]:
    with os.fdopen(descriptor, "rb") as file:
        return [json.loads(line) for line in file]


def test_what_was_added_is_written_in_order_when_the_writer_is_closed() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing, _shown, _lost)

    for number in range(1000):
        writer.add(number)
    writer.close()
    os.close(writing)

    assert _read(reading) == list(range(1000))


def test_what_is_added_after_the_end_is_written_too() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing, _shown, _lost)
    writer.close()

    writer.add("late")
    os.close(writing)

    assert _read(reading) == ["late"]


def test_an_urgent_line_is_there_before_the_end() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing, _shown, _lost)

    writer.add("failed", urgent=True)

    assert os.read(reading, 100) == b'"failed"\n'
    writer.close()
    os.close(writing)
    os.close(reading)


def test_where_nobody_reads_lines_are_dropped_and_counted_and_nobody_waits() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing, _shown, _lost)
    long = "x" * 1000

    for _ in range(MOST_WAITING + 5_000):
        writer.add(long)
    lines, told = [], 0
    with os.fdopen(reading, "rb") as file:
        while len(lines) + told < MOST_WAITING + 5_000:
            line = json.loads(file.readline())
            if isinstance(line, dict):
                told += line["lost"]
            else:
                lines.append(line)
    writer.close()
    os.close(writing)

    assert told > 0
    assert set(lines) == {long}


def test_an_entry_that_cannot_be_shown_costs_only_itself() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing, _shown, _lost)

    for entry in ("before", {1, 2}, "after"):
        writer.add(entry)
    writer.close()
    os.close(writing)

    assert [line for line in _read(reading) if isinstance(line, str)] == ["before", "after"]
