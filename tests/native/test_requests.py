"""What the native API takes and refuses, request by request."""

from typing import Any
from urllib.parse import quote

import pytest

from asking import Ask
from modelshelf.domain.access import Actor, Role
from modelshelf.native import wire


def test_a_model_is_made_and_read(ask: Ask) -> None:
    made = ask("POST", "/models", {"name": "fraud", "tags": {"team": "risk"}})
    read = ask("GET", "/models/fraud")

    assert (made.status, read.status) == (201, 200)
    assert made.json == read.json
    assert read.headers["content-type"] == "application/json"


def test_a_refusal_is_a_problem_with_a_code_and_details(ask: Ask) -> None:
    refused = ask("GET", "/models/chrn")

    assert refused.status == 404
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json == {
        "type": "urn:modelshelf:problem:not_found",
        "title": "The thing named is not there",
        "status": 404,
        "detail": "no registered model 'chrn' (did you mean 'churn'?)",
        "code": "not_found",
        "details": {"model": "chrn"},
        "request_id": "test",
    }


@pytest.mark.parametrize(
    ("json", "named"),
    [
        ({}, "name"),
        ({"name": 3}, "name"),
        ({"name": "x", "tags": {"a": 1}}, "tags"),
        ({"name": "x", "colour": "red"}, "colour"),
        ([], "array"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_the_name_of_the_field(ask: Ask, json: Any, named: str) -> None:
    refused = ask("POST", "/models", json)

    assert (refused.status, refused.json["code"]) == (400, "invalid")
    assert named in refused.json["detail"]


@pytest.mark.parametrize("body", [b"{", b'{"name": "\\ud800"}', b"\xff", b"[" * 100_000, b'{"x":' * 100_000, b"nul"])
def test_a_body_that_is_no_json_is_refused(ask: Ask, body: bytes) -> None:
    refused = ask("POST", "/models", body=body)

    assert (refused.status, refused.json["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=1&limit=2", "colour=red", "before=null", "before=%ff", f"limit={2**70}"]
)
def test_a_query_that_does_not_fit_is_refused(ask: Ask, query: str) -> None:
    refused = ask("GET", f"/events/latest?{query}")

    assert (refused.status, refused.json["code"]) == (400, "invalid")


def test_a_body_must_say_that_it_is_json(ask: Ask) -> None:
    refused = ask("POST", "/models", {"name": "x"}, **{"Content-Type": "text/plain"})

    assert refused.status == 415


def test_a_body_has_a_limit(ask: Ask) -> None:
    refused = ask("POST", "/models", body=b" " * ((16 << 20) + 1))

    assert refused.status == 413


def test_another_verb_is_refused_with_those_that_there_are(ask: Ask) -> None:
    refused = ask("PATCH", "/models/churn")

    assert (refused.status, refused.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")


def test_nothing_is_at_an_unknown_path(ask: Ask) -> None:
    refused = ask("GET", "/modells")

    assert refused.status == 404
    assert "/api/v1/docs" in refused.json["detail"]


def test_head_tells_the_length_and_sends_nothing(ask: Ask) -> None:
    whole, head = ask("GET", "/models/churn"), ask("HEAD", "/models/churn")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize("name", ["a%2Fb", "100%", "modèle", "x y", "a@b", "a+b", "a;b", "..a", "~"])
def test_a_name_is_decoded_once_wherever_it_stands(ask: Ask, name: str) -> None:
    ask("POST", "/models", {"name": name})

    assert ask("GET", f"/models/{quote(name, safe='')}").json["name"] == name
    condition = quote(f"name = '{name}'")
    assert ask("GET", f"/models?filter={condition}").json["items"][0]["name"] == name


def test_an_encoded_slash_is_part_of_a_key(ask: Ask) -> None:
    done = ask("PUT", "/models/churn/tags/team%2Fowner", {"value": "ada"})

    assert (done.status, done.body) == (204, b"")
    assert ask("GET", "/models/churn").json["tags"] == {"team/owner": "ada"}


def test_a_search_is_linked_page_by_page(ask: Ask) -> None:
    ask("POST", "/models", {"name": "fraud"})

    first = ask("GET", "/models?limit=1&order_by=name&filter=name%20LIKE%20%27%25%27")
    link = first.headers["link"]
    second = ask("GET", "/models" + link.removeprefix("<").partition(">")[0])

    assert link.endswith('; rel="next"')
    assert [each["name"] for each in first.json["items"] + second.json["items"]] == ["churn", "fraud"]
    assert "link" not in second.headers


def test_a_search_may_come_in_a_body(ask: Ask) -> None:
    found = ask("POST", "/versions/search", {"filter": "name = 'churn'", "order_by": ["version DESC"]})

    assert [each["number"] for each in found.json["items"]] == [2, 1]


def test_a_value_that_is_not_a_number_is_null(ask: Ask) -> None:
    run = ask("POST", "/runs", {"experiment_id": "0"}).json["id"]

    logged = ask("POST", f"/runs/{run}/metrics", {"points": [{"key": "auc", "value": None, "time_ms": 1}]})

    assert logged.status == 204
    assert ask("GET", f"/runs/{run}").json["metrics"]["auc"]["value"] is None


def test_what_went_wrong_inside_is_not_told(ask: Ask, embedded, caplog: pytest.LogCaptureFixture) -> None:
    with embedded._database.write() as tx:
        tx.execute("DROP TABLE model_tags")

    refused = ask("GET", "/models/churn")

    assert refused.status in {500, 503}
    assert "model_tags" not in refused.body.decode()
    assert "request test" in refused.json["detail"]
    assert "model_tags" in caplog.text


def test_the_caller_is_told_who_it_is(ask: Ask) -> None:
    assert ask("GET", "/me").json == {"name": "alice", "role": "admin"}


@pytest.mark.parametrize(
    ("path", "json", "told"),
    [
        (
            "/runs/{run}/metrics",
            {"points": [{"key": "auc", "value": 1, "time_ms": 1}, {"key": "auc", "value": 1, "time_ms": 1, "stop": 2}]},
            "unknown field `stop` in `points[1]`; there is key, value, time_ms, step",
        ),
        (
            "/runs/{run}/inputs",
            {"datasets": [{"dataset": {"name": "d", "digest": "1", "sauce": "x"}}]},
            "unknown field `sauce` in `datasets[0].dataset`; there is name, digest",
        ),
        (
            "/models/churn/versions",
            {"manifest": {"files": [], "id": "sha256:0"}},
            "unknown field `id` in `manifest`; there is files",
        ),
        ("/models", {"name": "x", "colour": "red"}, "unknown field `colour`; there is name, description, tags"),
        ("/blobs/fetch", {"digests": [], "digest": ""}, "unknown field `digest`; there is digests"),
    ],
)
def test_a_field_that_nobody_reads_is_named_with_those_that_there_are(
    ask: Ask, path: str, json: Any, told: str
) -> None:
    run = ask("POST", "/runs", {"experiment_id": "0"}).json["id"]

    refused = ask("POST", path.replace("{run}", run), json)

    assert (refused.status, refused.json["code"]) == (400, "invalid")
    assert told in refused.json["detail"]


def test_free_names_in_a_body_are_no_fields(ask: Ask) -> None:
    made = ask("POST", "/models", {"name": "fraud", "tags": {"colour": "red"}})

    assert made.json["tags"] == {"colour": "red"}


def test_a_client_reads_answers_with_fields_that_it_does_not_know() -> None:
    told = b'{"name":"alice","role":"admin","colour":"red"}'

    assert wire.decode(told, Actor) == Actor("alice", Role.ADMIN)
