"""Home-service bookings: a customer, a partner who does the work, admins who watch.

``events`` what goes in and out · ``state`` the state machine · ``rows`` the tables · ``store`` the
conditional writes · ``handlers`` what customers and partners do · ``location`` tracking ·
``messages`` talking · ``told`` what the backend tells · ``monitor`` what admins see · ``stream``
and ``counts`` follow the table · ``main`` the Lambda entry
"""
