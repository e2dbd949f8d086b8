"""What happens around every handler.

``payloads``         the base classes of what clients send and receive
``declarations``     the rows of what a product declares, as data
``product``          the decorators with which a product declares them
``hooks``            those for what happens when clients come and go, or without them
``registry``         the declarations of all products together
``deployment``       what a product needs of AWS, as data
``dispatch``         the way from a request to its handler and its acknowledgement
``validation``       the way from JSON to the payload that a handler declares
``rate_limits``      how often a person may do something
``meters``           how many frames a connection may send, counted in memory
``context``          what a handler receives
``admission``        joining a namespace
``account_changes``  what a change of an account does to the sessions of its person
``returning``       sessions that come back after the loss of their connection
``departure``        leaving a namespace, and the table of all ways into and out of a session
``greeting``         what products do when a client has joined
``refusals``         the event that gives a client the reason of an error
``unauthenticated``  sessions that have not authenticated yet
``backend_events``   what a team's own systems report
``cors``             what lets pages of other origins use the HTTP routes
``routes``           a row of the table of HTTP routes
``http``             what the handler of an HTTP route receives and returns
``authentication``   which account sends an HTTP request
``audit``            what admins have done
``call_console``     what admins do with the running calls of a product
``paging``           lists in HTTP answers, a page at a time
``ring_timeouts``    hands calls that were not answered in time to their products
``sweep``            what products do once a minute
``recount``          corrects live numbers from the rows of the tables
"""
