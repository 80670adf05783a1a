"""A chat that is killed: the victim, who makes and kills victims, and what is found afterwards.

::

    reports.py   what a victim says on its pipe before it dies
    victim.py    a whole chat under load, in a process of its own
    nursery.py   forks victims, kills them, hears their reports
    autopsy.py   opens the file again and holds it against all reports
"""
