from podtune.steps.write_card.passages import marked
from podtune.tasks.task import Passage


def test_truth_and_prediction_are_marked_where_they_stand() -> None:
    passage = Passage("The <b>old</b> red fox ran.", [(15, 22)])

    assert marked(passage, (19, 26)) == (
        'The &lt;b&gt;old&lt;/b&gt; <mark class="truth">red </mark><mark class="truth prediction">fox</mark>'
        '<mark class="prediction"> ran</mark>.'
    )


def test_overlapping_truths_are_one_mark() -> None:
    assert marked(Passage("the old red fox", [(4, 11), (8, 15)]), None) == 'the <mark class="truth">old red fox</mark>'


def test_a_long_text_is_cut_around_the_marks() -> None:
    words = "word " * 100
    passage = Passage(f"{words}truth {words}guess {words}", [(500, 505)])

    assert marked(passage, (1006, 1011)) == (
        f'… {"word " * 31}<mark class="truth">truth</mark> {"word " * 31}… {"word " * 31}'
        f'<mark class="prediction">guess</mark> {"word " * 31}…'
    )


def test_a_text_without_marks_is_its_beginning() -> None:
    assert marked(Passage("word " * 100, []), None) == f"{'word ' * 32}…"


def test_invisible_characters_are_dropped() -> None:
    assert marked(Passage("a\u202eb c", [(4, 5)]), None) == 'ab <mark class="truth">c</mark>'
