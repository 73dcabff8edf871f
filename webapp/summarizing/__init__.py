"""How a text becomes a summary: pure code, which knows neither Flask nor the database."""
