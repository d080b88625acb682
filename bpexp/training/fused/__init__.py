"""Trainings of one shape as one computation with a leading axis: one step of all is one pass of a stack of networks."""
