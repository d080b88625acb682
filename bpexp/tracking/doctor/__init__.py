"""`task=doctor`: what is wrong with a store of runs and with the folders of its runs, mended where nothing can be lost.

A new examination belongs here: a function that yields findings in plain words. It never deletes what somebody recorded,
and judges by evidence, never by age.
"""
