"""The only room with SQL.

A store operation is a plain synchronous function of a connection: one unit of work, no awaits in
the middle. `database.py` runs units on threads (or inline), each in one transaction; `sql/` holds
the statements; every module here stands for one family of tables.
"""
