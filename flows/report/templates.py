"""The templates of the pages: of the report, of two sweeps, and of the page to draw in."""

import jinja2

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("flows", "report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
