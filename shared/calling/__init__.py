"""What the products with calls share.

``call_records``  calls that have ended
"""
