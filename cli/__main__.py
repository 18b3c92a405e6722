"""`attacca`: the table of commands. What a command needs is imported when it is called."""

import importlib
from typing import Final

import click
from typing_extensions import override

# Command: (module in cli.commands, one line of help). The modules are heavy; this table is not.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("up", "Start everything on this machine: edge, origin, drm."),
    "edge": ("edge", "Run an edge: a cache node."),
    "origin": ("origin", "Run an origin: packages masters, serves edges."),
    "drm": ("drm", "Run drm: content keys, licences, tokens."),
    "ingest": ("ingest", "Take masters into the library."),
    "package": ("package", "Package now what would be packaged when it is asked for."),
    "repackage": ("repackage", "Move tracks to a new version."),
    "export": ("export", "Write tracks as clear, tagged files."),
    "takedown": ("takedown", "Withhold a track from listeners."),
    "gc": ("gc", "Drop what need not be kept."),
    "purge": ("purge", "Have an edge forget what it has stored."),
    "warm": ("warm", "Have an edge fetch what will be asked for."),
    "token": ("token", "Issue a playback token."),
    "play": ("play", "Play a track through the edge, and say how it went."),
    "config": ("config", "Check, show and describe settings."),
}


class LazyGroup(click.Group):
    """A group of commands whose modules are imported when a command is called."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `attacca up`, then `attacca ingest MUSIC` and `attacca play TRACK`.",
)
@click.version_option(package_name="attacca", message="%(prog)s %(version)s")
def main() -> None:
    """Attacca streams music: edge cache, packaging origin, content keys and licences."""


if __name__ == "__main__":
    main()
