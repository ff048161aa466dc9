"""The page with which everything begins: all models, and what of each is in production."""

from modelshelf.domain.catalog import RegisteredModel
from modelshelf.domain.governance import Move
from modelshelf.domain.searchable import MODELS
from modelshelf.ui import listing
from modelshelf.ui.exchange import Answer, Asked, Routes
from modelshelf.ui.holding import held, newest, serving
from modelshelf.ui.listing import Column
from modelshelf.ui.rendering import page

_SIZE = 50
_PROMPT = listing.keyed("tags", "mlflow.prompt.is_prompt")
COLUMNS = (
    Column("name", "Model", "name"),
    Column("serving", "In production"),
    Column("aliases", "Aliases"),
    Column("newest", "Newest", is_number=True),
    Column("stages", "Stages", shown=False),
    Column("description", "Description", "description", shown=False),
    Column("tags", "Tags", shown=False),
    Column("updated", "Updated", "updated"),
    Column("created", "Created", "created", shown=False),
    Column("created_by", "Created by", "created_by", shown=False),
)


def models(asked: Asked) -> Answer:
    """Search them, fifty at a time."""
    query = listing.read(asked, MODELS, words="name", order=("name",), always=(f"{_PROMPT} IS NULL",))
    rows: list[dict[str, object]] = []
    token = None
    if not query.error:
        found = asked.registry.catalog.search_models(
            query.filter, order_by=query.order_by, limit=_SIZE, page_token=asked.one("page") or None
        )
        rows, token = _rows(asked, found.items), found.next_token
    chosen = listing.columns(asked, COLUMNS)
    return page(
        asked,
        "models.html",
        title="Models",
        status=400 if query.error else 200,
        query=query,
        rows=rows,
        next_token=token,
        columns=[COLUMNS[0], *(column for column in chosen if column.key != "name")],
        known=COLUMNS,
        is_filtered=bool(query.text or any(asked.one(name) for name in ("alias", "stage", "tag"))),
    )


def _rows(asked: Asked, models: tuple[RegisteredModel, ...]) -> list[dict[str, object]]:
    moves: dict[int, list[Move]] = {}
    for move in asked.registry.overviews.alias_moves([model.id for model in models]):
        moves.setdefault(move.model_id, []).append(move)
    rows, protections = [], asked.registry.governance.protections()
    for model in models:
        holding = held(model.aliases, moves.get(model.id, []), model=model.name, protections=protections)
        rows.append({"model": model, "held": holding, "serving": serving(model, holding), "newest": newest(model)})
    return rows


ROUTES: Routes = {("GET", "/"): models, ("GET", "/models"): models}
