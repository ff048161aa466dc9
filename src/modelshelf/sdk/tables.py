"""Tables of runs: rows stored as JSON or Parquet, to which later calls add."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.sdk import run_files
from modelshelf.sdk.paging import every
from modelshelf.services.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

TABLES_TAG = "mlflow.loggedArtifacts"
_FORBIDDEN = "\"',:[]{}"


def log_table(shelf: Registry, run_id: str, data: "Mapping[str, Any] | pd.DataFrame", artifact_file: str) -> None:
    """Add rows to a table of a run. Raises Invalid for a name that doesn't end in .json or .parquet."""
    import pandas as pd

    _check_name(artifact_file)
    if not isinstance(data, Mapping | pd.DataFrame):
        raise Invalid(f"a table must be a DataFrame or a dict, not {type(data).__name__}")
    run = shelf.tracking.run(run_id)
    before, added = _stored(shelf, run.artifact_root, artifact_file), _frame(data)
    table = added if before is None else pd.concat([before, added], ignore_index=True)
    run_files.put_written(shelf, run.artifact_root, artifact_file, lambda path: _write(table, str(path)))
    known = json.loads(run.tags.get(TABLES_TAG, "[]"))
    entry = {"path": artifact_file, "type": "table"}
    if entry not in known:
        shelf.tracking.tag_run(run_id, {TABLES_TAG: json.dumps([*known, entry])})


def load_table(
    shelf: Registry,
    experiment_id: str,
    artifact_file: str,
    run_ids: Sequence[str] | None = None,
    extra_columns: Sequence[str] | None = None,
) -> "pd.DataFrame":
    """The rows that runs of an experiment stored, with columns such as `run_id` if asked. Raises NotFound for none."""
    import pandas as pd

    _check_name(artifact_file)
    pattern = f'%"path"%:%"{artifact_file}",%"type"%:%"table"%'
    runs = every(
        lambda limit, token: shelf.tracking.search_runs(
            [experiment_id], f"tags.{TABLES_TAG} LIKE '{pattern}'", limit=limit, page_token=token
        )
    )
    frames = []
    for run in runs:
        if run_ids and run.id not in run_ids:
            continue
        frame = _stored(shelf, run.artifact_root, artifact_file)
        if frame is not None:
            for column in extra_columns or ():
                frame[f"{column}_" if column in frame else column] = _column(run, column)
            frames.append(frame)
    if not frames:
        raise NotFound(f"no run of the experiment {experiment_id} has a table {artifact_file!r}", path=artifact_file)
    return pd.concat(frames, ignore_index=True)


def _column(run: Any, column: str) -> Any:
    """What `search_runs` shows in the column: `run_id`, `start_time`, `params.depth`, ..."""
    from modelshelf.sdk.search import table_of
    from modelshelf.sdk.translation import run as translated

    table = table_of([translated(run)])
    if column not in table:
        raise Invalid(f"the run {run.id} has no column {column!r}; it has {', '.join(map(str, table.columns))}")
    return table[column].iloc[0]


def _check_name(artifact_file: str) -> None:
    if any(character in artifact_file for character in _FORBIDDEN):
        raise Invalid(f"the name of a table may not contain any of {_FORBIDDEN}: {artifact_file!r}", path=artifact_file)
    if not artifact_file.endswith((".json", ".parquet")):
        raise Invalid(f"a table is stored in a file that ends in .json or .parquet, not {artifact_file!r}")


def _frame(data: "Mapping[str, Any] | pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    try:
        return pd.DataFrame(data)
    except ValueError:  # single values rather than columns: one row
        return pd.DataFrame([data])


def _write(table: "pd.DataFrame", path: str) -> None:
    if path.endswith(".json"):
        table.to_json(path, orient="split", index=False, date_format="iso")
    else:
        table.to_parquet(path, index=False)


def _stored(shelf: Registry, root: str, artifact_file: str) -> "pd.DataFrame | None":
    import pandas as pd

    content = run_files.read(shelf, root, artifact_file)
    if content is None:
        return None
    if artifact_file.endswith(".json"):
        return pd.read_json(io.StringIO(content.getvalue().decode()), orient="split")
    return pd.read_parquet(content)
