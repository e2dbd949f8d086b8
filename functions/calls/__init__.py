"""Paid 1:1 calls between users and telecallers.

``product``        the declaration of the product: its functions, its rights, what it sends
``events``         what clients send and receive
``state``          the state machine
``rows``           the rows of the two people in a call
``starting``       the conditional writes that start a call
``store``          the conditional writes of all other transitions
``initiating``     the event with which a user calls a telecaller
``handlers``       the events of a call that rings or goes on
``endings``        how a call ends when no client asks for it
``announcements``  the events of the transitions
``sweep``          what is done for calls once a minute
``running``        the calls that ring or go on, as parties and admins find them
``routes``         the HTTP route of a person's calls
``console``        the HTTP routes with which admins see all calls and end one
``credentials``    the HTTP route of new credentials for the LiveKit room of one's own call
``devices``        devices that come while their telecaller is being called
``overtaken``      which events are not true any more, if a device receives them late
``pushes``         what is pushed to the phones of telecallers
``billing``        what a call costs
``prepaid``        how long a user can pay for a prepaid call
``balance``        the Lambda function behind the balance timer, which warns and ends prepaid calls
``livekit``        credentials for a LiveKit room
``attendance``     who is in a call's LiveKit room, as LiveKit reports
``webhook``        the HTTP route to which LiveKit reports
``livekit_rooms``  the Lambda function that deletes LiveKit rooms
``bus``            the events on the stack's bus, for a team's own systems
``presence``       announces to users which telecallers are online, and counts for admins

The Lambda function behind the ring timer is ``functions/ring``.
"""
