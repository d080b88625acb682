"""All drawing, with matplotlib and one palette: the page of a run, learning curves, the charts of a study.

A function here takes plain arrays or series and draws them; `running` and `study` choose what is drawn.
"""
