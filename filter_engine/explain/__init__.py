"""Why a verdict is what it is: every symbol, where its score comes from, what would change it."""
