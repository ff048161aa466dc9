"""The same random operations on MLflow's own store and on a server: run by an interpreter that has MLflow.

    python random_operations.py REAL_URI SERVER_URL SEED OPERATIONS

Prints, as JSON, the first operation whose outcomes differ, or null.
"""

import json
import logging
import random
import sys
from collections.abc import Callable
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

MODELS, ALIASES, KEYS = ["a", "b b", "ç", "A"], ["champion", "x-1", "7"], ["k", "other key", "t.u"]
STAGES = ["None", "Staging", "Production", "Archived", "production", "Nope"]
VALUES = ["", "1", "été", "a b"]
EXPERIMENTS = ["one", "two", "three"]
NUMBERS = [0.0, -1.5, 2.5, float("nan"), float("inf")]

Operation = tuple[str, Callable[["Side"], Any]]


class Side:
    """A client, and the ids that it was given, in the order of their appearance."""

    def __init__(self, uri: str) -> None:
        self.client = MlflowClient(uri, uri)
        self.runs: list[str] = []

    def experiment(self, name: str) -> str:
        return str(self.client.get_experiment_by_name(name).experiment_id)

    def rename_experiment(self, name: str, other: str) -> None:
        """Only an active one: for a deleted one MLflow fails with an error of its own."""
        if self.client.get_experiment_by_name(name).lifecycle_stage == "active":
            self.client.rename_experiment(self.experiment(name), other)

    def outcome(self, act: Callable[["Side"], Any]) -> Any:
        try:
            return act(self)
        except MlflowException as error:
            return {"refused": error.error_code}
        except (AttributeError, IndexError) as error:  # nothing there yet: on both sides, or it is a difference
            return {"failed": type(error).__name__}


def version_of(found: Any) -> Any:
    return [found.name, str(found.version), found.current_stage, found.source, found.description or "", found.tags]


def model_of(found: Any) -> Any:
    latest = sorted(version_of(version) for version in found.latest_versions or [])
    return [
        found.name,
        found.description or "",
        found.tags,
        {alias: str(number) for alias, number in sorted(found.aliases.items())},
        latest,
    ]


def run_of(side: Side, found: Any) -> Any:
    metrics = {key: repr(value) for key, value in sorted(found.data.metrics.items())}
    tags = {key: value for key, value in sorted(found.data.tags.items()) if key != "mlflow.runName"}
    place = side.runs.index(found.info.run_id)
    return [place, found.info.run_name, found.info.status, found.info.lifecycle_stage, metrics, found.data.params, tags]


def of_models(r: random.Random) -> Operation:
    name, other, key = r.choice(MODELS), r.choice(MODELS), r.choice(KEYS)
    value, alias, number = r.choice(VALUES), r.choice(ALIASES), str(r.randint(1, 6))
    stage, archive = r.choice(STAGES), r.random() < 0.5
    archive = archive and stage.lower() in {"staging", "production"}
    return r.choice(
        [
            (f"create {name}", lambda s: model_of(s.client.create_registered_model(name, {key: value}, value or None))),
            (f"get {name}", lambda s: model_of(s.client.get_registered_model(name))),
            (f"rename {name} to {other}", lambda s: model_of(s.client.rename_registered_model(name, other))),
            (f"describe {name}", lambda s: model_of(s.client.update_registered_model(name, value))),
            (f"tag {name}", lambda s: s.client.set_registered_model_tag(name, key, value)),
            (f"untag {name}", lambda s: s.client.delete_registered_model_tag(name, key)),
            (f"alias {name}/{number} {alias}", lambda s: s.client.set_registered_model_alias(name, alias, number)),
            (f"unalias {name} {alias}", lambda s: s.client.delete_registered_model_alias(name, alias)),
            (f"by alias {name} {alias}", lambda s: version_of(s.client.get_model_version_by_alias(name, alias))),
            *[
                (
                    f"register {name}",
                    lambda s: version_of(s.client.create_model_version(name, "s3://b/m", tags={key: value})),
                )
            ]
            * 4,
            (f"get {name}/{number}", lambda s: version_of(s.client.get_model_version(name, number))),
            (f"describe {name}/{number}", lambda s: version_of(s.client.update_model_version(name, number, value))),
            (f"tag {name}/{number}", lambda s: s.client.set_model_version_tag(name, number, key, value)),
            (f"untag {name}/{number}", lambda s: s.client.delete_model_version_tag(name, number, key)),
            (
                f"stage {name}/{number} {stage} {archive}",
                lambda s: version_of(s.client.transition_model_version_stage(name, number, stage, archive)),
            ),
            (f"latest {name}", lambda s: sorted(map(version_of, s.client.get_latest_versions(name)))),
            (
                f"latest {name} in {stage}",
                lambda s: sorted(map(version_of, s.client.get_latest_versions(name, [stage]))),
            ),
            (f"delete {name}/{number}", lambda s: s.client.delete_model_version(name, number)),
            *([(f"delete {name}", lambda s: s.client.delete_registered_model(name))] if r.random() < 0.3 else []),
            (
                f"search versions {name}",
                lambda s: [
                    version_of(found)
                    for found in s.client.search_model_versions(
                        f"name LIKE '{name}%' AND tags.`{key}` != '{value}'", order_by=["name", "version_number DESC"]
                    )
                ],
            ),
            (
                "search models",
                lambda s: [
                    model_of(found)
                    for found in s.client.search_registered_models(f"name ILIKE '{name}%'", order_by=["name DESC"])
                ],
            ),
        ]
    )


def of_runs(r: random.Random) -> Operation:
    name, other, key, value = r.choice(EXPERIMENTS), r.choice(EXPERIMENTS), r.choice(KEYS), r.choice(VALUES)
    place, number, step, limit = r.randint(0, 7), r.choice(NUMBERS), r.randint(0, 3), r.choice([-1.0, 0.0, 2.0])
    view = r.choice([ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL])

    def start(s: Side) -> Any:
        made = s.client.create_run(
            s.experiment(name), start_time=len(s.runs), tags={key: value}, run_name="r" + value[:5]
        )
        s.runs.append(made.info.run_id)
        return run_of(s, made)

    def search(text: str, order: str) -> Callable[[Side], Any]:
        return lambda s: [
            run_of(s, found)
            for found in s.client.search_runs(
                [s.experiment(name), s.experiment(other)], text, view, order_by=[order, "attributes.start_time"]
            )
        ]

    return r.choice(
        [
            (f"experiment {name}", lambda s: s.client.create_experiment(name) and None),
            (f"get {name}", lambda s: s.client.get_experiment_by_name(name).lifecycle_stage),
            (f"tag {name}", lambda s: s.client.set_experiment_tag(s.experiment(name), key, value)),
            (f"untag {name}", lambda s: s.client.delete_experiment_tag(s.experiment(name), key)),
            (f"tags of {name}", lambda s: s.client.get_experiment_by_name(name).tags),
            *([(f"delete {name}", lambda s: s.client.delete_experiment(s.experiment(name)))] if step == 0 else []),
            (f"restore {name}", lambda s: s.client.restore_experiment(s.experiment(name))),
            (
                f"experiments {name}",
                lambda s: [
                    [found.name, found.lifecycle_stage, found.tags]
                    for found in s.client.search_experiments(view, 2, f"name != '{name}'", ["name DESC"])
                ],
            ),
            (f"rename {name} to {other}", lambda s: s.rename_experiment(name, other)),
            *[(f"start in {name}", start)] * 4,
            (f"metric of {place}", lambda s: s.client.log_metric(s.runs[place], key, number, 1, step)),
            (f"metric of {place}", lambda s: s.client.log_metric(s.runs[place], key, number, 2, step)),
            (f"param of {place}", lambda s: s.client.log_param(s.runs[place], key, value) and None),
            (f"tag of {place}", lambda s: s.client.set_tag(s.runs[place], key, value)),
            (f"untag {place}", lambda s: s.client.delete_tag(s.runs[place], key)),
            (f"end {place}", lambda s: s.client.set_terminated(s.runs[place], r.choice(["FINISHED"]), 9)),
            (f"get {place}", lambda s: run_of(s, s.client.get_run(s.runs[place]))),
            (f"delete {place}", lambda s: s.client.delete_run(s.runs[place])),
            (f"restore {place}", lambda s: s.client.restore_run(s.runs[place])),
            (
                f"history of {place}",
                lambda s: sorted(
                    repr((p.value, p.timestamp, p.step)) for p in s.client.get_metric_history(s.runs[place], key)
                ),
            ),
            (f"search metric > {limit}", search(f"metrics.`{key}` > {limit}", f"metrics.`{key}` DESC")),
            (f"search tag != {value[:5]}", search(f"tags.`{key}` != '{value}'", f"tags.`{key}`")),
            (f"search param = {value[:5]}", search(f"params.`{key}` = '{value}'", f"params.`{key}` DESC")),
            ("search status", search("attributes.status = 'RUNNING'", "attributes.run_name")),
        ]
    )


def main(real_uri: str, server_url: str, seed: str, operations: str) -> None:
    """Play until the outcomes differ."""
    logging.disable(logging.WARNING)
    r, sides = random.Random(int(seed)), (Side(real_uri), Side(server_url))
    done = []
    for _ in range(int(operations)):
        label, act = r.choice([of_models, of_runs])(r)
        expected, found = (side.outcome(act) for side in sides)
        done.append(label)
        if expected != found:
            print(json.dumps({"after": done[-15:], "expected": expected, "found": found}, default=str))
            return
    print("null")


if __name__ == "__main__":
    main(*sys.argv[1:])
