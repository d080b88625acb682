"""Declared runs carried out: build, execute, one run or a sweep, the launchers that distribute jobs.

A new launcher belongs into `launchers`. What a run consists of is built here from the packages below.
"""
