"""`modelshelf show`: a model, or one version, in detail."""

import json
from typing import Any

import click

from modelshelf.cli import contents, holding, records, references
from modelshelf.cli.blocks import Block, Facts, Heading, Instant, Prose, Short, Size, Styled, Table
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import model_names
from modelshelf.cli.contents import Contents, column_texts
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.catalog import ModelVersion, RegisteredModel
from modelshelf.domain.governance import Move
from modelshelf.domain.tracking import Run
from modelshelf.services.registry import Registry


@click.command("show", cls=Command)
@click.argument("reference", metavar="REFERENCE", shell_complete=model_names)
@pass_invocation
def command(invocation: Invocation, reference: str) -> None:
    """Show a model (NAME), or a version: NAME/3, NAME@ALIAS, NAME/latest or any models:/ URI."""
    registry = invocation.registry()
    found = references.resolve(registry, reference)
    held = holding.last_moves(registry, found.name)
    if isinstance(found, RegisteredModel):
        _show_model(invocation, found, held)
    else:
        _show_version(invocation, registry, found, held)


def _titled(title: str, table: Table) -> list[Block]:
    """A table below its title, if there is anything in it."""
    return [Heading(title), table] if table.rows else []


def _tag_blocks(tags: dict[str, str]) -> list[Block]:
    return _titled("Tags", Table(("tag", "value"), sorted(tags.items())))


def _show_model(invocation: Invocation, model: RegisteredModel, held: dict[str, Move]) -> None:
    content = {"kind": "model", **records.model(model), "held": holding.content(model.aliases, held)}
    facts = [
        ("model", model.name),
        ("description", Prose(model.description) if model.description else None),
        ("newest version", records.latest_number(model)),
        ("created", Instant(model.created_ms)),
        ("by", model.created_by),
        ("updated", Instant(model.updated_ms)),
    ]
    stages = [
        (version.stage.value, version.number, Instant(version.created_ms))
        for version in model.latest_versions
        if version.stage.value != "None"
    ]
    invocation.show(
        content,
        Facts(facts),
        Heading("Aliases"),
        holding.table(model.aliases, held, "none"),
        *_titled("Stages", Table(("stage", "newest version", "created"), stages)),
        *_tag_blocks(model.tags),
    )


def _show_version(invocation: Invocation, registry: Registry, version: ModelVersion, held: dict[str, Move]) -> None:
    inside, run = contents.read(registry, version), contents.run_of(invocation.tracking(), version)
    aliases = dict.fromkeys(version.aliases, version.number)
    content = {
        "kind": "version",
        **records.version(version),
        "held": holding.content(aliases, held),
        "flavors": list(inside.flavors),
        "signature": inside.signature,
        "requirements": list(inside.requirements),
        "files": [records.file(entry) for entry in inside.files],
        "fault": inside.fault or None,
        "run": records.run(run) if run else None,
    }
    invocation.show(
        content,
        _version_facts(version, inside, run),
        *_titled("Aliases", holding.table(aliases, held, "")),
        *_tag_blocks(version.tags),
        *_signature_blocks(inside.signature),
        *_run_blocks(run),
        *_titled("Requirements", Table(("package",), [(line,) for line in inside.requirements])),
        *_file_blocks(inside),
    )


def _version_facts(version: ModelVersion, inside: Contents, run: Run | None) -> Facts:
    run_text = f"{version.run_id} ({run.name}, {run.status.value})" if run else version.run_id
    return Facts(
        [
            ("version", version.uri),
            ("description", Prose(version.description) if version.description else None),
            ("stage", version.stage.value),
            ("approval", version.approval_status or None),
            ("created", Instant(version.created_ms)),
            ("by", version.created_by),
            ("updated", Instant(version.updated_ms)),
            ("source", version.source),
            ("run", run_text),
            ("run link", version.run_link),
            ("logged model", version.logged_model),
            ("sealed as", version.manifest or "unsealed: its files lie outside of the store"),
            ("size", Size(version.size) if version.sealed else None),
            ("flavors", ", ".join(inside.flavors)),
            ("fault", Styled(inside.fault, "red") if inside.fault else None),
        ]
    )


def _signature_blocks(signature: dict[str, Any] | None) -> list[Block]:
    if signature is None:
        return []
    rows = [(side.rstrip("s"), *column) for side, specs in signature.items() for column in column_texts(specs)]
    return [Heading("Signature"), Table(("side", "name", "type"), rows, json.dumps(signature))]


def _run_blocks(run: Run | None) -> list[Block]:
    if run is None:
        return []
    metrics = [(key, point.value, point.step) for key, point in sorted(run.metrics.items())]
    return [
        Heading("Metrics of the run"),
        Table(("metric", "value", "step"), metrics, "none"),
        Heading("Params of the run"),
        Table(("param", "value"), sorted(run.params.items()), "none"),
    ]


def _file_blocks(inside: Contents) -> list[Block]:
    rows = [(entry.path, Size(entry.size), Short(entry.digest)) for entry in inside.files]
    return _titled("Files", Table(("file", "size", "digest"), rows))
