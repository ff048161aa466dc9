"""Searches use the index that serves them best, on both databases, with and without statistics."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from big_shelf import GIANT, fill
from modelshelf.connect import connect
from modelshelf.database import search
from modelshelf.database.search_pages import Search
from modelshelf.database.versions import newest
from modelshelf.domain.search import parse_filter, parse_order
from modelshelf.domain.searchable import RUNS, VERSIONS
from modelshelf.domain.tracking import Lifecycle
from modelshelf.services.registry import Registry
from query_plans import Recording

VERSION_COUNT = 5_000
FEW = [
    (
        f"name = '{GIANT}' AND version = 77",
        {
            "(model_id=? AND number=?)",
            "model_versions_model_id_number_key",
        },
    ),
    ("name LIKE 'model-77%'", {"sqlite_autoindex_registered_models_1", "registered_models_name_key"}),
    ("name LIKE '%-77-%'", {"VIRTUAL TABLE", "model_name_trigrams", "registered_models_pkey"}),
    ("alias = 'champion'", {"aliases_by_alias"}),
    ("stage = 'Production'", {"model_versions_by_stage"}),
    ("approval_status = 'Approved'", {"model_versions_by_approval"}),
    ("created_by = 'bob'", {"model_versions_by_creator"}),
    ("created < 1700000010000", {"model_versions_by_creation"}),
    ("source LIKE 's3://bucket/7/%'", {"model_versions_by_source"}),
    ("tags.team = 'team-7'", {"version_tags_by_value"}),
    ("tags.commit LIKE 'ab%'", {"version_tags_by_value"}),
    ("tags.commit LIKE '%abcd%'", {"VIRTUAL TABLE", "version_tag_trigrams"}),
    ("tags.commit ILIKE '%ABCD%' OR alias = 'none'", {"VIRTUAL TABLE", "version_tag_trigrams"}),
    ("params.seed = '471'", {"run_params_by_value"}),
    ("metrics.auc > 0.99", {"run_metrics_by_value"}),
]
FEW_RUNS = [
    ("params.seed = '471'", "run_params_by_value"),
    ("metrics.auc > 0.99", "run_metrics_by_value"),
    ("status = 'FAILED'", "runs_by_status"),
    ("run_name = 'rare'", "runs_by_name"),
    ("start_time < 1700000001000", "runs_by_start_anywhere"),
    ("tags.mlflow.user LIKE '%ser-34%'", "run_tag_trigrams|VIRTUAL TABLE"),
]
MANY = [
    ("", "", "model_versions_by_update"),
    ("tags.team != 'team-7'", "", "model_versions_by_update"),
    ("tags.commit IS NOT NULL", "created", "model_versions_by_creation"),
    ("metrics.auc > 0.01 AND stage = 'None'", "", "model_versions_by_update"),
    ("stage = 'None'", "metrics.auc DESC", "run_metrics_by_value"),
    (f"name = '{GIANT}' AND size > 0", "version DESC", "(model_id=|model_versions_model_id_number_key"),
]


@pytest.fixture(params=["without statistics", "with statistics"])
def shelf(request: pytest.FixtureRequest, database_uri: str, tmp_path: Path) -> Iterator[Registry]:
    with connect(database_uri, artifacts=str(tmp_path / "blobs")) as registry:
        fill(registry._database, versions=VERSION_COUNT)
        if request.param == "with statistics":
            with registry._database.write() as tx:
                tx.execute("ANALYZE")
        yield registry


@contextmanager
def recorded(shelf: Registry) -> Iterator[Recording]:
    with shelf._database.read() as tx:
        yield Recording(tx)


def versions(recording: Recording, filter: str, *order: str) -> Search:
    """A search whose preparation, which looks up a model by its name, is not recorded."""
    condition, orders = parse_filter(filter, VERSIONS.fields), parse_order(order, VERSIONS.fields)
    found = search.versions(recording, condition, orders)
    recording.asked.clear()
    return found


def runs(recording: Recording, filter: str, *order: str) -> Search:
    condition, orders = parse_filter(filter, RUNS.fields), parse_order(order, RUNS.fields)
    return search.runs(recording, condition, orders, experiments=[0], lifecycles=(Lifecycle.ACTIVE,))


def reads_a_table(step: str) -> bool:
    """Whether a step reads all rows of a table, or all of an index without a bound."""
    if step.startswith("Seq Scan"):
        return True
    temporary = ("SCAN hits", "SCAN found", "SCAN counted", "SCAN experiments", "SCAN CONSTANT", "SCAN (")
    return step.startswith("SCAN ") and "VIRTUAL TABLE" not in step and not step.startswith(temporary)


def test_what_fits_few_is_found_by_its_own_index(shelf: Registry) -> None:
    for text, indexes in FEW:
        with recorded(shelf) as recording:
            page = versions(recording, text).page(100, None)

            steps = recording.steps
            assert page.ids, text
            assert any(index in step for step in steps for index in indexes), (text, steps)
            assert not [step for step in steps if reads_a_table(step)], (text, steps)


def test_what_fits_many_is_read_in_the_order_of_an_index(shelf: Registry) -> None:
    for text, order, index in MANY:
        with recorded(shelf) as recording:
            found = versions(recording, text, *filter_order(order))
            place = found.page(50, None).behind
            recording.asked.clear()
            versions(recording, text, *filter_order(order)).page(50, place)

            steps = recording.steps
            assert any(name in step for step in steps for name in index.split("|")), (text, steps)
            assert not [step for step in steps if reads_a_table(step)], (text, steps)
            assert not any("hits" in sql and "COUNT" not in sql for sql, _ in recording.asked), text


def filter_order(order: str) -> list[str]:
    return [order] if order else []


def test_runs_of_one_experiment_are_read_in_order_from_any_place(shelf: Registry) -> None:
    with recorded(shelf) as recording:
        place = runs(recording, "").page(1_000, None).behind
        recording.asked.clear()
        runs(recording, "").page(50, place)

        steps = recording.steps

    assert any("runs_by_start" in step for step in steps), steps
    assert not [step for step in steps if reads_a_table(step)], steps


def test_few_runs_are_found_by_their_own_index(shelf: Registry) -> None:
    for text, index in FEW_RUNS:
        with recorded(shelf) as recording:
            page = runs(recording, text).page(100, None)

            steps = recording.steps
            assert page.ids, text
            assert any(name in step for step in steps for name in index.split("|")), (text, steps)
            assert not [step for step in steps if reads_a_table(step)], (text, steps)


@pytest.mark.parametrize("stage", ["None", "Production", "Archived"])
def test_the_newest_version_of_a_stage_is_the_first_that_an_index_has(shelf: Registry, stage: str) -> None:
    model_id = shelf.catalog.version(GIANT, 77).model_id
    with recorded(shelf) as recording:
        newest(recording, model_id, stage=stage)

        (found,) = [step for step in recording.steps if step != "Limit"]
        assert "model_versions_by_latest" in found or "model_versions_by_stage" in found


def test_how_much_is_read_does_not_grow_with_the_pages_depth(shelf: Registry) -> None:
    with recorded(shelf) as recording:
        first = versions(recording, "tags.team LIKE 'team%'")
        place = first.page(VERSION_COUNT - 200, None).behind
        recording.asked.clear()
        versions(recording, "tags.team LIKE 'team%'").page(100, place)

        asked = [sql for sql, _ in recording.asked]

    assert len(asked) <= 4
    assert not any("OFFSET" in sql and "boundary" not in sql for sql in asked)
