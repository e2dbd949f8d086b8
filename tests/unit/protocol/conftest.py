"""Settings of the property tests."""

from hypothesis import settings

# A deadline would measure how busy the machine is, not the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
