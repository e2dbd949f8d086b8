"""Makes the documentation of events and routes from the registry, for tools and for readers.

``model`` the events and routes of the registry · ``schemas`` payloads as JSON Schema · ``asyncapi``
and ``openapi`` the two documents · ``typescript`` types for clients · ``docs_page`` the page at
``/docs``

``make contract`` writes all of it.
"""
