"""Movies of particles that ripen, migrate and coalesce."""
