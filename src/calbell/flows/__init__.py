"""One module per verb: here the domain's decisions meet the store and the outside world.

What runs in one transaction is a plain function of a connection; the classes around such units
keep nothing but what is in flight.
"""
