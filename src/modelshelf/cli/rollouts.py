"""`modelshelf rollout`: live traffic that goes over to a new version step by step."""

import re
import time
from collections.abc import Callable

import click

from modelshelf.cli import arguments, inert, rollout_texts
from modelshelf.cli.blocks import Note
from modelshelf.cli.commands import Group
from modelshelf.cli.completing import alias_names, model_names
from modelshelf.cli.failures import REFUSED
from modelshelf.cli.invocation import Invocation, pass_invocation
from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.domain.rollouts import Rollout, RolloutState
from modelshelf.services.registry import Registry

WATCH_SECONDS = 2.0
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_EVERY = re.compile(r"(\d{1,7})([smhd])", re.ASCII)

_which = click.argument("which", metavar="ID|NAME", shell_complete=model_names)


@click.group("rollout", cls=Group)
def command() -> None:
    """Move live traffic to a new version step by step, and back by itself where that is worse.

    ID|NAME is the number of a rollout, or a model: then its newest one is meant.
    """


@command.command("start")
@arguments.name
@click.option("--to", "version", type=click.IntRange(1), required=True, metavar="VERSION", help="The new version.")
@click.option("--alias", required=True, metavar="ALIAS", shell_complete=alias_names, help="The alias that it is for.")
@click.option("--steps", default="5,25,50,100", show_default=True, metavar="PERCENTS", help="Shares of the traffic.")
@click.option(
    "--every", default="10m", show_default=True, metavar="TIME", help="How long each takes: 30s, 10m, 2h, 1d."
)
@click.option(
    "--min-requests",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="A step ends after N requests to the new version at the soonest.",
)
@click.option(
    "--error-rate",
    type=float,
    default=0.05,
    show_default=True,
    metavar="RATE",
    help="How often, at most, a version that is as good as the old one is rolled back.",
)
@click.option("--shadow", is_flag=True, help="Send copies to the new version, and serve only the old one's answers.")
@arguments.reason
@pass_invocation
def start(
    invocation: Invocation,
    name: str,
    version: int,
    alias: str,
    steps: str,
    every: str,
    min_requests: int,
    error_rate: float,
    shadow: bool,
    reason: str,
) -> None:
    """Start sending traffic that follows an alias of the model NAME to another version."""
    rollout = invocation.registry().rollouts.start(
        name,
        version,
        alias=alias,
        steps=percents(steps),
        every_ms=every_ms(every),
        min_requests=min_requests,
        error_rate=error_rate,
        shadow=shadow,
        reason=reason,
    )
    _answer(invocation, rollout)


@command.command("list")
@arguments.name
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Answer at most N.")
@pass_invocation
def list_rollouts(invocation: Invocation, name: str, limit: int) -> None:
    """List the rollouts of the model NAME, the newest first."""
    found = invocation.registry().rollouts.rollouts(name, limit=limit)
    invocation.show({"rollouts": [rollout_texts.record(each) for each in found]}, rollout_texts.table(found))


@command.command("show")
@_which
@click.option("--watch", is_flag=True, help="Tell what changes until it is over; exit code 3 if it went back.")
@click.pass_context
@pass_invocation
def show(invocation: Invocation, context: click.Context, which: str, watch: bool) -> None:
    """Show a rollout: where it stands, and what the evidence says."""
    registry = invocation.registry()
    rollout = newest(registry, which)
    if not watch:
        invocation.show({"rollout": rollout_texts.record(rollout)}, *rollout_texts.blocks(rollout))
        return
    rollout = _watched(invocation, registry, rollout)
    if rollout.state is not RolloutState.FINISHED:
        context.exit(REFUSED)


@command.command("pause")
@_which
@arguments.reason
@pass_invocation
def pause(invocation: Invocation, which: str, reason: str) -> None:
    """Leave the weights as they are until it is resumed; what is worse still goes back."""
    _change(invocation, which, reason, lambda registry: registry.rollouts.pause)


@command.command("resume")
@_which
@arguments.reason
@pass_invocation
def resume(invocation: Invocation, which: str, reason: str) -> None:
    """Go on with a paused rollout."""
    _change(invocation, which, reason, lambda registry: registry.rollouts.resume)


@command.command("abort")
@_which
@arguments.reason
@pass_invocation
def abort(invocation: Invocation, which: str, reason: str) -> None:
    """Send everyone back to the old version at once."""
    _change(invocation, which, reason, lambda registry: registry.rollouts.abort)


@command.command("finish")
@_which
@arguments.reason
@pass_invocation
def finish(invocation: Invocation, which: str, reason: str) -> None:
    """Move the alias to the new version now, if its gates let it."""
    _change(invocation, which, reason, lambda registry: registry.rollouts.finish)


def newest(registry: Registry, which: str) -> Rollout:
    """The rollout of a number, or the newest one of a model. Raises NotFound."""
    if which.isdecimal():
        return registry.rollouts.rollout(int(which))
    found = registry.rollouts.rollouts(which, limit=1)
    if not found:
        raise NotFound(
            f"{which} has had no rollout; start one: modelshelf rollout start {which} --to VERSION --alias ALIAS",
            model=which,
        )
    return found[0]


def percents(text: str) -> list[float]:
    """What `--steps` says. Raises Invalid."""
    try:
        return [float(part.strip().removesuffix("%")) for part in text.split(",")]
    except ValueError:
        raise Invalid(f"--steps {text!r} is not understood; write percents: 5,25,50,100", steps=text) from None


def every_ms(text: str) -> int:
    """What `--every` says. Raises Invalid."""
    found = _EVERY.fullmatch(text.lower())
    if found is None:
        raise Invalid(f"--every {text!r} is not understood; write 30s, 10m, 2h or 1d", every=text)
    return int(found[1]) * _UNITS_MS[found[2]]


def _change(
    invocation: Invocation, which: str, reason: str, method: Callable[[Registry], Callable[..., Rollout]]
) -> None:
    registry = invocation.registry()
    _answer(invocation, method(registry)(newest(registry, which).id, reason=reason))


def _answer(invocation: Invocation, rollout: Rollout) -> None:
    said = f"rollout {rollout.id} of {rollout.model}: {rollout_texts.line(rollout)}"
    invocation.show({"rollout": rollout_texts.record(rollout)}, Note(said))


def _watched(invocation: Invocation, registry: Registry, rollout: Rollout) -> Rollout:
    told = ""
    while True:
        line = rollout_texts.line(rollout)
        if line != told:
            told = line
            invocation.show({"rollout": rollout_texts.record(rollout)}, Note(inert.line(line)))
        if not rollout.state.is_live:
            return rollout
        time.sleep(WATCH_SECONDS)
        rollout = registry.rollouts.rollout(rollout.id)
