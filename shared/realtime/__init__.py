"""Socket.IO's server side, with its state in DynamoDB.

``namespaces``     the declaration of a namespace
``connections``    one row per connection, with its sessions, one for each namespace
``lifecycle``      the steps in the life of a connection, from its open packet to its end
``session_store``  the writes on the sessions in a connection's row
``sessions``       a connection in one namespace, and what stays of it when it has ended
``people``         one row per person and namespace, with the person's connections
``rooms``          the connections in each room, for sending to many
``pace``           how many posts all broadcasts may make, and which are overtaken
``arguments``      the arguments of an event on the wire: one, or several
``membership``     joining and leaving rooms
``address``        where an event goes, and its frame in each wire format
``emitter``        sends events to addresses
``missed``         events for persons whose client is lost, and perhaps comes back
``event_log``      the events that sessions with recovery may miss
``recovery``       which sessions can be recovered after the loss of their connection
``moving``         how a session that comes back moves to its new connection
``untold``         marks of decisions whose events have not been sent yet
"""
