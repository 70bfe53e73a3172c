"""Images and surrogates that show what the model has learnt."""
