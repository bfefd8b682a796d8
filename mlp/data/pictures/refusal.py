"""Why a picture is not read."""


class Refusal(ValueError):
    """A picture can't be read, or holds no single digit."""

    def __init__(self, reason: str, allowed: str = "a single digit, darker or lighter than its ground") -> None:
        super().__init__(f"{reason}; allowed: {allowed}")
