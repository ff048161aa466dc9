"""Searching through the services: models, versions, experiments, runs and logged models, on every kind of shelf."""

from collections.abc import Callable, Iterator

import pytest

from modelshelf.domain.errors import Invalid, InvalidFilter
from modelshelf.domain.pages import Page
from modelshelf.domain.search import Field, Kind, Order
from modelshelf.domain.tracking import MetricPoint, View
from modelshelf.services.registry import Registry


@pytest.fixture
def shelf(registry: Registry) -> Registry:
    """Three models with three versions each: churn, fraud and Fraud-old."""
    for name in ("churn", "fraud", "Fraud-old"):
        registry.catalog.create_model(name, tags={"team": "risk" if "raud" in name else "growth"})
        for number in (1, 2, 3):
            registry.catalog.create_version(name, source=f"s3://b/{name}/{number}", tags={"n": f"no {number}"})
    registry.governance.set_alias("churn", "champion", 2, reason="best")
    registry.governance.set_stage("fraud", 3, "Production", reason="best")
    return registry


def found(page: Page) -> list[str]:
    return [item.name for item in page.items]


def numbered(page: Page) -> list[tuple[str, int]]:
    return [(version.name, version.number) for version in page.items]


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ("", ["Fraud-old", "churn", "fraud"]),
        ("name = 'churn'", ["churn"]),
        ("name LIKE 'f%'", ["fraud"]),
        ("name ILIKE '%RAUD%'", ["Fraud-old", "fraud"]),
        ("name LIKE '%raud%' AND NOT name LIKE '%old'", ["fraud"]),
        ("tags.team = 'growth' OR stage = 'production'", ["churn", "fraud"]),
        ("alias = 'champion'", ["churn"]),
        ("tags.owner IS NULL AND tags.team IN ('growth', 'none')", ["churn"]),
    ],
)
def test_models_are_found_by_name_by_tag_and_by_their_versions(shelf: Registry, filter: str, names: list[str]) -> None:
    page = shelf.catalog.search_models(filter)

    assert found(page) == names
    assert page.next_token is None


@pytest.mark.parametrize(
    ("filter", "versions"),
    [
        ("name = 'churn'", [("churn", 3), ("churn", 2), ("churn", 1)]),
        ("name = 'churn' AND version_number = 2", [("churn", 2)]),
        ("alias = 'champion'", [("churn", 2)]),
        ("current_stage = 'PRODUCTION'", [("fraud", 3)]),
        ("tags.n LIKE '%o 1' AND source_path LIKE 's3://b/f%'", [("fraud", 1)]),
        ("version > 2.5 AND name ILIKE 'FRAUD'", [("fraud", 3)]),
    ],
)
def test_versions_are_found_by_what_is_said_about_them(
    shelf: Registry, filter: str, versions: list[tuple[str, int]]
) -> None:
    page = shelf.catalog.search_versions(filter, order_by=["name", "version DESC"])

    assert numbered(page) == versions


def test_versions_are_found_by_what_their_run_logged(shelf: Registry) -> None:
    run = shelf.tracking.start_run("0", name="night")
    shelf.tracking.log_batch(run.id, params={"depth": "4"}, metrics=[MetricPoint("auc", 0.9, 1)])
    shelf.catalog.create_version("churn", source="s3://b/new", run_id=run.id)

    page = shelf.catalog.search_versions("params.depth = '4' AND metrics.auc >= 0.9", order_by=["metrics.auc DESC"])

    assert numbered(page) == [("churn", 4)]


def test_pages_together_hold_everything_once_and_in_order(shelf: Registry) -> None:
    whole = numbered(shelf.catalog.search_versions("version < 3", order_by=["tags.n DESC", "name"]))

    pages = list(
        _pages(
            lambda token: shelf.catalog.search_versions(
                "version < 3", order_by=["tags.n DESC", "name"], limit=4, page_token=token
            )
        )
    )

    assert [len(page.items) for page in pages] == [4, 2]
    assert [each for page in pages for each in numbered(page)] == whole


def _pages(ask: Callable[[str | None], Page]) -> Iterator[Page]:
    page = ask(None)
    yield page
    while page.next_token:
        page = ask(page.next_token)
        yield page


def test_what_is_deleted_between_two_pages_neither_hides_nor_repeats_the_rest(shelf: Registry) -> None:
    first = shelf.catalog.search_models(limit=1)
    shelf.catalog.delete_model("Fraud-old")

    second = shelf.catalog.search_models(limit=1, page_token=first.next_token)

    assert found(first) == ["Fraud-old"]
    assert found(second) == ["churn"]


def test_a_token_of_another_query_is_refused(shelf: Registry) -> None:
    token = shelf.catalog.search_models(limit=1).next_token

    with pytest.raises(Invalid, match="another query"):
        shelf.catalog.search_models("name != 'x'", limit=1, page_token=token)


def test_a_limit_that_is_no_number_is_refused(registry: Registry) -> None:
    with pytest.raises(Invalid, match=r"True|bool"):
        registry.catalog.search_models(limit=True)


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_a_limit_outside_of_its_range_is_refused_and_names_the_range(registry: Registry, limit: int) -> None:
    with pytest.raises(Invalid, match="1 to 1,000 models"):
        registry.catalog.search_models(limit=limit)


def test_an_unknown_field_is_refused_with_its_position(registry: Registry) -> None:
    with pytest.raises(InvalidFilter, match="did you mean name") as refused:
        registry.catalog.search_models("nam = 'x'")

    assert refused.value.details["position"] == 0


@pytest.mark.parametrize("order_by", ["name", ["name", "name"], ["alias"], ["name; DROP TABLE runs"]])
def test_an_order_that_is_none_is_refused(registry: Registry, order_by: list[str]) -> None:
    with pytest.raises(Invalid):
        registry.catalog.search_models(order_by=order_by)


HOSTILE = ("' OR 1=1 --", 'x" OR "1"="1', "a'; DROP TABLE runs; --", ":p0", "%s", "%(p0)s", "\\", "*?[", "{0}", "$1")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_only_texts(registry: Registry, text: str) -> None:
    key = text.replace("`", "")
    registry.catalog.create_model("other", tags={"k": "other"})
    registry.catalog.create_model("this", tags={"k": text})
    quoted = "(" + repr(text) + ")"
    literal = text.replace("%", "_").replace("'", "_")

    by_value = registry.catalog.search_models(f"tags.k IN {quoted}")
    by_key = registry.catalog.search_models(
        f"tags.`{key}` = 'x' OR tags.`{key}` LIKE '%abc%'", order_by=[f"tags.`{key}`"]
    )
    by_pattern = registry.catalog.search_models(f"tags.k LIKE '{literal}'")

    assert found(by_value) == ["this"]
    assert found(by_key) == []
    assert found(by_pattern) == ["this"]


def test_changed_renamed_and_deleted_texts_are_found_as_they_are_now(registry: Registry) -> None:
    registry.catalog.create_model("needle-one", tags={"k": "in a haystack"})
    registry.catalog.create_model("needle-two", tags={"k": "in a haystack"})
    registry.catalog.create_model("needle-three", tags={"k": "in a haystack", "j": "in a haystack"})
    registry.catalog.rename_model("needle-one", "pin-one")
    registry.catalog.tag_model("needle-two", "k", "in a drawer")
    registry.catalog.untag_model("needle-three", "k")
    registry.catalog.create_model("needle-four", tags={"k": "in a haystack"})
    registry.catalog.delete_model("needle-four")

    assert found(registry.catalog.search_models("name LIKE '%eedle%'")) == ["needle-three", "needle-two"]
    assert found(registry.catalog.search_models("tags.k LIKE '%haystack%'")) == ["pin-one"]
    assert found(registry.catalog.search_models("tags.k LIKE '%draw%'")) == ["needle-two"]
    assert found(registry.catalog.search_models("tags.j ILIKE '%HAY%'")) == ["needle-three"]


def test_a_tag_that_grows_long_and_short_again_is_found_all_the_time(registry: Registry) -> None:
    registry.catalog.create_model("m")

    for value in ("needle", "x" * 5_000 + "needle", "needle again"):
        registry.catalog.tag_model("m", "k", value)

        assert found(registry.catalog.search_models("tags.k LIKE '%needle%'")) == ["m"]


def test_runs_are_found_within_their_experiments_and_by_lifecycle(registry: Registry) -> None:
    other = registry.tracking.create_experiment("other")
    for experiment, name in (("0", "a"), (other.id, "b"), ("0", "gone")):
        registry.tracking.start_run(experiment, name=name)
    gone = registry.tracking.search_runs(["0"], "run_name = 'gone'").items[0]
    registry.tracking.delete_run(gone.id)

    def names(ids: list[str], view: View) -> set[str]:
        return set(found(registry.tracking.search_runs(ids, view=view)))

    assert names(["0"], View.ACTIVE) == {"a"}
    assert names(["0", other.id], View.ACTIVE) == {"a", "b"}
    assert names(["0", "99"], View.ALL) == {"a", "gone"}
    assert names([], View.ALL) == set()


def test_runs_without_the_metric_come_last_and_nan_right_before_them(registry: Registry) -> None:
    values = {"low": 0.1, "high": 0.9, "nan": float("nan"), "none": None}
    for name, value in values.items():
        run = registry.tracking.start_run("0", name=name)
        if value is not None:
            registry.tracking.log_batch(run.id, metrics=[MetricPoint("auc", value, 1)])

    rising = registry.tracking.search_runs(["0"], order_by=["metrics.auc"])
    falling = [
        name
        for page in _pages(
            lambda token: registry.tracking.search_runs(["0"], order_by=["metrics.auc DESC"], limit=1, page_token=token)
        )
        for name in found(page)
    ]

    assert found(rising) == ["low", "high", "nan", "none"]
    assert falling == ["high", "low", "nan", "none"]


def test_experiments_are_found_by_name_and_view(registry: Registry) -> None:
    created = [registry.tracking.create_experiment(name, tags={"k": name}) for name in ("one", "two")]
    registry.tracking.delete_experiment(created[1].id)

    assert found(registry.tracking.search_experiments("name != 'Default'")) == ["one"]
    assert found(registry.tracking.search_experiments("tags.k = 'two'", view=View.DELETED)) == ["two"]
    assert found(registry.tracking.search_experiments("experiment_id = '0'", view=View.ALL)) == ["Default"]


def test_logged_models_are_found_by_what_was_measured_on_a_dataset(registry: Registry) -> None:
    run = registry.tracking.start_run("0")
    for name, seen, unseen in (("a", 0.9, 0.2), ("b", 0.8, 0.7)):
        model = registry.tracking.create_logged_model("0", name=name, run_id=run.id)
        points = [
            MetricPoint("acc", value, time_ms, 0, model.id, dataset, "d1")
            for time_ms, dataset, value in ((1, "train", seen), (2, "test", unseen))
        ]
        registry.tracking.log_batch(run.id, metrics=points)
    search = registry.tracking.search_logged_models
    on_test = Order(Field(Kind.METRIC, "acc"), descending=True, dataset=("test", ""))

    assert sorted(found(search(["0"], "metrics.acc > 0.75"))) == ["a", "b"]
    assert found(search(["0"], "metrics.acc > 0.5", datasets=[("test", "d1")])) == ["b"]
    assert found(search(["0"], datasets=[("test", "d2")])) == []
    assert found(search(["0"], order_by=[on_test])) == ["b", "a"]
    assert found(search(["0"], order_by=["metrics.acc", "name DESC"], limit=1)) in (["a"], ["b"])


def test_many_conditions_and_long_lists_are_still_one_query(shelf: Registry) -> None:
    many = " OR ".join(["tags.team = 'x'"] * 400) + " OR name = 'churn'"
    listed = f"name IN ({', '.join(repr(f'm{n}') for n in range(900))}, 'fraud')"

    assert found(shelf.catalog.search_models(many)) == ["churn"]
    assert found(shelf.catalog.search_models(listed)) == ["fraud"]
