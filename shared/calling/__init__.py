"""What the products with calls share.

``ring``          the row on which a call rings, and its timer
``call_records``  calls that are over
``bus_events``    the events about calls for a team's own systems
``running``       calls that ring or go on
``telling``       sends the events of a transition
``waking``        the pushes about a call
"""
