"""The wire formats: frames and packets as plain values.

This package does no I/O, knows nothing of AWS and imports nothing else of this repository.

``engineio``  the outer layer of a Socket.IO connection: packet types, the open packet
``polling``   several of its packets in one HTTP request or answer
``socketio``  the inner layer: namespaces, events, acknowledgements
``native``    JSON frames for WebSocket clients without a Socket.IO library
``json``      strict JSON, which all of them carry
``errors``    the exceptions of the decoders
"""
