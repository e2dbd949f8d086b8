"""The product, for the modules that register with it."""

from shared.registry import Product

bookings = Product("bookings")
