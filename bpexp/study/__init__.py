"""Many runs into one answer: the declaration of a study, measures, statistics, ranking and report.

How the runs are carried out is the business of `running`.
"""
