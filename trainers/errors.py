"""The one exception for mistakes a user can mend."""


class WorkbenchError(ValueError):
    """Bad usage or bad input, said in one line that names the thing and the way out.

    The command line prints the message and exits with 2; anything else that escapes is a bug and keeps its traceback.
    """
