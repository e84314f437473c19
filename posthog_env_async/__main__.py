"""Run the command line by `python -m posthog_env_async`."""

from posthog_env_async.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
