"""What is said about models and versions, as forms: descriptions and tags."""

from dataclasses import dataclass

from modelshelf.domain.errors import NotFound
from modelshelf.domain.names import DESCRIPTION_LIMIT, TAG_KEY_LIMIT, TAG_VALUE_LIMIT, bounded, tag_key
from modelshelf.ui import links
from modelshelf.ui.actions import Change, Done, Input, Step, action
from modelshelf.ui.exchange import Asked, Routes

_MODEL, _VERSION = "/models/{name}", "/models/{name}/versions/{number}"


@dataclass(frozen=True, slots=True)
class _Subject:
    """The model or version that something is said about."""

    title: str
    place: str
    description: str
    tags: dict[str, str]
    number: int | None = None


def _subject(asked: Asked) -> _Subject:
    name = asked.parts["name"]
    if "number" not in asked.parts:
        model = asked.registry.catalog.model(name)
        return _Subject(name, links.model(name), model.description, model.tags)
    version = asked.registry.catalog.version(name, asked.number("number"))
    place = links.version(name, version.number)
    return _Subject(f"version {version.number} of {name}", place, version.description, version.tags, version.number)


def description(asked: Asked) -> Step:
    """Ask for a text; then show the old one and the new one."""
    about = _subject(asked)
    if asked.method == "GET":
        field = Input(
            "description",
            "Description",
            "area",
            about.description,
            "Markdown; raw HTML is shown as text.",
            limit=DESCRIPTION_LIMIT,
        )
        return Step(
            f"Describe {about.title}",
            "Continue",
            about.place,
            "Nothing changes yet: the next page shows the old text and the new one.",
            (field,),
            is_final=False,
        )
    text = bounded(asked.field("description"), "description", DESCRIPTION_LIMIT)
    return Step(
        f"Change the description of {about.title}?",
        "Change the description",
        about.place,
        changes=(Change("description", about.description, text),),
        kept={"description": text},
    )


def describe(asked: Asked) -> Done:
    """Set the text."""
    about, text = _subject(asked), asked.field("description")
    if about.number is None:
        asked.registry.catalog.describe_model(asked.parts["name"], text)
    else:
        asked.registry.catalog.describe_version(asked.parts["name"], about.number, text)
    return Done(about.place, f"The description of {about.title} has been changed.")


def tagging(asked: Asked) -> Step:
    """Ask for a key and a value; then tell what the tag was and will be."""
    about, key = _subject(asked), asked.given("key")
    value = asked.field("value") if asked.method == "POST" else about.tags.get(key, "")
    if asked.method == "GET":
        return Step(
            f"Tag {about.title}",
            "Continue",
            about.place,
            "Nothing changes yet: the next page shows exactly what would.",
            (
                Input(
                    "key",
                    "Key",
                    value=key,
                    required=True,
                    hint="letters, digits, spaces and _ - . / :",
                    limit=TAG_KEY_LIMIT,
                ),
                Input("value", "Value", "area", value, limit=TAG_VALUE_LIMIT),
            ),
            is_final=False,
        )
    key, value = tag_key(key), bounded(value, "value", TAG_VALUE_LIMIT)
    return Step(
        f"Tag {about.title}?",
        "Set the tag",
        about.place,
        changes=(Change(f"tag {key}", about.tags.get(key, ""), value),),
        kept={"key": key, "value": value},
    )


def tag(asked: Asked) -> Done:
    """Set the tag."""
    about, key, value = _subject(asked), asked.given("key"), asked.field("value")
    if about.number is None:
        asked.registry.catalog.tag_model(asked.parts["name"], key, value)
    else:
        asked.registry.catalog.tag_version(asked.parts["name"], about.number, key, value)
    return Done(about.place, f"The tag {key} of {about.title} has been set.")


def untagging(asked: Asked) -> Step:
    """Tell what is lost."""
    about, key = _subject(asked), asked.given("key")
    if key not in about.tags:
        raise NotFound(f"{about.title} has no tag {key[:TAG_KEY_LIMIT]!r}", key=key)
    return Step(
        f"Remove a tag of {about.title}?",
        "Remove the tag",
        about.place,
        changes=(Change(f"tag {key}", about.tags[key], ""),),
        kept={"key": key},
        is_dangerous=True,
    )


def untag(asked: Asked) -> Done:
    """Remove the tag."""
    about, key = _subject(asked), asked.given("key")
    if about.number is None:
        asked.registry.catalog.untag_model(asked.parts["name"], key)
    else:
        asked.registry.catalog.untag_version(asked.parts["name"], about.number, key)
    return Done(about.place, f"The tag {key} of {about.title} has been removed.")


ROUTES: Routes = {
    **action(f"{_MODEL}/describe", description, describe),
    **action(f"{_MODEL}/tag", tagging, tag),
    **action(f"{_MODEL}/untag", untagging, untag),
    **action(f"{_VERSION}/describe", description, describe),
    **action(f"{_VERSION}/tag", tagging, tag),
    **action(f"{_VERSION}/untag", untagging, untag),
}
