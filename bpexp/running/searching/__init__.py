"""A search carried out: its plan, its trials as jobs, its record and its report."""
