"""Templates, and what all of them know: links, formats, who is asking, where they are."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from modelshelf.domain.events import EventName
from modelshelf.ui import formatting, links, markdown, seals, statics
from modelshelf.ui.exchange import Answer, Asked, Header

FOLDER: Final = Path(__file__).parent / "templates"


def page(
    asked: Asked, template: str, *, title: str, status: int = 200, headers: tuple[Header, ...] = (), **shown: Any
) -> Answer:
    """A page made of a template; `title` is that of the window."""
    values = {
        "asked": asked,
        "title": title,
        "seal": asked.seal.value(),
        "since": lambda time_ms: formatting.time_tag(time_ms, asked.now_ms),
        **shown,
    }
    text = _environment().get_template(template).render(values)
    return Answer(text.encode("utf-8", "replace"), status, headers=headers)


def warm() -> None:
    """Compile all templates, so that nobody waits for that."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from modelshelf.ui.navigation import SECTIONS

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(
        links=links,
        static=statics.url,
        sections=SECTIONS,
        seal_field=seals.FIELD,
        events=" ".join(value for key, value in vars(EventName).items() if key.isupper()),
    )
    made.filters.update(
        size=formatting.size,
        number=formatting.number,
        duration=formatting.duration,
        short=formatting.short,
        absolute=formatting.absolute,
        hue=formatting.hue,
        shape=formatting.shape,
        markdown=markdown.render,
    )
    return made
