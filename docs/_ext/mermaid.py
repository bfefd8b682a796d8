"""Diagrams as GitHub draws them, by Mermaid's script from the site itself: nothing is loaded from elsewhere."""

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Mermaid(SphinxDirective):
    """A diagram, whose text the browser turns into a picture."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The text of the diagram in the element that Mermaid looks for."""
        text = escape("\n".join(self.content))
        return [nodes.raw("", f'<pre class="mermaid">{text}</pre>', format="html")]


def add_script(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None) -> None:
    """Load Mermaid on the pages that have a diagram, and on no others: it has 3.5 MB."""
    if tree is not None and any('class="mermaid"' in raw.astext() for raw in tree.findall(nodes.raw)):
        app.add_js_file("mermaid.min.js")
        app.add_js_file(None, body='mermaid.initialize({theme: "neutral"})')


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("mermaid", Mermaid)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
