"""The plug-ins that come with esegeta, found by the registry."""
