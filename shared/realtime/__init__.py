"""Socket.IO's server side, kept in DynamoDB.

``namespaces``   who may join which namespace, with the contract's texts
``connections``  one row per WebSocket connection, its sessions (one a namespace) inside
``people``       one row per person and namespace: live connections, current call
``rooms``        room → connections, sharded, for sending to many
``address``      where an event goes, and its frame on each wire format
``context``      what a handler is given: who is asking, and ``emit``
``admission``    joining a namespace; ``departure`` leaving it
``strangers``    who has joined an open namespace and not said who they are
``dispatch``     the pipeline around every handler
"""
