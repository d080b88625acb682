"""Going on: with a run from its checkpoint, with a sweep from its folder; and what may be said with it."""
