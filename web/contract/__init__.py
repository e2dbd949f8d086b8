"""What the registry says, for tools and for readers.

``model`` what the registry has · ``schemas`` payloads as JSON Schema · ``asyncapi`` and ``openapi``
the two documents · ``typescript`` types for clients · ``docs_page`` the page at ``/docs``

``make contract`` writes all of it.
"""
