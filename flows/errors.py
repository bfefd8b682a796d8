"""What a user got wrong, or what is not there: told in a line, never as a traceback."""


class ConfigurationError(ValueError):
    """What was asked for can't be done; the message names the field, what was given, what is allowed."""
