"""Processes, servers, paths, start-up: what differs between operating systems, and Prefect's insides.

In: commands, ports, addresses. Out: running processes, and whether they still run. May import nothing of `flows` but
`flows.errors`; knows neither experiments nor runs.
"""
