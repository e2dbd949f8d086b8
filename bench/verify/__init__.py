"""``make verify``: checks a deployed stack with real clients, and measures it.

``check``       what a check is, and what it may find
``checks``      the table of all checks
``runner``      runs them all
``run``         the stack that is checked, the bounds of the run, and the handshakes it may make
``deployed``    the stack in its AWS account: settings, tokens, requests to AWS
``guests``      the people and channels of a run, and their removal
``client``      a client on a plain WebSocket, which keeps every frame with its time
``latencies``   percentiles
``handshakes``, ``frames``, ``ends``, ``broadcasts``, ``calls``, ``account``   the checks
``options``, ``bus``, ``phones``   the checks of what is off until a team sets it
``costs``       what a call costs, from the account's own metrics
``report``      the report as JSON and as a page
``emulator``    in what the local emulator is known to differ
"""
