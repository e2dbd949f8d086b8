"""Home-service bookings: customers, the partners who do the work, and admins who monitor.

``product``         the product and the events that it sends
``events``          the payloads of the events
``state``           the state machine of bookings
``rows``            the tables
``store``           the conditional writes
``handlers``        what customers and partners do with a booking
``announce``        the events that a transition sends
``location``        tracking of partners
``messages``        messages between customers and partners
``backend_events``  what the team's backend reports
``statuses``        the statuses that the backend reports, in whatever order
``monitor``         what admins do
``stream``          follows the bookings table, for admins and counts
``counts``          the numbers of bookings
"""
