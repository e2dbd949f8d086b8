"""In what the emulator on a developer's machine differs from AWS, by the name of the check.

A run against it leaves these checks out, and must find all others as documented.
"""

DIFFERENCES = {
    "idle": "It never cuts an idle connection.",
    "two-hours": "It never cuts an old connection.",
    "cost-per-call": "It has no metrics of API Gateway.",
    "close-codes": "Its functions' logs are in a file.",
    "alarms": "It never evaluates an alarm.",
    "livekit-room": "There is no LiveKit server that makes rooms.",
}
