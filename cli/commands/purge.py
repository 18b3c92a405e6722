"""`attacca purge`: what a running edge has stored is used no more."""

import sys
from pathlib import Path
from typing import Any, Final

import click

from cli import console
from cli.console import CommandError
from cli.edge_admin import EdgeRefusedError, batches_of, find_edge_admin, open_edge_admin
from cli.installation import Installation, InstallationError
from cli.node import NodeError

_NOT_DURABLE: Final = "purge-not-durable"


@click.command(epilog="Example: attacca purge --tag track:4fYq0vTlbJ9hUQwNzW2d3K")
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--prefix",
    "prefixes",
    multiple=True,
    metavar="P",
    help="Whatever begins like this; end it with / for a folder. Repeatable.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="T",
    help="Whatever has this word in Surrogate-Key, or this group in Cache-Groups. Repeatable.",
)
@click.option("--all", "is_all", is_flag=True, help="Everything there is.")
@click.option(
    "--soft", "is_soft", is_flag=True, help="Ask the origin before the next use, and keep it."
)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask whether --all is meant.")
@console.json_option
@console.edge_admin_option
@console.running_option
@console.data_option
def purge_command(
    urls: tuple[str, ...],
    prefixes: tuple[str, ...],
    tags: tuple[str, ...],
    is_all: bool,
    is_soft: bool,
    is_sure: bool,
    is_json: bool,
    edge_url: str | None,
    file: Path | None,
    data: str,
) -> None:
    """Have the edge forget what it has stored under each URL.

    A URL may be a path, and may hold a token; of a full one only path and query count. When the
    command ends, the purge is in effect: no request that begins afterwards gets what was purged.
    """
    kinds = {"urls": urls, "prefixes": prefixes, "tags": tags}
    named = [kind for kind, entries in kinds.items() if entries]
    if len(named) + is_all != 1:
        raise click.UsageError("name URLs, or --prefix, or --tag, or say --all: one of them")
    for kind in ("urls", "prefixes"):
        _check_targets(kinds[kind])
    if is_all and not is_sure and sys.stdin.isatty():
        click.confirm("Purge everything that the edge has stored?", abort=True, err=True)
    documents: list[dict[str, object]] = [{"all": True}]
    if named:
        batches = batches_of(list(dict.fromkeys(kinds[named[0]])))
        documents = [{named[0]: batch} for batch in batches]
    documents = [{**document, "soft": is_soft} for document in documents]
    try:
        console.run(_purge(data, file, edge_url, documents, is_json=is_json))
    except (InstallationError, NodeError) as error:
        raise CommandError(console.describe(error)) from error


def _check_targets(texts: tuple[str, ...]) -> None:
    for number, text in enumerate(texts, 1):
        if not text.startswith(("/", "http://", "https://")):
            # The text itself may hold a token.
            raise click.UsageError(
                f"number {number} is neither a path, which begins with /, nor an http(s) URL"
            )


async def _purge(
    data: str,
    file: Path | None,
    edge_url: str | None,
    documents: list[dict[str, object]],
    *,
    is_json: bool,
) -> None:
    admin = find_edge_admin(Installation.at(data), file, edge_url)
    purged = 0
    async with open_edge_admin(admin) as client:
        for document in documents:
            try:
                answer = await client.purge(document)
            except EdgeRefusedError as error:
                raise CommandError(_told(error, purged)) from error
            purged += int(answer["applied"])
            _print(answer, is_json=is_json)


def _print(answer: dict[str, Any], *, is_json: bool) -> None:
    if is_json:
        console.print_json(answer)
        return
    count = int(answer["applied"])
    manner = "softly " if answer["soft"] else ""
    entries = "1 entry" if count == 1 else f"{count} entries"
    click.echo(f"{manner}purged: {entries}, sequence number {answer['sequence']}")


def _told(error: EdgeRefusedError, purged: int) -> str:
    before = f" ({purged} entries were purged before)" if purged else ""
    if error.slug == _NOT_DURABLE:
        return (
            f"the purge is in effect, but the edge could not write it down: {error}; a crash might "
            f"undo it. See to the disk that /readyz names, then purge again{before}"
        )
    return f"{error}{before}"
