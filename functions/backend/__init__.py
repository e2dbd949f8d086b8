"""The Lambda that hears what a team's own systems tell."""
