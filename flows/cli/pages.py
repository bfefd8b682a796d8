"""Pages that a command writes as a file and opens: never over a file of another kind."""

import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape

from flows.cli.options import console, print_notes
from flows.errors import ConfigurationError


def check_output(output: Path, generator: str, kind: str) -> None:
    """Refuse a file that exists and is not a page of this kind, which carries the generator's mark near its start.

    Raises
    ------
    ConfigurationError
        If it is, or if it can't be read or written.
    """
    with writable(output):
        if output.exists() and not (output.is_file() and generator.encode() in start_of(output)):
            given = f"--output: {output} given, which is not a {kind}"
            raise ConfigurationError(f"{given}; allowed: a new file or a {kind}")


def start_of(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(1000)


def write_and_open(page: str, output: Path, kind: str, notes: Sequence[str], no_open: bool) -> None:
    """Write a page, say where it is, and open it in the browser."""
    with writable(output):
        output.write_text(page, encoding="utf-8")
    print_notes(notes)
    console.print(f"{kind.capitalize()}: {escape(str(output.resolve()))}", highlight=False, soft_wrap=True)
    if not no_open:
        webbrowser.open(output.resolve().as_uri())  # False without a browser: the line above says where the page is


@contextmanager
def writable(output: Path) -> Iterator[None]:
    """Say in one line why a file can't be read or written."""
    try:
        yield
    except OSError as error:
        given = f"--output: {str(output)[:80]!r} given ({error.strerror})"
        raise ConfigurationError(f"{given}; allowed: a file in a folder that can be written") from None
