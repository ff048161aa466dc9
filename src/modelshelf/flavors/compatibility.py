"""Whether one model can take the place of another without its callers noticing."""

from modelshelf.flavors.schema import Schema
from modelshelf.flavors.signature import ModelSignature


def breaks(before: ModelSignature | None, after: ModelSignature | None) -> str:
    """What callers of the old model would trip over with the new one; empty where there is nothing.

    They send what the old one took: the new one may need no other column and no other type. They read what the old one
    gave: the new one has to give that too, of the same types. Where a signature says nothing, nothing breaks.
    """
    if before is None or after is None:
        return ""
    return _inputs(before.inputs, after.inputs) or _outputs(before.outputs, after.outputs) or _params(before, after)


def _inputs(before: Schema | None, after: Schema | None) -> str:
    if before is None or after is None:
        return ""
    had = before.input_dict()
    for name, wanted in after.input_dict().items():
        if name not in had:
            if wanted.required:
                return f"it needs the input {name!r}, which the version before did not take"
        elif had[name].to_dict() | {"required": None} != wanted.to_dict() | {"required": None}:
            return f"the input {name!r} was {had[name]!r} and would be {wanted!r}"
        elif wanted.required and not had[name].required:
            return f"the input {name!r} was optional and would be required"
    return ""


def _outputs(before: Schema | None, after: Schema | None) -> str:
    if before is None or after is None:
        return ""
    gives = after.input_dict()
    for name, promised in before.input_dict().items():
        if name not in gives:
            return f"the output {name!r} would be gone"
        if gives[name].to_dict() | {"required": None} != promised.to_dict() | {"required": None}:
            return f"the output {name!r} was {promised!r} and would be {gives[name]!r}"
    return ""


def _params(before: ModelSignature, after: ModelSignature) -> str:
    known = {each.name for each in after.params or ()}
    lost = [each.name for each in before.params or () if each.name not in known]
    return f"the parameter {lost[0]!r} would be gone" if lost and after.params is not None else ""
