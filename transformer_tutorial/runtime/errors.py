"""The two errors a person can cause or meet; everything else is a bug of ours."""


class UsageError(ValueError):
    """A value given by the user cannot be used. The command line prints it on one line and exits with 2."""


class Failure(RuntimeError):
    """The request was fine and could not be carried out. The command line prints it and exits with 1."""
