"""`python -m podtune_pipelines.cli`: the `podtune` command, where no script is installed."""

from podtune_pipelines.cli.main import main

if __name__ == "__main__":
    main()
