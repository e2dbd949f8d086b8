"""Team chat: channels, messages, presence and WebRTC signalling, in ``/``.

``product`` the product itself · ``events`` what goes in and out · ``access`` who somebody is and
what they may · ``handlers`` channels and messages, ``store`` their writes, ``history`` their reads
· ``presence`` who is there · ``state`` the state machine of calls, ``call_store`` their writes,
``calls`` what happens in them · ``main`` the Lambda entry
"""
