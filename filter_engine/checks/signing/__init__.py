"""What dkim_signing and arc share: which mail is signed, for whom, with which keys."""
