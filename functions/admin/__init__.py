"""What the console of admins asks for.

``routes`` signing in and out, and the numbers · ``session`` what signing in takes · ``stats`` the
numbers, of all products together
"""
