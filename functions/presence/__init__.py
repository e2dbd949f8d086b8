"""Who is there: announcements to users, counts for admins.

``changes`` what a change of a person's row means, as pure functions · ``counts`` the numbers ·
``stream`` follows the tables · ``handlers`` answers admins
"""
