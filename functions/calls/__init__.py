"""Paid 1:1 calls between users and telecallers.

``events`` what goes in and out · ``state`` the state machine · ``store`` the conditional writes ·
``handlers`` what happens · ``billing`` coins · ``livekit`` credentials for the room · ``main`` and
``rooms`` the Lambda entries; the ring timer's is ``functions/ring``
"""
