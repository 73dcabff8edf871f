"""The work that waits: Dramatiq's broker, the actors, and the upkeep that brings back what was lost."""
