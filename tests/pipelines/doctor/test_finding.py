from podtune_pipelines.doctor.finding import failed, refused


def test_a_refusal_is_split_into_what_is_wrong_and_what_to_do() -> None:
    assert refused("home", "it is full; free some") == failed("home", "it is full", "free some")
    assert refused("home", "it is \x1b[31mfull") == failed("home", "it is [31mfull", "")
