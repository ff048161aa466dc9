"""Search in the database finds what the filter's tree means, page by page, on both databases."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelshelf.connect import connect
from modelshelf.database import catalog, experiments, governance, logged_models, metrics, run_links, search, tracking
from modelshelf.database import versions as version_rows
from modelshelf.database.database import Database, Transaction
from modelshelf.database.search_pages import Search
from modelshelf.domain.catalog import ModelVersion
from modelshelf.domain.governance import Cause, Move, Slot
from modelshelf.domain.names import Stage
from modelshelf.domain.requests import ApprovalStatus
from modelshelf.domain.search import And, Comparison, Condition, Field, Fields, FieldType, Kind, Not, Op, Or, Order
from modelshelf.domain.searchable import LOGGED_MODELS, MODELS, RUNS, VERSIONS
from modelshelf.domain.tracking import (
    Dataset,
    DatasetInput,
    Lifecycle,
    LoggedModel,
    LoggedModelStatus,
    MetricPoint,
    Run,
    RunStatus,
)
from search_oracle import Thing, expected

LONG = "abc" * 400 + "needle" + "xyz" * 30
TEXTS = (
    *("", "abc", "ABC", "abcd", "xabcx", "ab", "a%c", "a_c", "a*c", "a?c", "[abc]", "a\\c", "it's", 'say "hi" now'),
    *("Ähre", "ähre", "日本語テキスト", "\U0001f600 smile", "' OR 1=1 --", "x" * 199 + "aa", "x" * 199 + "ab", LONG),
)
PATTERNS = (
    *(*TEXTS[:-3], "abc%", "%bc%", "%BC%", "a_c", "_b%", "%", "%%", "", "a%c%", "ABC%", "%\\c", "%*%", "[%", "%[abc]%"),
    *("x" * 199 + "a_", "x" * 199 + "%", "%needle%", "%NEEDLE%", "%ähr%", "%本語%", "% smile", '%"hi"%', "\U0010ffff%"),
)
NUMBERS = (-5, 0, 1, 2, 3, 1_000, 2**62, 1.5, -0.5, 1e300, math.inf, -math.inf)
VALUES = (-1.5, 0.0, 0.25, 1.0, 1e300)
KEYS = ("a", "b")


@dataclass
class World:
    """Things in a database, and the same things in plain values."""

    database: Database
    models: list[Thing]
    versions: list[Thing]
    runs: list[Thing]
    logged: list[Thing]


@pytest.fixture
def world(database_uri: str, tmp_path) -> Iterator[World]:
    with connect(database_uri, artifacts=str(tmp_path / "blobs")) as registry:
        chance, database = random.Random(7), registry._database
        with database.write() as tx:
            experiment = experiments.insert_experiment(tx, "other", location="", now_ms=5)
            runs = [_run(tx, chance, number, ("0", str(experiment))[number % 5 == 0]) for number in range(40)]
            logged = [_logged(tx, chance, number, [run.id for run in runs]) for number in range(25)]
            models = [_model(tx, chance, name) for name in (*TEXTS[1:15], "x" * 199 + "aa", "zz")]
            versions = [_version(tx, chance, model, runs) for model in models for _ in range(chance.randrange(1, 5))]
            _point_aliases(tx, chance, models, versions)
        yield World(database, models, versions, runs, logged)


def _entries(chance: random.Random) -> dict[str, str]:
    return {key: chance.choice(TEXTS) for key in KEYS if chance.random() < 0.6}


def _run(tx: Transaction, chance: random.Random, number: int, experiment: str) -> Thing:
    ended = chance.choice([None, 2, 3, 1_000])
    run = Run(
        id=f"{chance.randrange(16**8):08x}",
        experiment_id=experiment,
        name=chance.choice(TEXTS),
        user=chance.choice(TEXTS[:6]),
        status=chance.choice(list(RunStatus)),
        started_ms=chance.choice([0, 1, 2]),
        ended_ms=ended,
        lifecycle=chance.choice([Lifecycle.ACTIVE, Lifecycle.ACTIVE, Lifecycle.DELETED]),
        tags=_entries(chance),
    )
    tracking.insert_run(tx, run)
    tracking.update_run(tx, run.id, status=run.status, ended_ms=ended)
    params = _entries(chance)
    tracking.add_params(tx, run.id, params)
    points = {key: chance.choice([*VALUES, math.nan]) for key in KEYS if chance.random() < 0.7}
    metrics.add_points(tx, run.id, [MetricPoint(key, value, 1) for key, value in points.items()])
    used = {chance.choice(TEXTS[1:8]): chance.choice(["train", "eval"]) for _ in range(number % 3)}
    for name, context in used.items():
        dataset = Dataset(name, f"digest-{number % 2}", "local", "here")
        run_links.add_datasets(tx, experiment, [dataset])
        run_links.link_dataset(tx, run.id, experiment, DatasetInput(dataset, {"mlflow.data.context": context}))
    attributes = {
        "run_id": run.id,
        "run_name": run.name,
        "status": run.status.value,
        "start_time": run.started_ms,
        "end_time": ended,
        "duration": None if ended is None else ended - run.started_ms,
        "user_id": run.user,
        "experiment_id": int(experiment),
        "artifact_uri": f"mlflow-artifacts:/{experiment}/{run.id}/artifacts",
        "lifecycle": run.lifecycle.value,
    }
    digests = (f"digest-{number % 2}",) if used else ()
    datasets = {"name": tuple(used), "digest": digests, "context": tuple(used.values())}
    return Thing(run.id, attributes, run.tags, params, points, datasets)


def _logged(tx: Transaction, chance: random.Random, number: int, runs: list[str]) -> Thing:
    model = LoggedModel(
        id=f"m-{number:032x}",
        experiment_id="0",
        name=chance.choice(TEXTS),
        created_ms=chance.choice([1, 2, 3]),
        updated_ms=chance.choice([1, 2, 3]),
        model_type=chance.choice(["", "agent"]),
        run_id=chance.choice(["", *runs[:3]]),
        status=chance.choice(list(LoggedModelStatus)),
        params=_entries(chance),
        tags=_entries(chance),
    )
    logged_models.insert_logged_model(tx, model)
    times = random.Random(number).sample(range(20), 2)
    points = [
        MetricPoint(key, chance.choice([*VALUES, math.nan]), time_ms, logged_model=model.id)
        for key in KEYS
        for time_ms in sorted(times[: chance.randrange(3)], reverse=True)
    ]
    metrics.add_model_points(tx, runs[0], points)
    attributes = {
        "model_id": model.id,
        "name": model.name,
        "model_type": model.model_type or None,
        "status": model.status.value,
        "run_id": model.run_id or None,
        "created": model.created_ms,
        "updated": model.updated_ms,
        "experiment_id": 0,
    }
    measured = {key: tuple(point.value for point in points if point.key == key) for key in KEYS}
    return Thing(model.id, attributes, model.tags, model.params, measured)


def _model(tx: Transaction, chance: random.Random, name: str) -> Thing:
    created, actor, description = chance.randrange(3), chance.choice(["ann", "bob"]), chance.choice(TEXTS)
    number = catalog.insert_model(tx, name, description=description, actor=actor, now_ms=created)
    tags = _entries(chance)
    for key, value in tags.items():
        catalog.tag_model(tx, number, key, value)
    attributes = {"name": name, "description": description, "created_by": actor, "created": created, "updated": created}
    return Thing(number, {**attributes, "stage": (), "alias": ()}, tags)


def _version(tx: Transaction, chance: random.Random, model: Thing, runs: list[Thing]) -> Thing:
    taken = version_rows.take_number(tx, model.attributes["name"], now_ms=model.attributes["updated"])
    run = chance.choice([None, *runs[:6]])
    version = ModelVersion(
        model_id=taken[0],
        name=model.attributes["name"],
        number=taken[1],
        manifest=None,
        source=chance.choice(TEXTS),
        created_ms=chance.randrange(3),
        updated_ms=chance.randrange(3),
        created_by=chance.choice(["ann", "bob"]),
        description=chance.choice(TEXTS),
        run_id=run.id if run else "",
        logged_model="",
        stage=chance.choice(list(Stage)),
        size=chance.choice([0, 1_000]),
        tags=_entries(chance),
    )
    version_rows.insert_version(tx, version)
    status = chance.choice(["", *ApprovalStatus])
    version_rows.set_approval_status(tx, version.model_id, version.number, str(status), now_ms=version.updated_ms)
    stages = (*model.attributes["stage"], version.stage.value)
    model.attributes["stage"] = stages
    attributes = {
        "name": version.name,
        "version": version.number,
        "alias": (),
        "stage": version.stage.value,
        "approval_status": str(status),
        "run_id": version.run_id,
        "source": version.source,
        "created": version.created_ms,
        "updated": version.updated_ms,
        "created_by": version.created_by,
        "description": version.description,
        "size": version.size,
        "manifest": None,
        "logged_model": "",
        "model": model,
    }
    return Thing(_row_id(tx, version), attributes, version.tags, run.params if run else {}, run.metrics if run else {})


def _row_id(tx: Transaction, version: ModelVersion) -> int:
    found = tx.one(
        "SELECT id FROM model_versions WHERE model_id = :model AND number = :number",
        model=version.model_id,
        number=version.number,
    )
    return found["id"]


def _point_aliases(tx: Transaction, chance: random.Random, models: list[Thing], versions: list[Thing]) -> None:
    for model in models:
        own = [version for version in versions if version.attributes["model"] is model]
        for alias in (*TEXTS[1:4], "champion"):
            if chance.random() < 0.4:
                version = chance.choice(own)
                governance.append_move(tx, _move_to(version, alias))
                version.attributes["alias"] = (*version.attributes["alias"], alias)
                model.attributes["alias"] = (*model.attributes["alias"], alias)


def _move_to(version: Thing, alias: str) -> Move:
    return Move(
        model_id=version.attributes["model"].id,
        model=version.attributes["name"],
        slot=Slot.ALIAS,
        alias=alias,
        before=None,
        after=version.attributes["version"],
        time_ms=1,
        actor="ann",
        reason="",
        cause=Cause.SET,
    )


TEXT_OPS = (Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.IS_NULL, Op.IS_NOT_NULL)
LIKES = (Op.LIKE, Op.ILIKE, Op.NOT_LIKE, Op.NOT_ILIKE)
RANGES = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.IN, Op.NOT_IN, Op.IS_NULL, Op.IS_NOT_NULL)
WORDS = ("Production", "Archived", "FINISHED", "ann", "champion", "train", "digest-1", "m-" + f"{3:032x}", "agent")


@st.composite
def comparisons(draw: st.DrawFn, fields: Fields) -> Comparison:
    field = draw(st.sampled_from(_all_fields(fields)))
    numeric = field.kind is Kind.METRIC or fields.attributes.get(field.key) is FieldType.NUMBER
    op = draw(st.sampled_from(RANGES if numeric else (*TEXT_OPS, *LIKES)))
    values = st.sampled_from((*TEXTS, *WORDS))
    if field.kind is Kind.METRIC:
        values = st.sampled_from((*VALUES, 0.5, 7.0))
        if op in (Op.EQ, Op.NE):
            values |= st.just(math.nan)
    elif numeric:
        values = st.sampled_from(NUMBERS)
    elif op in LIKES:
        values = st.sampled_from((*PATTERNS, *WORDS))
    if op in (Op.IS_NULL, Op.IS_NOT_NULL):
        return Comparison(field, op, None)
    if op in (Op.IN, Op.NOT_IN):
        return Comparison(field, op, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    return Comparison(field, op, draw(values))


def _all_fields(fields: Fields) -> list[Field]:
    keyed = [Field(kind, key) for kind in fields.kinds - {Kind.DATASET, Kind.ATTRIBUTE} for key in (*KEYS, "none")]
    datasets = [Field(Kind.DATASET, key) for key in ("name", "digest", "context") if Kind.DATASET in fields.kinds]
    attributes = [Field(Kind.ATTRIBUTE, key) for key in fields.attributes]
    return sorted([*attributes, *keyed, *datasets], key=lambda field: (field.kind, field.key))


def conditions(fields: Fields) -> st.SearchStrategy[Condition]:
    return st.recursive(
        comparisons(fields) | st.just(And(())),
        lambda inner: (
            st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
            | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
            | st.builds(Not, inner)
        ),
        max_leaves=6,
    )


def orders(fields: Fields) -> st.SearchStrategy[list[Order]]:
    sortable = [
        field
        for field in _all_fields(fields)
        if field.kind is not Kind.DATASET and fields.attributes.get(field.key) is not FieldType.TEXTS
    ]
    return st.lists(
        st.builds(Order, st.sampled_from(sortable), st.booleans()), max_size=2, unique_by=lambda order: order.field
    )


def walked(found: Search, limit: int) -> list[object]:
    """The ids of all pages; the places between pages pass through JSON as they do in tokens."""
    ids, after = [], None
    while True:
        fresh = Search(
            found.tx, found.entity, found.condition, found.orders, found.where, found.scope, found.drivers, allowance=2
        )
        fresh.binder.values.update(found.binder.values)
        page = fresh.page(limit, after)
        ids += page.ids
        if page.behind is None:
            return ids
        after = json.loads(json.dumps(page.behind))


PROPERTY = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def by(attribute: str, *, descending: bool = False) -> Order:
    return Order(Field(Kind.ATTRIBUTE, attribute), descending)


def completed(given: list[Order], *last: Order) -> list[Order]:
    return [*given, *(order for order in last if all(order.field != other.field for other in given))]


def test_models_are_what_the_condition_means(world: World) -> None:
    @PROPERTY
    @given(conditions(MODELS.fields), orders(MODELS.fields), st.integers(1, 9))
    def check(condition: Condition, order: list[Order], limit: int) -> None:
        with world.database.read() as tx:
            found = walked(search.models(tx, condition, order), limit)

        assert found == expected(world.models, condition, completed(order, by("name")))

    check()


def test_versions_are_what_the_condition_means(world: World) -> None:
    @PROPERTY
    @given(conditions(VERSIONS.fields), orders(VERSIONS.fields), st.integers(1, 9))
    def check(condition: Condition, order: list[Order], limit: int) -> None:
        with world.database.read() as tx:
            found = walked(search.versions(tx, condition, order), limit)

        default = order or [by("updated", descending=True)]
        assert found == expected(
            world.versions, condition, completed(default, by("name"), by("version", descending=True))
        )

    check()


@pytest.mark.parametrize("scope", [("0",), ("0", "1"), ("1", "77"), ("77",)])
def test_runs_are_what_the_condition_means(world: World, scope: tuple[str, ...]) -> None:
    numbers = [int(each) for each in scope]

    @PROPERTY
    @given(
        conditions(RUNS.fields),
        orders(RUNS.fields),
        st.integers(1, 9),
        st.sampled_from([(Lifecycle.ACTIVE,), (Lifecycle.DELETED,), tuple(Lifecycle)]),
    )
    def check(condition: Condition, order: list[Order], limit: int, view: tuple[Lifecycle, ...]) -> None:
        with world.database.read() as tx:
            found = walked(search.runs(tx, condition, order, experiments=numbers, lifecycles=view), limit)

        inside = [
            run
            for run in world.runs
            if run.attributes["experiment_id"] in numbers and run.attributes["lifecycle"] in view
        ]
        assert found == expected(inside, condition, completed(order, by("start_time", descending=True), by("run_id")))

    check()


def test_logged_models_are_what_the_condition_means(world: World) -> None:
    @PROPERTY
    @given(conditions(LOGGED_MODELS.fields), orders(LOGGED_MODELS.fields), st.integers(1, 9))
    def check(condition: Condition, order: list[Order], limit: int) -> None:
        with world.database.read() as tx:
            found = walked(search.logged_models(tx, condition, order, experiments=[0]), limit)

        assert found == expected(
            world.logged, condition, completed(order, by("created", descending=True), by("model_id"))
        )

    check()
