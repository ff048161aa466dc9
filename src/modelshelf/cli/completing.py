"""Words that a shell offers: the names of models and aliases on the shelf, wherever they can be had at once."""

import click
from click.shell_completion import CompletionItem

from modelshelf.cli.invocation import Invocation
from modelshelf.cli.paging import found
from modelshelf.cli.quoting import containing
from modelshelf.domain.names import Stage

_MOST = 200


def model_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models whose names begin like that; none where the shelf can't be read: a shell must not hear of it."""
    try:
        registry = context.ensure_object(Invocation).registry()
        fitting = containing("name", incomplete) if incomplete else ""
        models = found(
            lambda limit, token: registry.catalog.search_models(fitting, limit=limit, page_token=token), _MOST
        ).items
    except Exception:
        return []
    return [CompletionItem(model.name) for model in models if model.name.startswith(incomplete)]


def alias_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Aliases of the model that the command line names already."""
    try:
        aliases = context.ensure_object(Invocation).registry().catalog.model(context.params["name"]).aliases
    except Exception:
        return []
    return [CompletionItem(alias) for alias in aliases if alias.startswith(incomplete)]


def stage_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The four stages, in any case."""
    return [CompletionItem(stage.value) for stage in Stage if stage.value.lower().startswith(incomplete.lower())]
