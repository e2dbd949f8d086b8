"""Native routes of presence."""

from functions.native import handler as handler
