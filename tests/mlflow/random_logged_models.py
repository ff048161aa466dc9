"""The same random operations on logged models, searches and pages: run by an interpreter that has MLflow.

    python random_logged_models.py REAL_URI SERVER_URL SEED OPERATIONS

Prints, as JSON, the first operation whose outcomes differ, or null. (What is known to
differ, as the page on compatibility tells, is not asked.)
"""

import json
import logging
import random
import sys
from collections.abc import Callable
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Metric
from mlflow.exceptions import MlflowException

NAMES, KEYS, VALUES = ["m", "other", "ç m"], ["k", "t.u", "other key"], ["1", "été", "a b", "x"]
MODELS = ["a", "b", "a b", "ç"]
EXPERIMENTS = ["one", "two"]

Operation = tuple[str, Callable[["Side"], Any]]


class Side:
    """A client, and the ids that it was given, in the order of their appearance."""

    def __init__(self, uri: str) -> None:
        self.client = MlflowClient(uri, uri)
        self.models: list[str] = []
        self.points = 0
        self.experiments = [self.client.create_experiment(name) for name in EXPERIMENTS]
        self.runs = [self.client.create_run(experiment).info.run_id for experiment in self.experiments]

    def outcome(self, act: Callable[["Side"], Any]) -> Any:
        try:
            return act(self)
        except MlflowException as error:
            return {"refused": error.error_code}
        except IndexError as error:  # nothing there yet: on both sides, or it is a difference
            return {"failed": type(error).__name__}


def logged_of(side: Side, found: Any) -> Any:
    run = side.runs.index(found.source_run_id) if found.source_run_id else None
    metrics = sorted([m.key, repr(m.value), m.step, m.dataset_name or ""] for m in found.metrics or [])
    tags = {key: value for key, value in sorted(found.tags.items()) if not key.startswith("mlflow.")}
    place = side.models.index(found.model_id)
    return [place, found.name, found.model_type or "", found.status.value, run, found.params, tags, metrics]


def copied(side: Side, name: str, source: str) -> str:
    """The source of a copy. (MLflow's own store fails where its server refuses: one outcome.)"""
    try:
        return str(side.client.create_model_version(name, source).source)
    except MlflowException:
        return "refused"


def pages(search: Callable[[str | None], Any], told: Callable[[Any], Any]) -> list[Any]:
    """All pages of a search: what each holds, and whether another follows."""
    found, token = [], None
    for _ in range(30):
        page = search(token)
        token = page.token or None
        found.append([[told(each) for each in page], bool(token)])
        if not token:
            break
    return found


def of_logged_models(r: random.Random) -> Operation:
    place, other, key, value = r.randint(0, 9), r.randint(0, 1), r.choice(KEYS), r.choice(VALUES)
    name, status = r.choice(NAMES), r.choice(["READY", "FAILED", "PENDING"])
    data, number, size = r.choice([None, "iris"]), r.choice([0.5, 1.5, -2.0]), r.choice([1, 2, 3, 50])
    text = r.choice(
        [
            *("", f"name = '{name}'", f"name LIKE '{name[:1]}%'", f"name != '{name}'", "model_type = 'T'"),
            *(f"params.k = '{value}'", f"tags.k != '{value}'", f"metrics.k > {number}", f"metrics.k <= {number}"),
            f"name = '{name}' AND tags.k = '{value}'",
        ]
    )
    order = r.choice(
        [
            [{"field_name": "name"}, {"field_name": "creation_timestamp", "ascending": False}],
            [{"field_name": "name", "ascending": False}, {"field_name": "creation_timestamp", "ascending": True}],
        ]
    )

    def create(s: Side) -> Any:
        run = s.runs[other] if place % 2 else None
        made = s.client.create_logged_model(
            s.experiments[other], name, run, {key: value}, {key: value}, "T" if place % 3 else None
        )
        s.models.append(made.model_id)
        return logged_of(s, made)

    def search(s: Side) -> Any:
        experiments = s.experiments if place % 2 else s.experiments[:1]
        return pages(
            lambda token: s.client.search_logged_models(experiments, text or None, None, size, order, token),
            lambda found: logged_of(s, found),
        )

    def measure(s: Side) -> None:
        s.points += 1  # a point that is logged twice for a model is a refusal there, and counts once here
        point = Metric(key, number, s.points, place % 3, s.models[place], data, "d" if data else None)
        s.client.log_batch(s.runs[other], [point])

    return r.choice(
        [
            *[(f"create {name}", create)] * 3,
            (f"get {place}", lambda s: logged_of(s, s.client.get_logged_model(s.models[place]))),
            (f"tag {place}", lambda s: s.client.set_logged_model_tags(s.models[place], {key: value})),
            (f"untag {place}", lambda s: s.client.delete_logged_model_tag(s.models[place], key)),
            (
                f"param of {place}",
                lambda s: s.client.log_model_params(s.models[place], {key: value}),
            ),
            (
                f"finalize {place} {status}",
                lambda s: logged_of(s, s.client.finalize_logged_model(s.models[place], LoggedModelStatus(status))),
            ),
            *[(f"measure {place}", measure)] * 2,
            *([(f"delete {place}", lambda s: s.client.delete_logged_model(s.models[place]))] if size == 1 else []),
            *[(f"search {text!r} by {order} in pages of {size}", search)] * 3,
        ]
    )


def of_searches(r: random.Random) -> Operation:
    name, key, value, size = r.choice(MODELS), r.choice(KEYS), r.choice(VALUES), r.choice([1, 2, 3, 100])
    terms = [
        *(f"name = '{name}'", f"name LIKE '{name[:1]}%'", f"name ILIKE '{name.upper()}%'", f"name != '{name}'"),
        *(f"tags.`{key}` = '{value}'", f"tags.`{key}` != '{value}'", f"tags.`{key}` LIKE '{value[:1]}%'"),
    ]
    of_versions = [
        *terms,
        "version_number > 1",
        "version_number <= 2",
        f"run_id = '{value}'",
        "source_path LIKE 's3://%'",
    ]
    text = " AND ".join(r.sample(terms, r.randint(0, 2)))
    among = " AND ".join(r.sample(of_versions, r.randint(0, 2)))
    order = r.choice([["name"], ["name DESC"], ["name ASC"]])
    by = r.choice([["name", "version_number"], ["version_number DESC", "name DESC"], ["name DESC", "version_number"]])
    prompt = r.random() < 0.2
    number, alias, stage = str(r.randint(1, 4)), r.choice(["a", "b"]), r.choice(["Staging", "Production", "Archived"])
    tags = {key: value, **({"mlflow.prompt.is_prompt": "true"} if prompt else {})}
    return r.choice(
        [
            (f"create {name} {tags}", lambda s: s.client.create_registered_model(name, tags).tags),
            *[
                (
                    f"register {name}",
                    lambda s: str(s.client.create_model_version(name, "s3://b/m", value, {key: value}).version),
                )
            ]
            * 3,
            (f"alias {name} {alias} {number}", lambda s: s.client.set_registered_model_alias(name, alias, number)),
            (
                f"stage {name} {number}",
                lambda s: str(s.client.transition_model_version_stage(name, number, stage).version),
            ),
            (
                f"copy {name}@{alias}",
                lambda s: copied(s, r.choice(["a", "b"]), f"models:/{name}@{alias}"),
            ),
            (f"copy {name}/{number}", lambda s: copied(s, "a", f"models:/{name}/{number}")),
            (
                f"download uri of {name}/{number}",
                lambda s: s.client.get_model_version_download_uri(name, number),
            ),
            *([(f"delete {name}/{number}", lambda s: s.client.delete_model_version(name, number))] if size < 3 else []),
            *([(f"delete {name}", lambda s: s.client.delete_registered_model(name))] if size == 1 else []),
            *[
                (
                    f"models {text!r} {order} in pages of {size}",
                    lambda s: pages(
                        lambda token: s.client.search_registered_models(text, size, order, token),
                        lambda found: [found.name, found.tags, sorted(str(v.version) for v in found.latest_versions)],
                    ),
                )
            ]
            * 3,
            *[
                (
                    f"versions {among!r} {by} in pages of {size}",
                    lambda s: pages(
                        lambda token: s.client.search_model_versions(among, size, by, token),
                        lambda found: [found.name, str(found.version), found.current_stage, found.tags, found.run_id],
                    ),
                )
            ]
            * 3,
        ]
    )


def main(real_uri: str, server_url: str, seed: str, operations: str) -> None:
    """Play until the outcomes differ."""
    logging.disable(logging.WARNING)
    r, sides = random.Random(int(seed)), (Side(real_uri), Side(server_url))
    done = []
    for _ in range(int(operations)):
        label, act = r.choice([of_logged_models, of_searches])(r)
        state = r.getstate()
        outcomes = []
        for side in sides:
            r.setstate(state)
            outcomes.append(side.outcome(act))
        done.append(label)
        if outcomes[0] != outcomes[1]:
            print(json.dumps({"after": done[-15:], "expected": outcomes[0], "found": outcomes[1]}, default=str))
            return
    print("null")


if __name__ == "__main__":
    main(*sys.argv[1:])
