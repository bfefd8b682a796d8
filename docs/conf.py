"""The site, built by ``make docs``. `_ext/generated.py` writes the pages that follow from the code."""

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))


project = "mlp-flows"
copyright = "The mlp-flows maintainers, BSD-3-Clause"
version = release = re.search(r'^version = "(.*)"', (DOCS.parent / "pyproject.toml").read_text(), re.MULTILINE)[1]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "generated",
    "mathml",
    "mermaid",
]

# Tables and texts that commands made are parts of pages, not pages.
PARTS = {part for page in DOCS.glob("*.md") for part in re.findall(r"<!-- include (\S+) -->", page.read_text("utf-8"))}
exclude_patterns = ["_ext", "_templates", *PARTS]
templates_path = ["_templates"]

# Docstrings say `mlp.Network`: a link where the site has such a page.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections give shapes, too
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# GitHub draws these fences, too.
myst_fence_as_directive = ["mermaid"]

# Notebooks run on the digits of scikit-learn: the site is the same wherever it is built, with or without a network.
os.environ["MLP_DATA"] = "digits"
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS.parent / "build" / "notebooks")
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600  # seconds a cell
nb_output_stderr = "error"

html_theme = "pydata_sphinx_theme"
html_title = "mlp-flows"
html_static_path = ["_static", "../build/mermaid"]
html_css_files = ["site.css"]
html_extra_path = ["../build/extra"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "generated/gallery": []}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_math_renderer = "mathml"
