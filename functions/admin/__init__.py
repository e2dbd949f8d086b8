"""The HTTP routes of the admins' console.

``routes`` sign in, sign out and the numbers · ``session`` the body of a request to sign in ·
``stats`` the numbers of all products together
"""
