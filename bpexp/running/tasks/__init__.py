"""The tasks that are no run: trace, report, doctor, sync, figures; and what earlier processes left behind."""
