from typing import Optional, Set

import pytest
from podtune_pipelines.card_check.known import data_mentioned, data_named, families_in, family_described


@pytest.mark.parametrize(
    ("identifier", "title"),
    [
        ("rajpurkar/squad", "SQuAD v1.1"),
        ("SQuAD", "SQuAD v1.1"),
        ("squad_v2", "SQuAD v2.0"),
        ("Graphcore/gqa-lxmert", "GQA balanced"),
        ("podtune/sample-squad", None),
    ],
)
def test_data_sets_are_known_by_their_whole_name(identifier: str, title: Optional[str]) -> None:
    data = data_named(identifier)

    assert (data.title if data else None) == title


@pytest.mark.parametrize(
    ("path", "title"),
    [("squad_v2_bert_base", "SQuAD v2.0"), ("/tmp/vqa/", "VQA v2"), ("squad_roberta", "SQuAD v1.1"), ("out", None)],
)
def test_paths_mention_data_sets(path: str, title: Optional[str]) -> None:
    data = data_mentioned(path)

    assert (data.title if data else None) == title


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("FacebookAI/roberta-base", {"RoBERTa"}),
        ("unc-nlp/lxmert-base-uncased", {"LXMERT"}),
        ("ViTGPT2I2A", {"ViT", "GPT-2"}),
        ("google/vit-base-patch16-224-in21k", {"ViT"}),
        ("sentence-transformers/all-MiniLM-L6-v2", {"MiniLM"}),
        ("activity-model", set()),
        ("distilbert-base", {"DistilBERT"}),
    ],
)
def test_names_mention_families(name: str, families: Set[str]) -> None:
    assert families_in(name) == families


@pytest.mark.parametrize(
    ("sentence", "family"),
    [
        ("BERT (Bidirectional Encoder) is a model", "BERT"),
        ("LXMERT is an encoder", "LXMERT"),
        ("Trained like BERT is", None),
        ("It is based on BERT", None),
    ],
)
def test_descriptions_are_recognised_by_their_beginning(sentence: str, family: Optional[str]) -> None:
    assert family_described(sentence) == family
