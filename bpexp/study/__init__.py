"""Many runs into one answer: the declaration of a study, measures, statistics, ranking and report.

A study reads the runs of a sweep from their folders or from the tracking store, and compares them: intervals over
seeds, paired differences, verdicts on claims, one HTML page. A new measure, test or section of the report belongs here.
Runs are executed in `running`, charts are drawn in `figures`.
"""
