"""The events that a team's own systems report.

``routes`` and ``intake`` accept them over HTTP and put them on the bus · ``main`` is the Lambda
function that handles the events of the bus
"""
