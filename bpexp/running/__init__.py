"""Execution of declared runs: build the objects, execute one run or a sweep, launchers that distribute jobs.

Networks, data and trainers are built here from the packages below. `ending` is the end of a run and `resuming` its
going on; a new task belongs in `tasks`, a new launcher in `launchers`.
"""
