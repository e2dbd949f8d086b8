"""Socket.IO's server side, kept in DynamoDB.

``namespaces``   what a namespace is
``connections``  one row per WebSocket connection, with its sessions, one for each namespace
``people``       one row per person and namespace, with their connections
``rooms``        room → connections, for sending to many
``arguments``    what a payload is on the wire: one argument, or several
``membership``   joining and leaving rooms
``address``      where an event goes, and its frame on each wire format
``emitter``      sends events to addresses
"""
