"""What we know of the Expo Push Service: its wire, its limits, and what its answers mean."""
