"""The claims in files."""

import numpy as np
import pandas as pd
import pytest

from flows.claims.claim import load_claim
from flows.claims.judgement import judge
from flows.claims.pages import claim_page, write_pages
from mlp.claims import Findings

STATEMENTS = {"difficulty": "Some are easy.", "noise": "It is sure."}
PICTURE = b"\x89PNG"


def verdict(judged: str = "2026-11-26T12:00:00+00:00") -> dict:
    """A verdict on `difficulty` with 20 for every quantity."""
    claim = load_claim("difficulty", "small")
    found = judge(claim, Findings({name: np.full(5, 0.2) for name in claim.quantities}, {}), "mnist")
    return found | {"judged": judged, "seconds": 75.0}


@pytest.fixture
def folder(tmp_path):
    found = {("difficulty", "small"): verdict()}
    write_pages(str(tmp_path), STATEMENTS, found, lambda name, scale: {"difficulty": PICTURE})
    return tmp_path


def test_a_claims_page_has_its_source_its_results_its_figure_its_command_and_its_set_up(folder):
    page = (folder / "claims" / "difficulty.md").read_text(encoding="utf-8")
    assert "*Arpit et al. 2017 (arXiv 1706.05394), section 3.1 and figure 1*" in page
    assert "`mlp reproduce difficulty`, judged 2026-11-26. 75 s of training and measuring." in page
    assert "| real images: variance / variance if equally difficult | much more variable | 0.2 |  | ≥ 10 | no |" in page
    assert "![difficulty](difficulty-difficulty.png)" in page
    assert (folder / "claims" / "difficulty-difficulty.png").read_bytes() == PICTURE
    assert "    choice: balanced\n" in page
    assert not (folder / "claims" / "noise.md").exists()


def test_a_page_says_why_its_claim_does_not_hold_after_the_results_and_before_the_set_up():
    quantities = {name: np.full(5, 0.2) for name in load_claim("noise", "small").quantities}
    page = claim_page("noise", [judge(load_claim("noise", "small"), Findings(quantities, {}), "mnist")], ["gallery"])
    parts = ["| holds |", "![gallery]", "## Why, and what was tried\n\nMost noise images", "## Set-up"]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_the_table_lists_every_claim_and_marks_those_that_were_not_run(folder):
    linked = (folder / "claims" / "README.md").read_text(encoding="utf-8")
    assert (
        "| [`difficulty`](difficulty.md) | Some are easy. | in part; with the first 10,000 images: in part |" in linked
    )
    assert "| `noise` | It is sure. | not run | not run |" in linked


def test_one_sentence_says_how_many_claims_hold(folder):
    counted = (folder / "claims-count.md").read_text(encoding="utf-8")
    assert counted == "Of 2 claims, each at the largest scale at which it was run: 1 in part, 1 not run.\n"


def test_the_results_are_one_tidy_table(folder):
    results = pd.read_csv(folder / "claims" / "results.csv")
    assert len(results) == len(load_claim("difficulty", "small").quantities)
    row = results.set_index("name").loc["plain_noise_dispersion"]
    assert (row["claim"], row["setup"], row["value"], row["at_most"]) == (
        "difficulty",
        "the first 10,000 images",
        0.2,
        2,
    )


def test_earlier_verdicts_stay_with_their_dates(folder):
    later = {("difficulty", "small"): verdict("2027-01-01T00:00:00+00:00")}
    for _ in range(2):  # writing again changes nothing
        write_pages(str(folder), STATEMENTS, later, lambda name, scale: {})
    history = pd.read_csv(folder / "claims" / "verdicts.csv")
    assert list(history["judged"].str[:4].astype(int)) == [2026, 2027]


def test_a_claim_that_is_not_in_the_store_keeps_its_last_verdict_with_its_date(folder):
    write_pages(str(folder), STATEMENTS, {}, lambda name, scale: {})
    table = (folder / "claims" / "README.md").read_text(encoding="utf-8")
    assert "| in part; with the first 10,000 images: in part (2026-11-26) | not run |" in table
