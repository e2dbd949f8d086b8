"""Home-service bookings: customers, the partners who do the work, and admins who monitor.

``product``         the product and the events that it sends
``events``          the payloads of the events
``state``           the state machine of bookings
``rows``            the tables
``moves``           transitions, as values
``store``           the conditional writes
``handlers``        what customers and partners do with a booking
``announce``        the events that a transition sends
``unannounced``     finds transitions whose events have not been sent
``overtaken``       which of these events are not true any more, if a device receives them late
``location``        tracking of partners
``messages``        messages between customers and partners
``backend_events``  what the team's backend reports
``statuses``        the statuses that the backend reports, in whatever order
``monitor``         what admins do
``stream``          follows the tables, for admins, counts and messages
``bus``             the events on the stack's bus, for a team's own systems
``counts``          the numbers of bookings
"""
