"""What the registry says, for tools and for readers.

``model`` the events as the registry has them · ``schemas`` their payloads as JSON Schema ·
``asyncapi`` and ``openapi`` the two documents · ``routes`` what the HTTP routes take and answer ·
``typescript`` types for clients · ``pages`` the page at ``/docs``

``make contract`` writes all of it.
"""
