"""Execution of declared runs: build the objects, execute one run or a sweep, launchers that distribute jobs.

A new launcher belongs in `launchers`. Networks, data and trainers are built here from the packages below.
"""
