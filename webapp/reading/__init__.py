"""A document's text as a page to read, and as something to compare: pure, without Flask and without SQL."""
