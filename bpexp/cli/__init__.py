"""The command line: arguments, the help page, the tables printed at the end of a run, a sweep or a study.

Nothing is computed or stored here; commands are executed in `running`.
"""
