"""What Calbell is measured by: `make bench` prints one table beside the figures to reach.

Every measurement starts the real program on a fresh database, on loopback, and ends it again.
`python -m bench profile registrations` says where the time of one of them goes.
"""
