"""What ships for tests: a clock to jump, a fold to compare with, contracts for stores, ways to make a store fail."""
