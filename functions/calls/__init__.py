"""Paid 1:1 calls between users and telecallers.

``events`` what goes in and out · ``state`` the state machine · ``store`` the conditional writes ·
``handlers`` what happens · ``livekit`` credentials for the room · ``main`` and ``timeout`` the
Lambda entries
"""
