"""What a user can mend: every error that ends a command with exit status 2 and one message."""


class UsageError(Exception):
    """Bad usage, bad configuration or missing input.

    The message names the thing, the value and the remedy, and is all that the user sees.
    """
