"""All drawing, with matplotlib and one palette: the page of a run, learning curves, the charts of a study.

`explorer` is a page of its own, drawn by a script.

A function here takes plain arrays or series and draws them; `running` and `study` choose what is drawn.
"""
