"""The site itself under torture: people use it while what it stands on is hurt, and judge what they see."""
