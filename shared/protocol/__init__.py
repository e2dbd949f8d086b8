"""The wire formats: frames and packets as plain values.

This package does no I/O, knows nothing of AWS and imports nothing else of this repository.

:mod:`~shared.protocol.engineio`
    The outer layer of a Socket.IO connection: packet types, the open packet.
:mod:`~shared.protocol.socketio`
    The inner layer: namespaces, events, acknowledgements.
:mod:`~shared.protocol.native`
    JSON frames for WebSocket clients without a Socket.IO library.
:mod:`~shared.protocol.json`
    Strict JSON, which all of them carry.
:mod:`~shared.protocol.errors`
    The exceptions of the decoders.
"""
