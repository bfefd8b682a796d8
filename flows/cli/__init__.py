"""The `mlp` command: one module a family of commands.

In: what was typed. Out: what is printed, and an exit code. May import all other rooms; nothing imports this one.
"""
