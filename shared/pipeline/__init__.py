"""What happens around every handler.

``payloads``         the bases of what clients send and receive
``product``          what a product declares
``registry``         all products together
``deployment``       what a product needs of AWS, as data
``dispatch``         from a request to its handler and its acknowledgement
``validation``       from JSON to the payload that a handler declares
``rate_limits``      how often a person may do something
``context``          what a handler is given
``admission``        joining a namespace
``departure``        leaving it
``greeting``         what products do when a client has joined
``refusals``         the event that tells a client why something failed
``unauthenticated``  sessions in an open namespace that have not authenticated
``backend_events``   what a team's own systems report
``http``             a row of the table of HTTP routes
``authentication``   who asks over HTTP; ``paging`` lists a page at a time
``sweep``            what products look after once a minute
"""
