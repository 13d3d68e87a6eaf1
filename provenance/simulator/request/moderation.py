"""
The content filter: it objects to marker words, in each of the spellings that clients meet.
"""

from __future__ import annotations

from enum import Enum

from provenance.simulator.api_error import ApiError

_PROMPT = (
    "Your request was rejected as a result of our safety system. Your prompt may contain text that is not "
    "allowed by our safety system."
)
_OUTPUT = "Generated image was filtered as a result of our safety system."
_TASK = "Your task failed as a result of our safety system."
_MANAGED = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
    "Please modify your prompt and retry."
)
_CATEGORIES = ("hate", "self_harm", "sexual", "violence")


class FilterSpelling(Enum):
    """
    How the refusal of a prompt or of an image is written.
    """

    CONTENT_POLICY_VIOLATION = "content_policy_violation"
    TASK_FAILED = "contentFilter"
    CONTENT_FILTER = "content_filter"
    MODERATION_BLOCKED = "moderation_blocked"
    SAFETY_VIOLATIONS = "safety_violations"


class FilterStage(Enum):
    """
    What the filter objected to.
    """

    PROMPT = "prompt"
    OUTPUT = "output"


def passed_results(*, prompt: bool) -> dict[str, object]:
    """
    Write the annotations of what was not filtered; those of prompts tell of two things more.
    """
    results: dict[str, object] = {name: {"filtered": False, "severity": "safe"} for name in _CATEGORIES}
    if prompt:
        results["jailbreak"] = {"detected": False, "filtered": False}
        results["profanity"] = {"detected": False, "filtered": False}
    return results


def filtered(
    stage: FilterStage, spelling: FilterSpelling, *, created: int, revised_prompt: str | None
) -> ApiError:
    """
    Refuse a prompt, or the image made from it.

    Args:
        stage: What is refused.

        spelling: How to say so.

        created: Seconds since the epoch.

        revised_prompt: The prompt as rewritten, where the spelling has a place for it; None to leave it out.
    """
    message = _PROMPT if stage is FilterStage.PROMPT else _OUTPUT
    if spelling is FilterSpelling.TASK_FAILED:
        text = _TASK if stage is FilterStage.PROMPT else _OUTPUT
        return ApiError(400, {"created": created, "error": {"code": "contentFilter", "message": text}})
    if spelling is FilterSpelling.CONTENT_FILTER:
        error = _content_filter(_MANAGED if stage is FilterStage.PROMPT else _OUTPUT, stage)
    elif spelling is FilterSpelling.MODERATION_BLOCKED:
        error = _moderation_blocked(message, stage)
    elif spelling is FilterSpelling.SAFETY_VIOLATIONS:
        error = _safety_violations(stage)
    else:
        error = _policy_violation(message, stage, revised_prompt)
    return ApiError(400, {"error": error})


def _policy_violation(message: str, stage: FilterStage, revised_prompt: str | None) -> dict[str, object]:
    inner: dict[str, object] = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_results": _objection(stage),
    }
    if revised_prompt is not None:
        inner["revised_prompt"] = revised_prompt
    return {
        "code": "content_policy_violation",
        "inner_error": inner,
        "message": message,
        "type": "invalid_request_error",
    }


def _content_filter(message: str, stage: FilterStage) -> dict[str, object]:
    return {
        "message": message,
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": _objection(stage),
        },
    }


def _moderation_blocked(message: str, stage: FilterStage) -> dict[str, object]:
    where = "input" if stage is FilterStage.PROMPT else "output"
    return {
        "message": message,
        "type": "image_generation_user_error",
        "param": None,
        "code": "moderation_blocked",
        "moderation_details": {"moderation_stage": where, "categories": ["violence"]},
    }


def _safety_violations(stage: FilterStage) -> dict[str, object]:
    # The categories stand in the message and nowhere else.
    what = "Your request was rejected by the safety system." if stage is FilterStage.PROMPT else _OUTPUT
    return {
        "message": f"{what} safety_violations=[violence].",
        "type": "image_generation_user_error",
        "param": None,
        "code": "moderation_blocked",
    }


def _objection(stage: FilterStage) -> dict[str, object]:
    results = passed_results(prompt=stage is FilterStage.PROMPT)
    return results | {"violence": {"filtered": True, "severity": "high"}}
