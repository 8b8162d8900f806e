import pytest
from hypothesis import given
from hypothesis import strategies as st
from podtune.tasks.image_captioning.words import caption_words


# What the Java program of the published metrics made of these texts.
@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A person's hand; it's holding DOGS' food.", "a person 's hand it 's holding dogs food"),
        ("don't can't they're ma'am o'clock y'all's", "do n't ca n't they 're ma'am o'clock y' all 's"),
        ("A “blurry” page can’t be read", "a blurry page ca n't be read"),
        ("a screen says \"cannot repair\" or 'gonna'", "a screen says can not repair or gon na"),
        ("a can (with lid) [sic] {x}", "a can -lrb- with lid -rrb- -lsb- sic -rsb- -lcb- x -rcb-"),
        ("black-and-white, a/c and/or red - no -- end...", "black-and-white a/c and/or red no end"),
        ("it is 12:18 on 4/2013, 1,000.50 of 100%", "it is 12:18 on 4/2013 1,000.50 of 100 %"),
        ("costs $5.99 or £5 or 5¢, #1", "costs $ 5.99 or # 5 or 5 cents # 1"),
        ("3.5oz 16gb 555-1234 ½ 1990's '90s", "3.5 oz 16gb 555-1234 1/2 1990 's '90s"),
        ("Dr. Pepper of St. Louis, Inc. at 5 a.m. in the U.S. with 8 oz.",
         "dr. pepper of st. louis inc. at 5 a.m. in the u.s. with 8 oz"),
        ("vitamin C. is no. 5, no. It sat. AT&amp;T at&t", "vitamin c. is no. 5 no it sat at&t at & t"),
        ("what?! hello!! #tag www.example.com file.txt.", "what ?! hello !! #tag www.example.com file.txt"),
        ("US$5 for C++, a 5.9-mile 60,000-word book", "us$ 5 for c++ a 5.9-mile 60,000-word book"),
        ("p+1 at -5 or +5", "p +1 at -5 or +5"),
        ("the keys j, k and L.", "the keys j k and l"),  # where the next caption begins in upper case
        ("café ñ 日本語", "café ñ 日本語"),
    ],
)  # fmt: skip
def test_words_are_those_of_the_published_tokenizer(caption: str, words: str) -> None:
    assert caption_words(caption) == words.split()


def test_line_ends_within_a_caption_only_separate_words() -> None:
    assert caption_words(" A dog\rand\r\na\tcat\n") == ["a", "dog", "and", "a", "cat"]


@pytest.mark.parametrize("caption", ["", " \r\n", "...", "'' -- \"!\""])
def test_a_caption_without_words_has_none(caption: str) -> None:
    assert caption_words(caption) == []


@given(st.text())
def test_no_word_is_empty_or_has_white_space(caption: str) -> None:
    words = caption_words(caption)

    assert " ".join(words).split() == words


def test_a_long_run_of_one_character_takes_no_time() -> None:
    for caption in ("a" * 2_000, "1" * 2_000, "a-" * 1_000, "a." * 1_000, "1," * 1_000, "n't" * 600):
        caption_words(caption)
