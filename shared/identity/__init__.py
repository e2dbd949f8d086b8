"""Who a client is.

``tokens``      what a token says, after ``signatures`` has checked it
``keys``        the public keys of the tokens' issuer
``cookies``     the admin's cookie
``accounts``    the accounts that a team's own system reports
``wallet``      the coins of a person
``edge``        the client's address, as the edge in front of the stack reports it
"""
