"""One file a subcommand: parse, call, print."""

from nanosieve.cli.app import main

__all__ = ["main"]
