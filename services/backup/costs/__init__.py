"""What archives cost: a table of prices, which may be one's own, and sums over it; without a database."""
