"""How commands begin and end: subcommands, completion, Hydra applications, exit statuses.

Must not know what a command does. `ending`, `packages` and `subcommands` import the
standard library only.
"""
