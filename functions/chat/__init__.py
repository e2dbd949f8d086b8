"""Team chat: channels, messages, presence and WebRTC signalling, in the namespace ``/``.

A tab is one connection to ``/``. A person may have several tabs at the same time.

``product``             the product, its permissions and error events
``events``              the payloads of the events
``call_events``         those of calls
``access``              authentication, and what a person is permitted to do
``channels``            joining and leaving channels
``handlers``            messages, and what else clients send to a channel
``channel_list``        the lists of channels
``channel_rows``        the rows of channels and of the people in them
``channel_store``       the writes on these rows
``history``             the messages of a channel, and reading them
``presence``            who is online, with which status
``state``               the state machine of calls
``call_rows``           the rows of calls
``call_store``          the writes of calls
``calls``               what clients do with calls
``call_endings``        how a call ends when no party asks for it, and what the sweep does
``running``             the calls that ring or go on, as parties and admins find them
``call_announcements``  the events of the transitions of calls
``stream``              follows the tables, and announces what has been written
``bus``                 the events on the stack's bus, for a team's own systems
``pushes``              what is pushed to the phones of people who are not there
``counts``              the numbers that admins see
``routes``              the HTTP routes
"""
