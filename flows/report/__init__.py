"""Cells compared across seeds: as text, as a page, as MLflow's charts, and the best of them as a registered model.

In: tables of finished cells and their curves. Out: a `Comparison`, and every form in which it is shown. May import
`flows.store` and the rooms below it.
"""
