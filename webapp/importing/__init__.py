"""How a file or a link becomes a text, safely. Pure: it knows neither Flask nor SQL."""
