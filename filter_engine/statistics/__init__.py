"""What mail was, and is therefore likely to be: tokens, their counts, their arithmetic."""
