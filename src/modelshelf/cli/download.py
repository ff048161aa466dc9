"""`modelshelf download`: files brought to this machine, every byte verified."""

from pathlib import Path

import click

from modelshelf.cli import references
from modelshelf.cli.blocks import Note
from modelshelf.cli.cells import size
from modelshelf.cli.commands import Command
from modelshelf.cli.completing import model_names
from modelshelf.cli.invocation import Invocation, pass_invocation


@click.command("download", cls=Command)
@click.argument("uri", shell_complete=model_names)
@click.argument("dest", type=click.Path(path_type=Path))
@pass_invocation
def command(invocation: Invocation, uri: str, dest: Path) -> None:
    """Download the files of URI below the folder DEST, which is made; other files there stay.

    URI is NAME/3, NAME@ALIAS, models:/NAME/3/PATH, models:/m-ID or runs:/RUN_ID/PATH.
    """
    invocation.registry()
    invocation.tracking()
    from modelshelf.sdk.downloads import download_artifacts

    path = Path(download_artifacts(references.files(uri), dst_path=str(dest)))
    sizes = [each.stat().st_size for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file()]
    content = {"uri": references.files(uri), "path": str(path), "files": len(sizes), "size": sum(sizes)}
    invocation.show(content, Note(f"{path}: {len(sizes)} file{'' if len(sizes) == 1 else 's'}, {size(sum(sizes))}"))
