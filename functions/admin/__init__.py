"""The HTTP routes of the admins' console that belong to no other product.

``product``    the declaration of the product
``routes``     sign in, sign out and the numbers
``session``    the body of a request to sign in
``stats``      the numbers of all products together
``audit_log``  what admins have done
``queues``     the work that waits, and the work that has failed
"""
