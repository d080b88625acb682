"""The page to click through: networks at the moments of their training, and the passes of some samples.

Python computes every number; the script only draws, and steps.
"""
