"""Jobs on other machines, for the launcher of any engine: what travels there and back, and what is checked before.

`home` is the side of the sweep, `agent` that of a worker of the engine, which performs each job in a process of its
own, `child`. Between them go texts and bytes (`parcel`), so that an engine stores and shows nothing that it could
execute; no shared file system is assumed, and where there is one, it is used. `introduction` says what has to be the
same on both sides, `pull` is the loop of such a launcher.
"""
