"""All rules, and a card held against them."""

from typing import Callable, Dict, Iterator, List, Tuple

from podtune_pipelines.card_check import (
    rules_of_metadata,
    rules_of_prose,
    rules_of_results,
    rules_of_settings,
    rules_of_tables,
)
from podtune_pipelines.card_check.claims import Claims
from podtune_pipelines.card_check.extraction import claims_of
from podtune_pipelines.card_check.finding import Finding, Severity

Rule = Callable[[Claims], Iterator[Tuple[int, str]]]

RULES: Dict[Severity, Tuple[Rule, ...]] = {
    "contradiction": (
        rules_of_metadata.results_empty,
        rules_of_settings.command_contradicts_list,
        rules_of_settings.output_directory_names_other_data,
        rules_of_results.denominator_is_not_eval_samples,
        rules_of_results.impossible_share,
        rules_of_results.samples_are_no_known_split,
        rules_of_results.speed_contradicts_samples,
        rules_of_results.speed_contradicts_steps,
        rules_of_results.results_differ,
        rules_of_results.count_contradicts_share,
        rules_of_tables.epochs_contradict_steps,
        rules_of_tables.headline_is_not_the_last_row,
        rules_of_tables.data_used_in_part,
        rules_of_prose.another_model_described,
        rules_of_prose.base_model_incomplete,
    ),
    "metadata": (
        rules_of_metadata.front_matter_missing,
        rules_of_metadata.front_matter_unreadable,
        rules_of_metadata.line_breaks_lost,
        rules_of_metadata.hub_rules_broken,
        rules_of_metadata.metadata_missing,
        rules_of_metadata.model_name_differs,
        rules_of_metadata.task_does_not_fit_data,
        rules_of_prose.placeholder_left,
        rules_of_prose.generated_comment_left,
    ),
    "doubt": (
        rules_of_settings.list_omits_command,
        rules_of_settings.continuation_glued,
        rules_of_settings.batch_does_not_multiply_out,
        rules_of_settings.padded_far_beyond_data,
        rules_of_settings.generation_settings_missing,
        rules_of_results.windows_counted_as_questions,
        rules_of_results.loss_on_float16_grid,
        rules_of_results.losses_far_apart,
        rules_of_results.partial_batch_dropped,
        rules_of_results.training_figures_missing,
        rules_of_results.epoch_among_results,
        rules_of_results.results_not_in_a_table,
        rules_of_tables.validation_loss_rises,
        rules_of_tables.last_step_not_in_the_table,
        rules_of_tables.loss_implausibly_low,
        rules_of_prose.superlative_undated,
        rules_of_prose.limitations_missing,
        rules_of_prose.encoding_broken,
        rules_of_prose.page_residue,
        rules_of_prose.link_lost,
        rules_of_prose.link_label_differs,
        rules_of_prose.misspelling,
        rules_of_prose.split_not_named,
        rules_of_prose.official_metrics_missing,
        rules_of_prose.evaluated_on_pretraining_data,
    ),
}
"""Every rule by the severity of what it finds."""


def check_card(text: str) -> List[Finding]:
    """Hold a card against every rule; contradictions first, then by line."""
    claims = claims_of(text)
    return [
        Finding(rule.__name__.replace("_", "-"), severity, line, message)
        for severity, rules in RULES.items()
        for line, message, rule in sorted(
            ((line, message, rule) for rule in rules for line, message in rule(claims)), key=lambda found: found[0]
        )
    ]
