"""Put what commands made into the pages, between ``<!-- include FILE -->`` and ``<!-- end -->``: tables, and text."""

import re
from pathlib import Path

docs = Path(__file__).parents[1] / "docs"
pages = [docs.parent / "README.md", *docs.glob("*.md")]


def filled(part: re.Match) -> str:
    """A marked part with what its file holds now; as it was where no command has made the file yet."""
    file = docs / part[2]
    if not file.exists():
        return part[0]
    content = file.read_text(encoding="utf-8").strip()
    if file.suffix == ".txt":
        content = f"```text\n{content}\n```"
    return f"{part[1]}\n{content}\n\n{part[3]}"


marked = re.compile(r"(<!-- include (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
for page in pages:
    page.write_text(marked.sub(filled, page.read_text(encoding="utf-8")), encoding="utf-8")
