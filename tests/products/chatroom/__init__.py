"""A chat room with names, ported from a Socket.IO server."""
