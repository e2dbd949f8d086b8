"""What the products with calls share.

``ring``          where a call stands while it rings, and its timer
``call_records``  calls that are over
``telling``       sends the events of a transition
"""
