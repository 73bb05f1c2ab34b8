"""Looking back: how many bars a second, and what a whole trade costs."""
