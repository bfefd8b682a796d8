"""The error of a user, or of something that is not there: told in a line, never as a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class ConfigurationError(ValueError):
    """Refusal of what can't be done; the message names the field, what was given, what is allowed."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """End of a message about a name that is not allowed: at most three that are, and are written much like it."""
    close = get_close_matches(given, allowed)
    return f"; did you mean {', '.join(close)}?" if close else ""
