"""The claims of the lesson and its papers, and the verdict on each.

In: a claim and the trained cells of its experiments. Out: a verdict, kept with the sweeps that it is about. May import
`flows.report` and the rooms below it; the claims themselves are in `mlp.claims`.
"""
