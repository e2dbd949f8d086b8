"""Who is online: announcements to users, counts for admins.

``stream``    the Lambda function that follows the streams of the tables
``changes``   what a change of a row means, as pure functions
``counts``    the numbers that admins see
``numbers``   the part of the admins' statistics over HTTP
``repair``    corrects the numbers when they have drifted
``handlers``  what admins ask for
``events``    what clients receive
"""
