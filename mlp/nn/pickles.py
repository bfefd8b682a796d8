"""Pickles that name their format, and refuse to be read by code that expects another one."""

import pickle
from typing import Any

FORMAT = 2  # raise it whenever the attributes of a pickled class change, or those of the objects in them


class VersionedPickle:
    """Mixin, the first base of its class. The attributes are read only after their format is checked."""

    def __getstate__(self) -> dict[str, Any]:
        return {"format": FORMAT, "attributes": pickle.dumps(super().__getstate__())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the attributes.

        Raises
        ------
        ValueError
            If another format was written.
        """
        if state.get("format") != FORMAT:
            raise ValueError(
                f"pickle: {type(self).__name__} in format {state.get('format')} given; allowed: {FORMAT}. Read it with "
                "the version of mlp-flows that wrote it, or train again"
            )
        self.__dict__.update(pickle.loads(state["attributes"]))
