"""Tables in text files: how one is written, which columns are chosen, what the cells mean, and what is wrong with them.

pandas reads the cells, and is imported when a table is read. Splits, scaling and imputation are those of all data sets,
so they do not belong here.
"""
