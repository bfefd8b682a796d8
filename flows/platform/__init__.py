"""Processes, servers and paths, and what differs between operating systems.

In: commands, ports, addresses. Out: running processes, and whether they still run. May import nothing of `flows` but
`flows.errors`; knows neither experiments nor runs.
"""
