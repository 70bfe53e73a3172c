"""What the wizard says, in other languages."""
