"""What the products with calls share: ``ring`` the ring's contract, ``call_records`` ended calls."""
