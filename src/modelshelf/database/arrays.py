"""A list as one parameter: a JSON array that the database reads as a table with one column, `value`."""

from modelshelf.database.database import Transaction


def numbers(tx: Transaction, parameter: str) -> str:
    """A FROM item over the JSON array of whole numbers in `:parameter`, which it is also called."""
    if tx.dialect == "sqlite":
        return f"json_each(:{parameter}) AS {parameter}"
    return (
        f"(SELECT CAST(item AS BIGINT) AS value FROM jsonb_array_elements_text(CAST(:{parameter} AS JSONB)) AS item)"
        f" AS {parameter}"
    )


def texts(tx: Transaction, parameter: str) -> str:
    """A FROM item over the JSON array of texts in `:parameter`, which it is also called."""
    if tx.dialect == "sqlite":
        return f"json_each(:{parameter}) AS {parameter}"
    return f"(SELECT item AS value FROM jsonb_array_elements_text(CAST(:{parameter} AS JSONB)) AS item) AS {parameter}"


def objects(tx: Transaction, key: str, value: str) -> str:
    """An aggregate that gathers two columns into the text of one JSON object."""
    if tx.dialect == "sqlite":
        return f"json_group_object({key}, {value})"
    return f"CAST(json_object_agg({key}, {value}) AS TEXT)"


def lists(tx: Transaction, column: str) -> str:
    """An aggregate that gathers a column into the text of one JSON array."""
    if tx.dialect == "sqlite":
        return f"json_group_array({column})"
    return f"CAST(json_agg({column}) AS TEXT)"
