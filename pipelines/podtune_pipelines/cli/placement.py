"""`podtune placement`: what a cluster's owners may say of the pods."""


def placement() -> None:
    """Print an annotated example of a placement file.

    Keep what your cluster needs, and pass the file as --placement to submit, schedule, compile and argo, or name it in
    PODTUNE_PLACEMENT.
    """
    from podtune_pipelines.pods.placement_file import EXAMPLE

    print(EXAMPLE.read_text(encoding="utf-8"), end="")
