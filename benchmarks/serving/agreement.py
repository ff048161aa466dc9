"""Whether both servers say the same of the content: what is compared is then known to be comparable."""

import json
from typing import Any

from serving.client import Client
from serving.content import ALIAS, EXPERIMENT, Content

_PAGE = 100


def said(client: Client, content: Content) -> dict[str, Any]:
    """Answers to some questions, as far as they must be the same."""
    name, middle = content.model(content.models // 2), content.versions // 2
    run = content.run_id(3)
    by_alias = client.get("/registered-models/alias", name=name, alias=ALIAS)["model_version"]
    return {
        "alias": _version(by_alias),
        "version": _version(client.get("/model-versions/get", name=name, version=1)["model_version"]),
        "run": client.get("/runs/get", run_id=run)["run"]["data"]["metrics"],
        "by name": _versions(client, f"name = '{name}'"),
        "by tag": _versions(client, "tags.team = 'team-7'"),
        "by commit": _versions(client, f"tags.commit = '{content.commit(middle)}'"),
        "by run": _versions(client, f"run_id = '{run}'"),
        "by text": _versions(client, f"name LIKE '%-{content.models // 2}-%'"),
        "all": _versions(client, ""),
        "runs by metric": _runs(client),
    }


def disagreements(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The questions that were answered differently, with both answers."""
    return [
        f"{question}: modelshelf says {json.dumps(ours[question])[:300]}, mlflow {json.dumps(theirs[question])[:300]}"
        for question in ours
        if ours[question] != theirs[question]
    ]


def _version(given: dict[str, Any]) -> list[Any]:
    tags = sorted((tag["key"], tag["value"]) for tag in given.get("tags", []))
    fields = ("name", "version", "source", "run_id", "current_stage", "creation_timestamp", "last_updated_timestamp")
    return [*(given.get(field, "") for field in fields), tags]


def _versions(client: Client, filter: str) -> list[Any]:
    page = client.get("/model-versions/search", filter=filter, max_results=_PAGE)
    return [_version(version) for version in page.get("model_versions", [])]


def _runs(client: Client) -> list[str]:
    page = client.post("/runs/search", experiment_ids=[EXPERIMENT], order_by=["metrics.auc DESC"], max_results=_PAGE)
    return [run["info"]["run_id"] for run in page["runs"]]
