"""Frames and packets, as values: no I/O, no AWS, nothing of ours imported.

:mod:`~shared.protocol.engineio`
    The outer layer of a Socket.IO connection: packet types, the open packet.
:mod:`~shared.protocol.socketio`
    The inner layer: namespaces, events, acknowledgements.
:mod:`~shared.protocol.native`
    JSON frames for WebSocket clients without a Socket.IO library.
:mod:`~shared.protocol.json`
    The JSON all of them carry, strict about what it takes.
:mod:`~shared.protocol.errors`
    What decoding raises, and nothing else.
"""
