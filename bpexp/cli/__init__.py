"""The command line: arguments, the help page, what is printed when a run or a sweep is over.

Nothing is computed or stored here; what a command does is in `running`.
"""
