"""Announces to users which telecallers are online, and counts for admins who is online.

``stream``      the Lambda function that follows the streams of the tables
``changes``     pure functions: what a change of a row means
``intervals``   how often a telecaller is announced
``counts``      the numbers that admins see
``numbers``     the part of the admins' statistics over HTTP
``ring_times``  how long calls ring, as a histogram
``periods``     the HTTP route of the numbers of the last hour, day and week
``repair``      corrects the numbers when they have drifted
``directory``   the lists of telecallers by presence
``call_lists``  the lists of all calls
``routes``      the HTTP route of the telecallers whom a user may call
``handlers``    the events that admins send
``events``      the events that clients receive
"""
