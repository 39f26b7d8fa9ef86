"""What Celery does for frameworks that it finds: `fixup(app)` of each module, or None."""
