"""The part that runs unattended: the servers of `mlp up`, their login, schedules, and their status.

In: addresses, a login, experiments with a schedule. Out: servers that keep running, deployments in Prefect. May import
`flows.sweep` and the rooms below it.
"""
