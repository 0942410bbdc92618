"""One file a subcommand: parse, call, print."""
