"""The model card's text."""

from typing import Any, Dict, Optional

from podtune.cards.front_matter import to_yaml
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.markup import Markdown
from podtune.steps.write_card.metadata import front_matter
from podtune.steps.write_card.templates import markdown_templates, values


def card_with_front_matter(contents: Contents, picture: str) -> str:
    """The whole README.md, with `picture` as the relative path of the loss curve."""
    return f"{to_yaml(front_matter(contents))}\n{card_body(contents, picture)}"


def card_body(contents: Contents, picture: Optional[str]) -> str:
    """The card as Markdown without its front matter, for viewers that know neither it nor relative pictures."""
    templates = markdown_templates()
    usage = templates.get_template(f"usage/{contents.records.features.task}.md.jinja").render(_used_with(contents))
    return templates.get_template("readme.md.jinja").render(
        picture=Markdown(picture) if picture else None, usage=Markdown(usage), **values(contents)
    )


def _used_with(contents: Contents) -> Dict[str, Any]:
    """The name and the settings that a user of the model needs."""
    prepared, scored = contents.records.features.settings, contents.records.evaluation.settings
    return {
        **prepared,
        **scored,
        "name": Markdown(contents.name),
        "probabilities": Markdown("softmax(0)" if prepared.get("labels") == "hard" else "sigmoid()"),
    }
