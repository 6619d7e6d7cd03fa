"""Teaching out of files: messages, collections of them, directories that people drop mail into."""
