"""What a team's own systems report.

``routes`` and ``intake`` take it over HTTP and put it on the bus · ``main`` is the Lambda that
hears the bus
"""
